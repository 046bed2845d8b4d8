/** A bad configuration and the mended one, brought to real supervisors and watched on the pages: real Collectors, real browser. */
import { createServer } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { startControlPlane } from "../harness/index.ts";
import { startFleet } from "../peers/fleet.ts";
import { supervisorPrograms } from "../peers/supervisor.ts";
import { axe } from "./axe.ts";
import { launchBrowser } from "./browser.ts";
import { buildDashboard } from "./flowplane.ts";
import { isMissing as isBrowserMissing, openPage, picture } from "./visit.ts";

const programs = await supervisorPrograms();
const isMissing = programs === undefined || isBrowserMissing;
const ENDED_MS_MAX = 180_000;

const CONFIGURATION = (port: string) => `receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:${port}"
exporters:
  debug: {}
service:
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [debug]
`;
const OWN_PORT = "${env:OTLP_PORT}";

test.skipIf(isMissing)(
  "a rollout that goes back by itself and the next one that arrives explain themselves on their pages",
  { timeout: 2 * ENDED_MS_MAX + 180_000 },
  async () => {
    if (programs === undefined) return;
    await buildDashboard();
    await using plane = await startControlPlane({ command: "up" });
    await using _fleet = await startFleet(
      plane,
      programs,
      Array.from({ length: 5 }, (_, index) => ({ name: `edge-${index + 1}`, transport: "ws" as const })),
    );
    await using browser = await launchBrowser();
    const { page, complaints } = await openPage(browser);
    const { url } = await plane.client.signInLinkCreate({ body: {} });
    await page.goto(url);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

    const { client } = plane;
    const { id: configuration_id } = await client.configurationCreate({
      body: { name: "edge", body: CONFIGURATION(OWN_PORT) },
    });
    const bring = async (version: number) =>
      client.rolloutCreate({
        body: {
          configuration_id,
          version,
          selector: 'labels.env == "prod"',
          plan: { waves: [{ count: 1 }, { percent: 60 }, { percent: 100 }], soak_seconds: 1 },
        },
      });
    const save = async (body: string, message: string) => {
      const params = { configuration_id };
      return (await client.configurationVersionCreate({ params, body: { body, message } })).version;
    };
    const watch = async (id: string, state: string) => {
      await page.goto(`${plane.url}/rollouts/${id}`);
      await page.getByRole("heading", { level: 1 }).getByText(state).waitFor({ timeout: ENDED_MS_MAX });
      expect(await axe(page)).toEqual([]);
    };

    await watch((await bring(1)).id, "Completed");

    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const bad = await save(CONFIGURATION(String(port)), "One port for all");
    const backId = (await bring(bad)).id;
    await watch(backId, "Rolled back");
    taken.close();
    await page
      .getByText(/exited unexpectedly/)
      .first()
      .waitFor();
    // It has gone back, and why it failed is still told, in the agent's own words.
    const failure = page.getByRole("listitem").filter({ hasText: /exited unexpectedly/ });
    await page.getByRole("heading", { name: "Failures" }).waitFor();
    await failure.getByRole("button", { name: /· 1 agent$/ }).click();
    await page.waitForURL((url) => url.searchParams.has("reason_code"));
    await page.getByRole("row").filter({ hasText: "Waiting" }).first().waitFor({ state: "detached" });
    await page.getByRole("row").filter({ hasText: "Went back" }).waitFor();
    await page.goto(`${plane.url}/rollouts/${backId}`);
    await page.getByRole("heading", { name: "Failures" }).waitFor();
    await picture(page, "rollout");

    const mended = await save(
      CONFIGURATION(OWN_PORT).replace("debug: {}", "debug: {verbosity: basic}"),
      "Say less",
    );
    await watch((await bring(mended)).id, "Completed");

    await page.goto(`${plane.url}/configurations/${configuration_id}`);
    await page.locator(".cm-content").waitFor();
    await page.getByText("127.0.0.1:").first().waitFor();
    expect(await axe(page)).toEqual([]);
    await picture(page, "configuration");

    await page.goto(`${plane.url}/agents`);
    await page.getByText("edge-5").first().waitFor();
    expect(await axe(page)).toEqual([]);
    await picture(page, "fleet");
    expect(complaints).toEqual([]);
  },
);
