/** Drafts and overlays of a configuration in a real browser, on a real control plane with Collectors that only say who they are. */
import { randomUUIDv7 } from "node:crypto";
import { createOpAMPClient } from "@elastic/opamp-client-node";
import type { Browser, Page } from "playwright-core";
import { expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { axe } from "./axe.ts";
import { launchBrowser } from "./browser.ts";
import { buildDashboard } from "./flowplane.ts";
import { isMissing, openPage } from "./visit.ts";

const BODY = `receivers:
  otlp:
    protocols: {grpc: {endpoint: "127.0.0.1:4317"}}
exporters:
  debug:
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;
/** Of every browser that was signed in. */
const complaintsOf: (readonly string[])[] = [];

test.skipIf(isMissing)(
  "a draft follows its writer from browser to browser, and its overlays are seen before anybody is sent them",
  { timeout: 300_000 },
  async () => {
    await buildDashboard();
    await using plane = await startControlPlane({ command: "up" });
    await using collectors = startCollectors(plane, ["edge-1", "edge-2"]);
    const [prod = "", other = ""] = await collectors.ids();
    await plane.client.agentChange({ params: { agent_id: prod }, body: { labels: { env: "prod" } } });
    await plane.client.agentChange({ params: { agent_id: other }, body: { labels: { env: "dev" } } });
    const { id } = await plane.client.configurationCreate({ body: { name: "edge", body: BODY } });
    const params = { configuration_id: id };
    await using browser = await launchBrowser();
    const page = await signIn(browser, (await plane.client.signInLinkCreate({ body: {} })).url);
    const here = `${plane.url}/configurations/${id}`;

    // An overlay, by the keyboard alone.
    await page.goto(here);
    await page.getByText(/^v1, as it was saved\./).waitFor();
    await page.getByRole("button", { name: "Add overlay…" }).press("Enter");
    await page.getByRole("dialog").getByLabel("Name").fill("prod");
    await page.keyboard.press("Tab");
    await page.keyboard.insertText('labels.env == "prod"');
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "1 prod", pressed: true }).waitFor();
    await page.getByText("Matches 1 of 2 Collectors.").first().waitFor();
    const overlay = page.getByRole("textbox", { name: "Overlay prod" });
    await overlay.click();
    await page.keyboard.insertText(
      "exporters: {debug: {verbosity: basic}}\nservice:\n  telemetry: {}\n  pipelines: {logs: {exporters: [debgu]}}\n",
    );
    // A problem is told where it is, and leads there from another text.
    const problem = page
      .getByRole("region", { name: "Problems" })
      .getByRole("button", { name: /^prod 4:\d+/ });
    await problem.waitFor();
    await page.getByRole("group", { name: "Texts" }).getByRole("button", { name: "Base" }).click();
    await problem.click();
    await page.getByRole("textbox", { name: "Overlay prod" }).and(page.locator(":focus")).waitFor();
    await page.locator(".cm-activeLine").getByText("debgu").waitFor();
    await page.getByText("Draft saved").waitFor();
    expect(await axe(page)).toEqual([]);

    // Another browser of the same person has it, unfinished as it is.
    const laptop = await signIn(browser, (await plane.client.signInLinkCreate({ body: {} })).url);
    await laptop.goto(`${here}?overlay=prod`);
    const there = laptop.getByRole("textbox", { name: "Overlay prod" });
    await there.getByText("debgu").waitFor();
    await there.click();
    await laptop.keyboard.press("Control+a");
    await laptop.keyboard.insertText("exporters: {debug: {verbosity: basic}}\n");
    await laptop.getByText("Draft saved just now").waitFor();
    await laptop.getByText("A Collector would take it.").waitFor();

    // The first one is told as soon as it writes, and writes over nothing.
    await page.getByRole("group", { name: "Texts" }).getByRole("button", { name: "Base" }).click();
    await page.getByRole("textbox", { name: "Configuration" }).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("# an older thought\n");
    await page.getByText(/went on in another window/).waitFor();
    expect(await axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Show that one" }).click();
    await page.getByText("Draft saved").waitFor();
    await page.getByText("A Collector would take it.").waitFor();

    // Others see that it is there; what stands in it they do not.
    const invited = await plane.client.memberInvite({ body: { email: "ada@example.org", role: "operator" } });
    const ada = await signIn(browser, invited.link?.url ?? "");
    await ada.goto(here);
    await ada.getByText(/^Owner has a draft, last changed /).waitFor();
    await ada.getByText(/^v1, as it was saved\./).waitFor();

    // Somebody saves a version meanwhile: the draft says so and offers the difference.
    await plane.client.configurationVersionCreate({
      params,
      body: { body: BODY.replace("4317", "4319"), message: "Another port" },
    });
    await page.getByText("v2 was saved since you began").waitFor();
    await page.getByRole("link", { name: "see what it changed" }).click();
    await page.locator("ins").filter({ hasText: "4319" }).waitFor();
    await page.getByRole("link", { name: "Editor" }).click();
    await page.getByRole("button", { name: "put your text in its place" }).click();
    await page.getByText(/^Your draft on v2: \d+ lines added/).waitFor();
    await page.getByText("Draft saved").waitFor();

    // What each agent would be sent, and which lines the overlay brought.
    await page.getByRole("link", { name: "Preview" }).click();
    await page.getByRole("button", { name: /^prod\s*1 Collector/ }).click();
    await page.getByRole("heading", { name: "For edge-1: prod" }).waitFor();
    const brought = page
      .getByRole("region", { name: "Text for edge-1" })
      .getByRole("row")
      .filter({ hasText: "verbosity: basic" });
    expect(await brought.getByRole("cell", { name: "prod" }).count()).toBe(1);
    await page.getByRole("button", { name: /^the base alone/ }).click();
    await page.getByRole("heading", { name: "For edge-2: the base alone" }).waitFor();
    await page.getByLabel("Find a Collector").fill("edge-1");
    await page
      .getByRole("button", { name: /^edge-1/ })
      .last()
      .click();
    await page.getByRole("heading", { name: "For edge-1: prod" }).waitFor();
    expect(await axe(page)).toEqual([]);

    // Saved, it is a version with its overlay, and no draft.
    await page.getByRole("link", { name: "Editor" }).click();
    await page.getByRole("button", { name: "Save…" }).and(page.locator(":not([aria-disabled])")).click();
    await page.getByRole("heading", { name: "Overlay prod, added" }).waitFor();
    await page.getByLabel("What changed and why").fill("Less noise in production");
    expect(await axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText(/^v3, as it was saved\./).waitFor();
    expect(await plane.client.configurationRead({ params })).toMatchObject({ current_version: 3, drafts: 0 });
    await laptop.getByText(/^v3, as it was saved\./).waitFor();
    await ada.getByText(/has a draft/).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Versions and differences" }).click();
    await page.getByRole("heading", { name: "Overlay prod, added" }).waitFor();
    expect(await axe(page)).toEqual([]);
    // Whoever leaves the editor sends what waits there, and nothing did.
    expect((await plane.client.configurationRead({ params })).drafts).toBe(0);
    await page.getByRole("link", { name: "Editor" }).click();
    await page.getByText(/^v3, as it was saved\./).waitFor();

    // Without the control plane nothing is lost: it is kept here, and there once it answers.
    await page.getByRole("textbox", { name: "Configuration" }).click();
    await page.context().setOffline(true);
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("# while away\n");
    await page.getByText("The draft could not be saved").waitFor();
    expect(await axe(page)).toEqual([]);
    await page.context().setOffline(false);
    await page.getByText("Draft saved").waitFor();

    // Thrown away only when asked twice.
    await page.getByRole("button", { name: "Discard draft…" }).click();
    await page.getByRole("button", { name: "Keep it" }).click();
    await page.getByText(/^Your draft on v3: 1 line added, 0 removed/).waitFor();
    await page.getByRole("button", { name: "Discard draft…" }).click();
    await page.getByRole("button", { name: "Discard draft", exact: true }).click();
    await page.getByText(/^v3, as it was saved\./).waitFor();
    expect((await plane.client.configurationRead({ params })).drafts).toBe(0);

    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of ["?overlay=prod", "/preview", "/versions"]) {
      await page.goto(here + path);
      await page.getByText("prod", { exact: false }).first().waitFor();
      const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate<number>(overflow), path).toBe(0);
      expect(await axe(page), path).toEqual([]);
    }
    expect(complaintsOf.flat()).toEqual([]);
  },
);

/** Somebody in a browser of their own, signed in. */
async function signIn(browser: Browser, url: string): Promise<Page> {
  const { page, complaints } = await openPage(browser);
  complaintsOf.push(complaints);
  await page.goto(url);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  return page;
}

/** OpAMP agents of another make, which the fleet takes for Collectors. */
function startCollectors(plane: ControlPlane, names: readonly string[]) {
  const clients = names.map(async (name) => {
    const { secret } = await plane.client.bearerCreate({ body: { name } });
    const client = createOpAMPClient({
      endpoint: `${plane.url}/v1/opamp`,
      instanceUid: randomUUIDv7(),
      headers: { authorization: `Bearer ${secret}` },
      heartbeatIntervalSeconds: 1,
    });
    client.setAgentDescription({
      identifyingAttributes: { "service.name": "otelcol", "service.version": "0.161.0" },
      nonIdentifyingAttributes: {},
    });
    client.start();
    return client;
  });
  return {
    /** In the order of the names, once all are in the fleet. */
    ids: () =>
      eventually("the Collectors in the fleet", async () => {
        const { items } = await plane.client.agentList({ query: { kind: "collector" } });
        const ids = names.flatMap(
          (name) => items.find((agent) => agent.name === name && agent.state === "connected")?.id ?? [],
        );
        return ids.length === names.length ? ids : undefined;
      }),
    async [Symbol.asyncDispose]() {
      for (const client of clients) await (await client).shutdown();
    },
  };
}
