/** Many agents chosen and acted on together, and saved filters, in a browser against a real control plane. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "@flowplane/contract";
import { ConnectionSettingsStatuses } from "@flowplane/opamp";
import { startControlPlane, type ControlPlane } from "../harness/index.ts";
import { axe } from "./axe.ts";
import { launchBrowser } from "./browser.ts";
import { buildDashboard } from "./flowplane.ts";
import { OpampAgent } from "./opamp-agent.ts";
import { isMissing, openPage } from "./visit.ts";

const GATEWAYS = 30;
const CONFIGURATION =
  "receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";

describe.skipIf(isMissing)("the fleet page", { timeout: 180_000 }, () => {
  let plane: ControlPlane;
  let browser: Browser;
  const complaintsOf: (readonly string[])[] = [];
  beforeAll(async () => {
    await buildDashboard();
    plane = await startControlPlane();
    browser = await launchBrowser();
    const { secret } = await plane.client.enrolmentTokenCreate({ body: { uses_max: GATEWAYS } });
    const gateways = createClient({
      origin: plane.url,
      headers: () => ({ authorization: `Bearer ${secret}` }),
    });
    for (let index = 1; index <= GATEWAYS; index += 1) {
      const instance_id = `gateway-${String(index).padStart(2, "0")}`;
      // The last two are called the same.
      const name = index > GATEWAYS - 2 ? "twin" : instance_id;
      await gateways.gatewayRegister({
        body: { name, instance_id, metadata: { capabilities: ["AcceptsRemoteConfig"] } },
      });
    }
    await plane.client.configurationCreate({ body: { name: "edge", body: CONFIGURATION } });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await plane?.[Symbol.asyncDispose]();
  });

  /** A browser of its own, signed in, at a place of the dashboard. */
  async function open(path: string): Promise<Page> {
    const { page, complaints } = await openPage(browser);
    complaintsOf.push(complaints);
    const { url } = await plane.client.signInLinkCreate({ body: {} });
    await page.goto(url);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.goto(`${plane.url}${path}`);
    await page.getByRole("table", { name: "Agents" }).waitFor();
    return page;
  }
  const toolbar = (page: Page) => page.getByRole("toolbar", { name: "Chosen agents" });
  const isSaid = (page: Page, words: string) =>
    toolbar(page).getByRole("status").getByText(words, { exact: true }).waitFor();
  const box = (page: Page, name: string) => page.getByRole("checkbox", { name: `Choose ${name}` });
  const row = (page: Page, name: string) =>
    page.getByRole("row").filter({ has: page.getByRole("cell", { name, exact: true }) });
  /** In the dialog: what became of it. */
  const outcome = (page: Page, words: string) =>
    page.getByRole("dialog").getByRole("status").getByText(words, { exact: true }).waitFor();
  const more = async (page: Page, item: string) => {
    await toolbar(page).getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
  };

  test("rows are chosen by keys, also after a click on a box", async () => {
    const page = await open("/agents?kind=gateway");
    await page.getByText(`${GATEWAYS} agents`, { exact: true }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await isSaid(page, "1 agent chosen");
    expect(await box(page, "gateway-01").isChecked()).toBe(true);
    await box(page, "gateway-05").click();
    await isSaid(page, "2 agents chosen");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await isSaid(page, "3 agents chosen");
    expect(await box(page, "gateway-06").isChecked()).toBe(true);
    await page.keyboard.press("k");
    await page.keyboard.press("x");
    await isSaid(page, "2 agents chosen");
    expect(await box(page, "gateway-05").isChecked()).toBe(false);
    await page.keyboard.press("Escape");
    await toolbar(page).waitFor({ state: "detached" });
    await page.context().close();
  });

  test("columns are chosen, and stay so in this browser", async () => {
    const page = await open("/agents?kind=gateway");
    const head = (name: string) => page.getByRole("columnheader", { name, exact: true });
    await head("Labels").waitFor();
    expect(await head("Site").count()).toBe(0);
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Site" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Labels" }).click();
    await page.keyboard.press("Escape");
    expect(await axe(page)).toEqual([]);
    await row(page, "gateway-01").getByRole("cell", { name: "default", exact: true }).waitFor();
    await page.reload();
    await head("Site").waitFor();
    expect(await head("Labels").count()).toBe(0);
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("menuitem", { name: "The usual ones" }).click();
    await head("Labels").waitFor();
    expect(await head("Site").count()).toBe(0);
    await page.context().close();
  });

  test("a label for some is seen in the list at once, as is what others change; nothing is wrong for axe", async () => {
    const page = await open("/agents?kind=gateway");
    await box(page, "gateway-02").click();
    await box(page, "gateway-04").click({ modifiers: ["Shift"] });
    await isSaid(page, "3 agents chosen");
    await toolbar(page).getByRole("button", { name: "Add label" }).click();
    await page.getByText("3 agents in 1 site.").waitFor();
    await page.getByRole("textbox", { name: "Label" }).fill("env=prod");
    expect(await axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Label 3 agents" }).click();
    await outcome(page, "3 agents done, 0 failed.");
    await page.getByRole("button", { name: "Done" }).click();
    for (const name of ["gateway-02", "gateway-03", "gateway-04"])
      await row(page, name).getByText("env=prod").waitFor();
    const { items } = await plane.client.agentList({ query: { q: "label.env=prod" } });
    expect(items.map(({ name }) => name)).toEqual(["gateway-02", "gateway-03", "gateway-04"]);

    const [first] = (await plane.client.agentList({ query: { q: "gateway-01" } })).items;
    await plane.client.agentChange({
      params: { agent_id: first?.id ?? "" },
      body: { labels: { changed: "elsewhere" } },
    });
    await row(page, "gateway-01").getByText("changed=elsewhere").waitFor();
    await page.context().close();
  });

  test("all that match but one: what fails is told agent by agent", async () => {
    const page = await open("/agents?kind=gateway");
    await box(page, "gateway-01").click();
    await toolbar(page)
      .getByRole("button", { name: `Choose all ${GATEWAYS} agents that match` })
      .click();
    await isSaid(page, `All ${GATEWAYS} agents that match`);
    await box(page, "gateway-07").click();
    await isSaid(page, `${GATEWAYS - 1} agents chosen`);
    await more(page, "Restart");
    await page.getByLabel("Reason").fill("to see what cannot be done");
    await page.getByRole("button", { name: `Restart ${GATEWAYS - 1} agents` }).click();
    // Gateways speak no OpAMP: none of them can be asked to restart.
    await outcome(page, `0 agents done, ${GATEWAYS - 1} failed.`);
    const failures = page.getByRole("list", { name: "What failed" }).getByRole("listitem");
    expect(await failures.count()).toBe(GATEWAYS - 1);
    const words = await failures.allInnerTexts();
    expect(words.some((text) => text.startsWith("gateway-07"))).toBe(false);
    for (const text of words) expect(text).toMatch(/^(gateway-\d\d|twin) \S+ .+/);
    await page.getByRole("button", { name: "Try the failed ones again" }).waitFor();
    await page.context().close();
  });

  test("an action that is under way can be stopped; who was not touched is told", async () => {
    const page = await open("/agents?kind=gateway");
    const gate = Promise.withResolvers<void>();
    let held = 0;
    const isFull = Promise.withResolvers<void>();
    await page.route("**/api/v1/agents/*", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      held += 1;
      if (held === 4) isFull.resolve();
      await gate.promise;
      return route.continue();
    });
    await page.getByRole("checkbox", { name: `Choose all ${GATEWAYS} agents` }).click();
    await toolbar(page).getByRole("button", { name: "Add label" }).click();
    await page.getByRole("textbox", { name: "Label" }).fill("half=way");
    await page.getByRole("button", { name: `Label ${GATEWAYS} agents` }).click();
    await isFull.promise;
    await page.getByRole("dialog").getByText("Keep this page open").waitFor();
    await page.getByRole("button", { name: "Stop here" }).click();
    gate.resolve();
    await outcome(page, `4 agents done, 0 failed, ${GATEWAYS - 4} not touched.`);
    const { total } = await plane.client.agentList({ query: { q: "label.half=way" } });
    expect(total).toBe(4);
    await page.context().close();
  });

  test("a rollout to one of two namesakes reaches that one alone", async () => {
    const page = await open("/agents?kind=gateway&q=twin");
    await page.getByText("2 agents", { exact: true }).waitFor();
    await box(page, "twin").first().click();
    await isSaid(page, "1 agent chosen");
    await toolbar(page).getByRole("button", { name: "Roll out to these" }).click();
    await page.getByRole("heading", { level: 1, name: "New rollout" }).waitFor();
    const selector = await page.getByLabel("Selector").inputValue();
    const [, id = ""] = /^id == "([0-9a-f-]{36})"$/.exec(selector) ?? [];
    expect((await plane.client.agentRead({ params: { agent_id: id } })).name).toBe("twin");
    await page.getByText("1 agent", { exact: true }).waitFor();
    await page.context().close();
  });

  test("an agent that is offered a new credential: reconnecting, refused with its reason, and come with the next", async () => {
    const url = `${plane.url.replace(/^http/, "ws")}/v1/opamp`;
    const uid = "018f0000-0000-7000-8000-0000000000e2";
    const { secret, bearer } = await plane.client.bearerCreate({ body: { name: "edge-7" } });
    using first = await OpampAgent.connect(url, uid, `Bearer ${secret}`);
    const page = await open("/agents?kind=collector");
    await row(page, "edge-7").getByText("Connected", { exact: true }).waitFor();
    await page.goto(`${plane.url}/agents/${bearer.agent_id}`);
    const header = page.getByRole("banner").or(page.locator("header"));
    const isShown = (words: string) => header.getByText(words, { exact: true }).first().waitFor();
    const giveCredential = async () => {
      await page.getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: "Give it a new credential…" }).click();
      await page.getByRole("dialog").getByLabel("Reason").fill("yearly rotation");
    };

    await giveCredential();
    expect(await axe(page)).toEqual([]);
    await page.getByRole("button", { name: "Offer it" }).click();
    await isShown("Reconnecting");
    const { hash: refused } = await first.offered();
    first.say({
      connectionSettingsStatus: {
        lastConnectionSettingsHash: refused,
        status: ConnectionSettingsStatuses.ConnectionSettingsStatuses_FAILED,
        errorMessage: "x509: certificate signed by unknown authority",
      },
    });
    await isShown("Kept old connection");
    const why = "It kept its old connection: x509: certificate signed by unknown authority.";
    await isShown(why);
    await page.goto(`${plane.url}/agents?kind=collector`);
    await row(page, "edge-7").getByText("Kept old connection", { exact: true }).waitFor();
    const listed = async () => (await plane.client.agentList({ query: { q: "edge-7" } })).items[0];
    expect((await listed())?.connection_change).toMatchObject({ state: "kept_old", sentence: why });

    await page.goto(`${plane.url}/agents/${bearer.agent_id}`);
    await giveCredential();
    await page.getByRole("button", { name: "Offer it" }).click();
    await isShown("Reconnecting");
    const { authorization } = await first.offered();
    first[Symbol.dispose]();
    using _second = await OpampAgent.connect(url, uid, authorization);
    await isShown("Connected");
    expect((await listed())?.connection_change).toBeNull();
    await page.context().close();
  });

  test("identities of agents a filter finds are revoked after their number is typed, and the list says so", async () => {
    const page = await open("/agents?q=label.env%3Dprod");
    await page.getByRole("checkbox", { name: "Choose all 3 agents" }).click();
    await more(page, "Revoke");
    await page.getByLabel("Reason").fill("they are gone");
    const revoke = page.getByRole("button", { name: "Revoke 3 agents" });
    expect(await revoke.getAttribute("aria-disabled")).toBe("true");
    await page.getByLabel("Type 3 to confirm").fill("3");
    await revoke.click();
    await outcome(page, "3 agents done, 0 failed.");
    await page.getByRole("button", { name: "Done" }).click();
    await row(page, "gateway-03").getByText("Revoked").waitFor();
    const { items } = await plane.client.agentList({ query: { q: "label.env=prod" } });
    expect(items.map(({ state }) => state)).toEqual(["revoked", "revoked", "revoked"]);
    await page.context().close();
  });

  test("both sides of a rollout stand side by side on its page, and what they lack for a verdict is said", async () => {
    const { items } = await plane.client.configurationList({});
    const { id } = await plane.client.rolloutCreate({
      body: {
        configuration_id: items[0]?.id ?? "",
        selector: 'name.startsWith("gateway-2")',
        plan: { waves: [{ count: 1 }, { percent: 100 }] },
      },
    });
    const page = await open("/agents");
    await page.goto(`${plane.url}/rollouts/${id}`);
    await page.getByRole("button", { name: "Comparison" }).click();
    await page
      .getByText("v1 compared with agents that do not have it yet: not enough data for a verdict yet.")
      .waitFor();
    const figures = page.getByRole("region", { name: "Figures of both sides" }).getByRole("row");
    expect(await figures.count()).toBe(1 + 11);
    await figures.filter({ hasText: "Agents that failed" }).getByText("Not enough data").waitFor();
    await page.getByRole("button", { name: "Traces" }).click();
    await page.waitForURL((url) => url.searchParams.get("signal") === "traces");
    expect(await axe(page)).toEqual([]);
    await page.context().close();
  });

  test("a saved view is there on every browser: opened by its name or address, renamed, forgotten and brought back", async () => {
    const page = await open("/agents?q=label.env%3Dprod");
    const views = (on: Page, name: string) => on.getByRole("button", { name, exact: true });
    const choose = (on: Page, item: string, role: "menuitem" | "menuitemcheckbox" = "menuitem") =>
      on.getByRole(role, { name: item, exact: true }).click();
    await views(page, "Views").click();
    await choose(page, "Save this filter…");
    await page.getByRole("textbox", { name: "Name" }).fill("Production");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await views(page, "Production").waitFor();

    const elsewhere = await open("/agents");
    await views(elsewhere, "Views").click();
    await choose(elsewhere, "Production", "menuitemcheckbox");
    await elsewhere.waitForURL((url) => url.searchParams.get("q") === "label.env=prod");
    await elsewhere.getByText("3 agents", { exact: true }).waitFor();
    await elsewhere.goto(`${plane.url}/agents?q=label.env%3Dprod`);
    await views(elsewhere, "Production").click();
    await choose(elsewhere, "Rename “Production”…");
    await elsewhere.getByRole("textbox", { name: "Name" }).fill("Prod");
    await elsewhere.getByRole("button", { name: "Rename", exact: true }).click();
    await views(elsewhere, "Prod").waitFor();

    await page.reload();
    await views(page, "Prod").click();
    await choose(page, "Forget “Prod”");
    await views(page, "Views").waitFor();
    const kept = async () => (await page.request.get(`${plane.url}/api/v1/agent-views`)).json();
    expect(await kept()).toEqual({ items: [] });
    await page.getByRole("button", { name: "Undo" }).click();
    await views(page, "Prod").waitFor();
    await elsewhere.reload();
    await views(elsewhere, "Prod").waitFor();
    expect(await kept()).toMatchObject({ items: [{ name: "Prod", search: { q: "label.env=prod" } }] });
    expect(complaintsOf.flat()).toEqual([]);
    await page.context().close();
    await elsewhere.context().close();
  });
});
