/**
 * Screenshots of every page against the mock API, in both themes, at 1440 and 390 px, with no, some and very much data,
 * each checked by axe: `node test/e2e/screenshots.ts <origin> <folder> [filter]`, the origin from `apps/web/dev/preview.ts`.
 * Prints what axe, the console and the layout have to say; a page that scrolls sideways is named.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { axe } from "./axe.ts";
import { launchBrowser } from "./browser.ts";

const [origin = "http://127.0.0.1:4310", folder = "/tmp/screenshots", filter = ""] = process.argv.slice(2);

const VIOLATION_CHARS_MAX = 500;

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly sizes: readonly string[];
  readonly cookies?: Readonly<Record<string, string>>;
  readonly act?: (page: Page) => Promise<unknown>;
}

type Kind =
  | "agents"
  | "runs"
  | "incidents"
  | "jobs"
  | "policies"
  | "configurations"
  | "rollouts"
  | "packages";
const first = async (kind: Kind, query: string, at = 0) => {
  const answer = await fetch(`${origin}/api/v1/${kind}?${query}`, { headers: { cookie: "mock_size=small" } });
  const { items } = (await answer.json()) as { items: { id: string; run_id?: string }[] };
  return items[at] ?? { id: "" };
};
const idOf = async (...query: Parameters<typeof first>) => (await first(...query)).id;
const site = await idOf("agents", "kind=site&state=connected");
const collector = await idOf("agents", "kind=collector");
const running = await idOf("runs", "active=true&state=RUNNING");
const failed = await idOf("runs", "state=FAILED");
const incident = await first("incidents", "category=loop");
const job = await idOf("jobs", "q=nightly");
const policy = await idOf("policies", "limit=1");
const configuration = await idOf("configurations", "limit=1");
const packaged = await idOf("packages", "limit=1");
const paused = await idOf("rollouts", "state=paused");
const rolling = await idOf("rollouts", "state=running");
const split = await idOf("rollouts", "state=completed");
const LOOPING_LOG = [
  ...Array.from(
    { length: 60 },
    (_, line) => `2026-11-21T02:00:${String(line % 60).padStart(2, "0")}.000Z page ${line} of 2000 fetched`,
  ),
  ...Array.from(
    { length: 900 },
    (_, line) =>
      `2026-11-21T02:${String(1 + Math.floor(line / 60)).padStart(2, "0")}:${String(line % 60).padStart(2, "0")}.000Z ERROR fetch page 412 failed: ECONNRESET, retrying`,
  ),
].join("\n");
const BROKEN = "  nowhere: {}\n";
/** Puts text at the end of the editor. */
const write = async (page: Page, text: string) => {
  await page.getByRole("textbox", { name: "Configuration" }).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText(text);
};
const ALL = ["empty", "small", "large"] as const;
const SMALL = ["small"] as const;

