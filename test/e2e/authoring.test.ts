/** What people write in a real browser on a real control plane: policies, configurations, rollouts; and a saved log that is looked into. */
import { expect } from "vitest";
import { visitTest } from "./visit.ts";

const LOOPING_LOG = Array.from(
  { length: 960 },
  (_, index) =>
    `2026-11-21T02:${String(Math.floor(index / 60)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}.000Z ${
      index < 60 ? `page ${index} of 2000 fetched` : "ERROR fetch page 412 failed: ECONNRESET, retrying"
    }`,
).join("\n");

visitTest(
  "a policy, a configuration and a rollout are written, and a saved log is looked into",
  async ({ flowplane, page, flow, see, signIn }) => {
    await signIn();

    await flow("a policy, its second version, and what differs between them", async () => {
      await page.goto(`${flowplane.origin}/policies/new`);
      await page.getByLabel("Name", { exact: true }).fill("Careful");
      await page.getByRole("button", { name: "Create the policy" }).click();
      await see("Careful");
      await page.getByRole("button", { name: "New version" }).click();
      await page.getByLabel("Mode").selectOption("enforce");
      await page
        .getByText(/no category has an action/)
        .first()
        .waitFor();
      const loop = page.getByRole("group", { name: "Loop" });
      await loop.getByRole("button", { name: "Add a rung" }).click();
      await loop.getByLabel("1st time").selectOption("stop");
      await page.getByLabel("What changed and why").fill("Loops are stopped now");
      await page.getByRole("button", { name: "Save the version" }).click();
      await page.getByRole("link", { name: "Versions", exact: true }).click();
      await page.getByText("Loops are stopped now").first().waitFor();
      await page.getByRole("heading", { name: "What v2 changed" }).waitFor();
      await page.locator("ins").filter({ hasText: "enforce" }).waitFor();
    });

    await flow("a configuration: its problems as one types, its versions", async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("c");
      await see("Configurations");
      await page.getByRole("button", { name: "Write the first configuration" }).click();
      await page.getByRole("textbox", { name: "Name", exact: true }).fill("edge");
      await page.getByRole("button", { name: /^memory_limiter/ }).waitFor();
      await page.getByRole("button", { name: "Create", exact: true }).click();
      await page.waitForURL(/\/configurations\/[0-9a-f-]{36}$/);
      await see("edge");
      const editor = page.getByRole("textbox", { name: "Configuration" });
      await editor.click();
      await page.keyboard.press("Control+End");
      await page.keyboard.insertText("nonsense: {}\n");
      const problem = page
        .getByRole("region", { name: "Problems" })
        .getByRole("button", { name: /nonsense/ });
      await problem.click();
      await page.keyboard.press("Control+z");
      await problem.waitFor({ state: "detached" });
      await page.keyboard.press("Control+End");
      await page.keyboard.insertText("# reviewed\n");
      await page.reload();
      await page.getByText(/Your draft on v1: 1 line added/).waitFor();
      await page.getByRole("button", { name: "Save…" }).and(page.locator(":not([aria-disabled])")).click();
      await page.getByRole("region", { name: "Difference from v1" }).getByText("# reviewed").waitFor();
      await page.getByLabel("What changed and why").fill("Reviewed with the team");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText(/^v2, as it was saved/).waitFor();
      await page.getByRole("link", { name: "Versions and differences" }).click();
      await page.getByRole("heading", { name: "What v2 does otherwise than v1" }).waitFor();
      await page.locator("ins").filter({ hasText: "# reviewed" }).waitFor();
      const difference = page.getByRole("region", { name: /^Difference of v1 and v2/ });
      await difference.getByRole("columnheader", { name: /v1.*v2/ }).waitFor();
      const rows = await difference.getByRole("row").count();
      await difference.getByRole("button", { name: /^Show \d+ equal lines$/ }).press("Enter");
      await difference.getByRole("button").waitFor({ state: "detached" });
      expect(await difference.getByRole("row").count()).toBeGreaterThan(rows);
      await difference.and(page.locator(":focus")).waitFor();
    });

    await flow("a rollout that nobody could take is told before it begins", async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("o");
      await see("Rollouts");
      await page.getByRole("button", { name: "Begin the first rollout" }).click();
      await see("New rollout");
      await page.getByLabel("Selector").fill("kind ==");
      await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
      await page.getByLabel("Selector").fill('kind == "collector"');
      await page.getByText(/^0 agents match/).waitFor();
      await page
        .getByRole("button", { name: /^Start/ })
        .and(page.locator("[aria-disabled]"))
        .waitFor();
      await page.getByLabel("Size of wave 1").fill("0");
      await page.getByText("At least 1 agents.").waitFor();
    });

    await flow("a saved log is looked into in the browser, and nothing of it is sent", async () => {
      const sent: string[] = [];
      page.on("request", (request) => sent.push(request.postData() ?? ""));
      await page.goto(`${flowplane.origin}/incidents/saved-log`);
      await page.getByLabel("Or paste it").fill(LOOPING_LOG);
      await page.getByRole("button", { name: "Look into it" }).click();
      await page.getByRole("heading", { name: "Why" }).waitFor();
      await page.getByText(/certain at line \d/).waitFor();
      expect(sent.some((body) => body.includes("ECONNRESET"))).toBe(false);
    });
  },
);
