/** The dashboard in a real browser on a real control plane with a real agent: the flows people come for, in their order. */
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findBrowser, launchBrowser } from "./browser.ts";
import { startFlowplane, type Flowplane } from "./flowplane.ts";

const isMissing = findBrowser() === undefined;
if (isMissing && process.env.CI !== "true")
  console.warn("No Chromium: the dashboard's browser tests are skipped.");

const WAIT_MS = 15_000;
const LOOPING_LOG = Array.from(
  { length: 960 },
  (_, index) =>
    `2026-11-21T02:${String(Math.floor(index / 60)).padStart(2, "0")}:${String(index % 60).padStart(2, "0")}.000Z ${
      index < 60 ? `page ${index} of 2000 fetched` : "ERROR fetch page 412 failed: ECONNRESET, retrying"
    }`,
).join("\n");
let flowplane: Flowplane;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

test.skipIf(isMissing && process.env.CI !== "true")(
  "the dashboard, from signing in to the audit log",
  { timeout: 420_000 },
  async () => {
    await flow("a page behind the sign-in sends one there and back", async () => {
      await page.goto(`${flowplane.origin}/agents?state=connected`);
      await page.waitForURL(/\/sign-in\?to=%2Fagents%3Fstate%3Dconnected/);
      await see("Sign in");
    });

    await flow("without mail, asking for a link says what to do instead", async () => {
      await page.getByLabel("E-mail").fill("somebody@example.org");
      await page.getByRole("button", { name: "Send me a sign-in link" }).click();
      await page.getByRole("alert").filter({ hasText: /\w+/ }).waitFor();
    });

    await flow("the link of flowplane up signs in", async () => {
      await page.goto(flowplane.signInUrl);
      await see("Overview");
      await page.getByRole("button", { name: "Live", exact: true }).waitFor();
    });

    await flow("a spent link says so", async () => {
      const other = await browser.newContext();
      const stranger = await other.newPage();
      await stranger.goto(flowplane.signInUrl);
      await stranger.getByRole("alert").filter({ hasText: /link/ }).waitFor();
      await other.close();
    });

    await flow("the local agent is in the list, and its page knows it", async () => {
      await place("Agents").click();
      const row = page.getByRole("row").filter({ hasText: "Connected" });
      await row.getByRole("link").first().click();
      await page.getByText(/certificate expires in/).waitFor();
      await page.getByRole("heading", { name: "Health" }).waitFor();
      await page.getByRole("link", { name: "Wire" }).click();
      await page.getByText(/OpAMP messages, newest first/).waitFor();
    });

    const runId = await flow("launch a run and watch it live", async () => {
      await page.keyboard.press("c");
      await page.keyboard.press("r");
      await page
        .getByLabel("Command")
        .fill(
          `sh -c 'i=0; while true; do i=$((i+1)); printf "\\033[32mok\\033[0m line %s\\n" $i; sleep 0.2; done'`,
        );
      await page.getByRole("button", { name: "Launch", exact: true }).click();
      await page.waitForURL(/\/runs\/[^/?]+/);
      await line("line 2").waitFor();
      // The line came by the stream, not by another look at the page.
      await line("line 8").waitFor();
      await page.getByRole("button", { name: "Following" }).waitFor();
      return /\/runs\/([^/?]+)/.exec(page.url())?.[1] ?? "";
    });

    await flow("search the log and link to a line of it", async () => {
      await page.getByLabel("Search the log").fill("line 3");
      await page.getByLabel("Search the log").press("Enter");
      await page.waitForURL(/find=line\+3/);
      await page
        .getByRole("status")
        .filter({ hasText: /^\d+ lines?$|of \d/ })
        .waitFor();
      await page.getByRole("button", { name: "Next match" }).click();
      await page.waitForURL(/line=3(&|$)/);
      await page.reload();
      await line("line 3").waitFor();
      await page.getByRole("button", { name: "Follow", exact: true }).waitFor();
    });

    await flow("stop it with a reason, and read who and why", async () => {
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByLabel("Reason").fill("Seen enough");
      await page.getByRole("button", { name: "Stop the run" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("Stopped").waitFor();
      await page.getByLabel("About this run").getByText("“Seen enough”").first().waitFor();
      await page
        .getByRole("button", { name: "Restart" })
        .and(page.locator(":not([aria-disabled])"))
        .waitFor();
    });

    await flow("a run launched from a terminal appears in the list by itself", async () => {
      await place("Runs").click();
      await see("Runs");
      await page.mouse.move(0, 0);
      const printed = await flowplane.cli("run", "--", "echo", "from the terminal");
      expect(printed).toContain("from the terminal");
      await page.getByRole("row").filter({ hasText: "Succeeded" }).filter({ hasText: "echo" }).waitFor();
    });

    await flow("a wrong schedule is told, and a job made in the editor runs", async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("j");
      await see("Jobs");
      await page.getByRole("button", { name: "Create the first job" }).click();
      await see("New job");
      await page.getByLabel("Name", { exact: true }).fill("nightly");
      await page.getByLabel("Command", { exact: true }).fill("sh -c 'echo from $WHO; echo done'");
      await page.getByText("Folder, environment, secrets").click();
      await page.getByLabel("Environment", { exact: true }).fill("WHO=the-editor");
      await page.getByRole("button", { name: "Calendar", exact: true }).click();
      await page.getByLabel("Cron expression").fill("99 2 * * *");
      await page
        .getByRole("alert")
        .filter({ hasText: /minute/i })
        .waitFor();
      await page.getByLabel("Cron expression").fill("15 2 * * *");
      await page.getByLabel("Time zone").fill("Europe/Berlin");
      await page.getByRole("region", { name: "Next times" }).getByRole("listitem").nth(7).waitFor();
      await page.getByRole("button", { name: "Create the job" }).click();
      await see("nightly");
      await page.getByRole("link", { name: "Schedule", exact: true }).click();
      await page.getByText("15 2 * * *").waitFor();
      await page.getByRole("button", { name: "Run now" }).click();
      await page.waitForURL(/\/runs\/[^/?]+/);
      await line("from the-editor").waitFor();
      await page.getByRole("heading", { level: 1 }).getByText("Succeeded").waitFor();
      await page.getByLabel("About this run").getByRole("link", { name: "nightly" }).waitFor();
    });

    const jobId = await flow("pause and resume the job, change it, and see it in the calendar", async () => {
      await page.getByLabel("About this run").getByRole("link", { name: "nightly" }).click();
      await page.waitForURL(/\/jobs\/[^/?]+/);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByLabel("Reason").fill("Not tonight");
      await page.getByRole("button", { name: "Pause the schedule" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("Paused").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("Active").waitFor();
      await page.getByRole("button", { name: "Change" }).click();
      await page.getByLabel("Memory, MB").fill("64");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("link", { name: "Definition" }).click();
      await page.getByText(/Memory: 67\.1 MB/).waitFor();
      await page.getByText("WHO", { exact: true }).waitFor();
      const id = /\/jobs\/([^/?]+)/.exec(page.url())?.[1] ?? "";
      await page.goto(`${flowplane.origin}/jobs/calendar`);
      await page
        .getByRole("link", { name: /nightly/ })
        .first()
        .waitFor();
      return id;
    });

    await flow("a secret is stored, and nothing shows it again", async () => {
      await page.goto(`${flowplane.origin}/settings`);
      await page.getByRole("button", { name: "New secret" }).first().click();
      await page.getByLabel("Name", { exact: true }).fill("DATABASE_PASSWORD");
      await page.getByLabel("Value").fill("correct-horse-battery");
      await page.getByRole("button", { name: "Store", exact: true }).click();
      await page.getByRole("row").filter({ hasText: "DATABASE_PASSWORD" }).waitFor();
      expect(await page.content()).not.toContain("correct-horse-battery");
    });

    const policyId = await flow("a policy, its second version, and what differs between them", async () => {
      await page.goto(`${flowplane.origin}/policies/new`);
      await page.getByLabel("Name", { exact: true }).fill("Careful");
      await page.getByRole("button", { name: "Create the policy" }).click();
      await see("Careful");
      const id = /\/policies\/([^/?]+)/.exec(page.url())?.[1] ?? "";
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
      return id;
    });

    const configurationId = await flow(
      "a configuration: its problems as one types, its versions",
      async () => {
        await page.keyboard.press("g");
        await page.keyboard.press("c");
        await see("Configurations");
        await page.getByRole("button", { name: "Write the first configuration" }).click();
        await page.getByRole("textbox", { name: "Name", exact: true }).fill("edge");
        await page.getByRole("button", { name: /^memory_limiter/ }).waitFor();
        await page.getByRole("button", { name: "Create", exact: true }).click();
        await page.waitForURL(/\/configurations\/[0-9a-f-]{36}$/);
        await see("edge");
        const id = /\/configurations\/([^/?]+)/.exec(page.url())?.[1] ?? "";
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
        return id;
      },
    );

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

    await flow("add agent: a command with its token, and the collector's configuration", async () => {
      await page.goto(`${flowplane.origin}/agents?add=linux`);
      await page.getByRole("button", { name: "Make the command" }).click();
      const command = page.getByRole("region", { name: "command" });
      expect(await command.textContent()).toMatch(
        /agent\.tgz[\s\S]*sha256sum -c[\s\S]*start --data \S+ --server https:\S+ --token fpe_\S+/,
      );
      await page.getByText(/Listening/).waitFor();
      await page.getByRole("button", { name: "Collector", exact: true }).click();
      const configuration = page.getByRole("region", { name: "configuration" });
      expect(await configuration.textContent()).toMatch(/endpoint: ws:\S+[\s\S]*Bearer fpe_/);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    });

    await flow("the palette finds the agent by name", async () => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").fill("local");
      await page.getByRole("option").filter({ hasText: "Connected" }).first().click();
      await page.waitForURL(/\/agents\/[^/?]+$/);
    });

    await flow("the audit log knows the stop, and its chain is intact", async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("l");
      await page.getByRole("row").filter({ hasText: "Seen enough" }).waitFor();
      await page.getByRole("button", { name: "Verify", exact: true }).click();
      await page.getByText("Intact.").waitFor();
    });

    await flow("axe finds nothing on any page, in both themes", async () => {
      const agentId = await agentOf(runId);
      const paths = [
        "/",
        "/agents",
        ...["", "/runs", "/configuration", "/identity", "/wire"].map((tab) => `/agents/${agentId}${tab}`),
        "/runs",
        `/runs/${runId}`,
        "/runs?group=job",
        "/incidents",
        "/incidents/saved-log",
        "/jobs",
        "/jobs/calendar",
        "/jobs/new",
        ...["", "/schedule", "/definition", "/edit"].map((tab) => `/jobs/${jobId}${tab}`),
        "/policies",
        ...["", "/versions", "/compare", "/suggestions", "/edit"].map((tab) => `/policies/${policyId}${tab}`),
        "/configurations",
        "/configurations/new",
        "/rollouts",
        "/rollouts/new",
        ...["", "/preview", "/versions", "/places", "/settings"].map(
          (tab) => `/configurations/${configurationId}${tab}`,
        ),
        "/settings",
        "/settings/sites",
        "/settings/retention",
        "/tokens",
        "/tokens/bearers",
        "/tokens/api",
        "/members",
        "/audit",
        "/agents?add=linux",
        "/runs?launch=any",
        "/device?user_code=ABCD-EFGH",
      ];
      for (const path of paths) {
        await page.emulateMedia({ colorScheme: "light" });
        await page.goto(flowplane.origin + path);
        await page.locator("h1").first().waitFor();
        expect(await axe(), path).toEqual([]);
        await page.emulateMedia({ colorScheme: "dark" });
        // The other theme differs in its colours only.
        expect(await axe("color-contrast"), `${path} in the dark theme`).toEqual([]);
      }
    });

    await flow("nothing scrolls sideways on a narrow screen", async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      for (const path of [
        "/",
        "/agents",
        `/runs/${runId}`,
        "/incidents",
        `/jobs/${jobId}`,
        "/jobs/new",
        `/policies/${policyId}/edit`,
        `/configurations/${configurationId}`,
        "/rollouts",
        "/rollouts/new",
        "/settings/sites",
        "/tokens",
        "/members",
        "/audit",
      ]) {
        await page.goto(flowplane.origin + path);
        await page.locator("h1").first().waitFor();
        const overflow = await page.evaluate<number>(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect(overflow, path).toBe(0);
      }
    });

    await flow("sign out", async () => {
      await page.getByRole("button", { name: /^You:/ }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
      await page.waitForURL(/\/sign-in/);
      await page.goto(`${flowplane.origin}/runs`);
      await page.waitForURL(/\/sign-in/);
    });

    expect(complaints).toEqual([]);
  },
);

beforeAll(async () => {
  if (isMissing && process.env.CI !== "true") return;
  [flowplane, browser] = await Promise.all([startFlowplane(), launchBrowser()]);
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A refused answer is part of some flows; anything else the browser complains about is a fault.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await flowplane?.[Symbol.asyncDispose]();
});

/** One step, whose name stands before what went wrong in it. */
async function flow<T>(name: string, steps: () => Promise<T>): Promise<T> {
  try {
    return await steps();
  } catch (error) {
    const seen = (await page.locator("body").innerText()).slice(0, 1_500);
    throw new Error(`${name}\nat ${page.url()}\n${seen}`, { cause: error });
  }
}

function see(heading: string): Promise<void> {
  return page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

function place(name: string) {
  return page.getByRole("navigation", { name: "Places" }).getByRole("link", { name, exact: true });
}

function line(text: string) {
  return page.getByRole("region", { name: "Log" }).getByText(text, { exact: false }).first();
}

/** What axe has to say of the page as it stands, by all its rules or by some. */
async function axe(...rules: string[]): Promise<string[]> {
  const builder = new AxeBuilder({ page });
  const { violations } = await (rules.length === 0 ? builder : builder.withRules(rules)).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

async function agentOf(runId: string): Promise<string> {
  const response = await page.request.get(`${flowplane.origin}/api/v1/runs/${runId}`);
  return ((await response.json()) as { agent_id: string }).agent_id;
}