const shots: readonly Shot[] = [
  { name: "sign-in", path: "/sign-in", sizes: SMALL },
  { name: "device", path: "/device?user_code=WDJB-MJHT", sizes: SMALL },
  { name: "overview", path: "/", sizes: ALL },
  { name: "agents", path: "/agents", sizes: ALL },
  { name: "packages", path: "/packages", sizes: SMALL },
  {
    name: "packages-upload",
    path: "/packages",
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Upload a release" }).click(),
  },
  { name: "package", path: `/packages/${packaged}`, sizes: SMALL },
  { name: "agent-packages", path: `/agents/${collector}/packages`, sizes: SMALL },
  {
    name: "agents-chosen",
    path: "/agents?kind=collector",
    sizes: ["large"],
    act: async (page) => {
      const boxes = page.getByRole("checkbox", { name: /^Choose / });
      await boxes.nth(1).click();
      await boxes.nth(3).click({ modifiers: ["Shift"] });
      await page.getByText("3 agents chosen").waitFor();
    },
  },
  {
    name: "agents-bulk",
    path: "/agents?kind=collector",
    // Of the large fleet more match than one may label at once.
    sizes: SMALL,
    act: async (page) => {
      await page
        .getByRole("checkbox", { name: /^Choose / })
        .nth(1)
        .click();
      await page.getByRole("button", { name: /^Choose all/ }).click();
      await page.getByRole("button", { name: "Add label" }).click();
    },
  },
  {
    name: "agents-columns",
    path: "/agents",
    sizes: ["large"],
    act: async (page) => {
      if ((page.viewportSize()?.width ?? 0) < 720) return;
      await page.getByRole("button", { name: "Columns" }).click();
      await page.getByRole("menuitemcheckbox", { name: "Site" }).click();
      await page.keyboard.press("Escape");
    },
  },
  { name: "agents-filtered", path: "/agents?q=label.env%3Dprod&state=offline", sizes: ["large"] },
  { name: "agents-none", path: "/agents?q=nothing-is-called-so", sizes: SMALL },
  { name: "agents-error", path: "/agents?q=!500", sizes: SMALL },
  { name: "agent", path: `/agents/${site}`, sizes: SMALL },
  { name: "agent-collector", path: `/agents/${collector}`, sizes: SMALL },
  { name: "agent-runs", path: `/agents/${site}/runs`, sizes: SMALL },
  { name: "agent-configuration", path: `/agents/${collector}/configuration`, sizes: SMALL },
  { name: "agent-telemetry", path: `/agents/${collector}/telemetry`, sizes: SMALL },
  { name: "agent-configuration-refused", path: `/agents/${collector}/configuration`, sizes: ["large"] },
  { name: "agent-identity", path: `/agents/${site}/identity`, sizes: SMALL },
  {
    name: "agent-wire",
    path: `/agents/${site}/wire`,
    sizes: SMALL,
    act: (page) => page.locator("summary").nth(1).click(),
  },
  {
    name: "agent-revoke",
    path: `/agents/${site}`,
    sizes: SMALL,
    act: async (page) => {
      await page.getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: "Revoke its identity…" }).click();
    },
  },
  { name: "add-agent", path: "/agents?add=linux", sizes: SMALL },
  {
    name: "add-agent-command",
    path: "/agents?add=linux",
    sizes: SMALL,
    act: async (page) => {
      await page.getByRole("button", { name: /^Make the/ }).click();
      await page.getByText("connected ·").waitFor();
    },
  },
  {
    name: "add-agent-collector",
    path: "/agents?add=collector",
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: /^Make the/ }).click(),
  },
  { name: "runs", path: "/runs", sizes: ALL },
  { name: "runs-by-job", path: "/runs?group=job", sizes: ["small", "large"] },
  { name: "run-live", path: `/runs/${running}`, sizes: SMALL },
  { name: "run-failed", path: `/runs/${failed}?line=500000&find=merged`, sizes: SMALL },
  { name: "run-details", path: `/runs/${failed}?view=details`, sizes: SMALL },
  {
    name: "run-stop",
    path: `/runs/${running}`,
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Stop", exact: true }).click(),
  },
  { name: "run-incident", path: `/runs/${incident.run_id ?? ""}`, sizes: SMALL },
  { name: "run-patterns", path: `/runs/${incident.run_id ?? ""}?log=patterns`, sizes: SMALL },
  {
    name: "run-replay",
    path: `/runs/${incident.run_id ?? ""}`,
    sizes: SMALL,
    act: async (page) => {
      await page.getByRole("button", { name: "More actions" }).click();
      await page.getByRole("menuitem", { name: "Replay…" }).click();
      await page.getByRole("button", { name: "Replay", exact: true }).click();
      await page.getByText("Equal.").waitFor();
    },
  },
  { name: "incidents", path: "/incidents", sizes: ALL },
  { name: "incidents-all", path: "/incidents?state=all", sizes: ["large"] },
  { name: "incident", path: `/incidents/${incident.id}`, sizes: SMALL },
  {
    name: "incident-close",
    path: `/incidents/${incident.id}`,
    sizes: SMALL,
    act: (page) => page.keyboard.press("c"),
  },
  {
    name: "saved-log",
    path: "/incidents/saved-log",
    sizes: SMALL,
    act: async (page) => {
      await page.getByLabel("Or paste it").fill(LOOPING_LOG);
      await page.getByRole("button", { name: "Look into it" }).click();
      await page.getByRole("heading", { name: "Why" }).waitFor();
    },
  },
  { name: "jobs", path: "/jobs", sizes: ALL },
  { name: "jobs-calendar", path: "/jobs/calendar", sizes: ALL },
  { name: "job", path: `/jobs/${job}`, sizes: SMALL },
  { name: "job-schedule", path: `/jobs/${job}/schedule`, sizes: SMALL },
  { name: "job-definition", path: `/jobs/${job}/definition`, sizes: SMALL },
  { name: "job-edit", path: `/jobs/${job}/edit`, sizes: SMALL },
  { name: "job-new", path: "/jobs/new", sizes: SMALL },
  { name: "policies", path: "/policies", sizes: ["empty", "small"] },
  { name: "policy", path: `/policies/${policy}`, sizes: SMALL },
  { name: "policy-versions", path: `/policies/${policy}/versions?version=3`, sizes: SMALL },
  {
    name: "policy-compare",
    path: `/policies/${policy}/compare`,
    sizes: SMALL,
    act: async (page) => {
      await page.getByRole("button", { name: "Compare", exact: true }).click();
      await page.getByRole("rowheader", { name: "Good work lost" }).waitFor();
    },
  },
  { name: "policy-suggestions", path: `/policies/${policy}/suggestions`, sizes: SMALL },
  { name: "policy-edit", path: `/policies/${policy}/edit`, sizes: SMALL },
  {
    name: "policy-json",
    path: `/policies/${policy}/edit`,
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "JSON" }).click(),
  },
  { name: "configurations", path: "/configurations", sizes: ["empty", "small"] },
  {
    name: "configuration",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: (page) => page.getByRole("textbox", { name: "Configuration" }).waitFor(),
  },
  {
    name: "configuration-draft",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: async (page) => {
      await write(page, BROKEN);
      await page
        .getByRole("button", { name: /^\d+:\d+/ })
        .first()
        .waitFor();
    },
  },
  {
    name: "configuration-save",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: async (page) => {
      await write(page, "# nothing else changed\n");
      await page.getByRole("button", { name: "Save…" }).and(page.locator(":not([aria-disabled])")).click();
      await page.getByRole("region", { name: /^Difference/ }).waitFor();
    },
  },
  {
    name: "configuration-overlay",
    path: `/configurations/${configuration}?overlay=berlin`,
    sizes: SMALL,
    act: (page) =>
      page
        .getByText(/^Matches /)
        .first()
        .waitFor(),
  },
  {
    name: "configuration-overlay-list",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: async (page) => {
      if ((page.viewportSize()?.width ?? 0) < 1024)
        await page.getByRole("button", { name: "Pipelines and agents" }).click();
    },
  },
  {
    name: "configuration-overlay-wrong",
    path: `/configurations/${configuration}?overlay=small-hosts`,
    sizes: SMALL,
    act: async (page) => {
      await page.getByLabel("For agents where").fill("labels.env = 'staging'");
      await page.getByRole("textbox", { name: "Overlay small-hosts" }).click();
      await page.keyboard.press("Control+End");
      await page.keyboard.insertText("service:\n  pipelines:\n    logs:\n      exporters: [debgu]\n");
      await page
        .getByRole("button", { name: /^small-hosts \d/ })
        .first()
        .waitFor();
    },
  },
  {
    name: "configuration-overlay-add",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Add overlay…" }).click(),
  },
  {
    name: "configuration-draft-failed",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: async (page) => {
      await write(page, "# !refuse\n");
      await page.getByText("The draft could not be saved").waitFor();
    },
  },
  {
    name: "configuration-discard",
    path: `/configurations/${configuration}`,
    sizes: SMALL,
    act: async (page) => {
      await write(page, "# more\n");
      await page.getByText("Draft saved").waitFor();
      await page.getByRole("button", { name: "Discard draft…" }).click();
    },
  },
  {
    name: "configuration-preview",
    path: `/configurations/${configuration}/preview`,
    sizes: ["small", "large"],
    act: (page) =>
      page
        .getByText(/^(Texts that come|No Collector)/)
        .first()
        .waitFor(),
  },
  { name: "configuration-versions", path: `/configurations/${configuration}/versions`, sizes: SMALL },
  {
    name: "configuration-versions-split",
    path: `/configurations/${configuration}/versions?version=6&from=4`,
    sizes: SMALL,
    act: async (page) => {
      if ((page.viewportSize()?.width ?? 0) > 720)
        await page.getByRole("button", { name: "Side by side" }).click();
    },
  },
  {
    name: "configuration-places",
    path: `/configurations/${configuration}/places`,
    sizes: ["small", "large"],
  },
  { name: "configuration-settings", path: `/configurations/${configuration}/settings`, sizes: SMALL },
  { name: "configuration-new", path: "/configurations/new", sizes: SMALL },
  { name: "configuration-import", path: `/configurations/new?agent_id=${collector}`, sizes: SMALL },
  { name: "rollouts", path: "/rollouts", sizes: ALL },
  { name: "rollout-running", path: `/rollouts/${rolling}`, sizes: SMALL },
  { name: "rollout-paused", path: `/rollouts/${paused}`, sizes: SMALL },
  { name: "rollout-failed", path: `/rollouts/${paused}?state=failed&wave=2`, sizes: SMALL },
  { name: "rollout-details", path: `/rollouts/${paused}?view=details`, sizes: SMALL },
  { name: "rollout-comparison", path: `/rollouts/${split}?view=comparison`, sizes: SMALL },
  { name: "rollout-few-to-compare", path: `/rollouts/${paused}?view=comparison`, sizes: SMALL },
  {
    name: "rollout-large",
    path: "/rollouts",
    sizes: ["large"],
    act: async (page) => {
      await page.getByRole("table").getByRole("link").first().click();
      await page.getByRole("img", { name: /^Wave 1/ }).waitFor();
    },
  },
  {
    name: "rollout-back",
    path: `/rollouts/${paused}`,
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Roll back" }).click(),
  },
  { name: "rollout-new", path: "/rollouts/new", sizes: ["empty", "small", "large"] },
  {
    name: "rollout-new-everybody",
    path: "/rollouts/new?selector=true",
    sizes: SMALL,
    act: async (page) => {
      for (const more of await page.locator("summary").all()) await more.click();
      await page.getByText(/I mean every agent/).waitFor();
    },
  },
  { name: "secrets", path: "/settings", sizes: ["empty", "small"] },
  { name: "sites", path: "/settings/sites", sizes: ["small", "large"] },
  {
    name: "sites-change",
    path: "/settings/sites",
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Change" }).first().click(),
  },
  { name: "retention", path: "/settings/retention", sizes: SMALL },
  { name: "launch", path: "/runs?launch=any", sizes: SMALL },
  {
    name: "launch-more",
    path: `/runs?launch=any&like=${failed}`,
    sizes: SMALL,
    act: async (page) => {
      for (const more of await page.locator("summary").all()) await more.click();
    },
  },
  { name: "tokens", path: "/tokens", sizes: ALL },
  { name: "bearers", path: "/tokens/bearers", sizes: ALL },
  { name: "api-tokens", path: "/tokens/api", sizes: ALL },
  { name: "members", path: "/members", sizes: ALL },
  { name: "members-viewer", path: "/members", sizes: SMALL, cookies: { mock_role: "viewer" } },
  {
    name: "members-invite",
    path: "/members",
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Invite" }).click(),
  },
  { name: "audit", path: "/audit", sizes: ALL },
  {
    name: "audit-verify",
    path: "/audit",
    sizes: SMALL,
    act: (page) => page.getByRole("button", { name: "Verify" }).click(),
  },
  {
    name: "audit-event",
    path: "/audit",
    sizes: SMALL,
    act: (page) => page.locator("[data-index='1'] button").first().click(),
  },
  {
    name: "palette",
    path: "/",
    sizes: ["large"],
    act: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").fill("web");
      await page.getByRole("option", { name: /web-/ }).first().waitFor();
    },
  },
  { name: "keys", path: "/agents", sizes: SMALL, act: (page) => page.keyboard.press("?") },
  { name: "not-found", path: "/agents/nobody", sizes: SMALL },
];

mkdirSync(folder, { recursive: true });
await using browser = await launchBrowser();
let findings = 0;
for (const theme of ["light", "dark"] as const) {
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: "reduce",
    });
    for (const shot of shots.filter(({ name }) => name.includes(filter))) {
      for (const size of shot.sizes) await take(shot, size, theme, width, context.newPage());
    }
    await context.close();
  }
}
console.log(findings === 0 ? "nothing found" : `${findings} findings`);

async function take(
  shot: Shot,
  size: string,
  theme: string,
  width: number,
  opening: Promise<Page>,
): Promise<void> {
  const page = await opening;
  const name = `${shot.name}-${size}-${theme}-${width}`;
  const say = (text: string) => {
    findings += 1;
    console.log(`${name}: ${text}`);
  };
  page.on("console", (message) =>
    message.type() === "error" && !/Failed to load resource/.test(message.text())
      ? say(message.text())
      : undefined,
  );
  page.on("pageerror", (error) => say(error.message));
  await page.context().clearCookies();
  await page.context().addCookies(
    Object.entries({ mock_size: size, ...shot.cookies }).map(([cookie, value]) => ({
      name: cookie,
      value,
      url: origin,
    })),
  );
  // What an earlier picture wrote is a draft by now.
  await fetch(`${origin}/api/v1/configurations/${configuration}/draft`, {
    method: "DELETE",
    headers: { cookie: `mock_size=${size}` },
  });
  await page.goto(origin + shot.path);
  await page.locator("h1, [role=dialog]").first().waitFor();
  try {
    await shot.act?.(page);
  } catch (error) {
    say(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
  await page.waitForLoadState("load");
  // Pictures are for people, so what is still arriving may arrive.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await page.screenshot({ path: join(folder, `${name}.png`) });
  const sideways = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  if (sideways > 0) say(`scrolls sideways by ${sideways} px`);
  for (const violation of await axe(page)) say(violation.slice(0, VIOLATION_CHARS_MAX));
  // What could not be sent is kept in the browser, for the next page of it.
  await page.evaluate("localStorage.clear()");
  await page.close();
}
