/** A run that fails the same way without end is stopped by its policy, and its incident's page explains it: real agent, real browser. */
import { expect, test } from "vitest";
import { axe } from "./axe.ts";
import { launchBrowser } from "./browser.ts";
import { startFlowplane } from "./flowplane.ts";
import { isMissing, make, openPage, picture } from "./visit.ts";

/** The detector wants to be sure, and a busy machine gives it its lines late. */
const STOPPED_MS_MAX = 240_000;
const TEST_MS_MAX = STOPPED_MS_MAX + 240_000;
const FAILURE = "Traceback (most recent call last): KeyError: user_id at row 17";
/** Gets on for a while, then fails at the same row for ever. */
const LOOP = `import sys, time
for page in range(40):
    print(f"page {page} of 2000 imported", flush=True)
    time.sleep(0.05)
while True:
    print("${FAILURE}", file=sys.stderr, flush=True)
    time.sleep(0.2)
`;
const STOP_LOOPS = {
  mode: "enforce",
  sensitivity: "high",
  warm_up_ms: 0,
  actions: { loop: [{ do: "stop" }], retry_storm: [{ do: "stop" }] },
};

test.skipIf(isMissing)(
  "a run that repeats one error is stopped by its policy, and the incident says why",
  { timeout: TEST_MS_MAX },
  async () => {
    await using flowplane = await startFlowplane();
    await using browser = await launchBrowser();
    const { page, complaints } = await openPage(browser);
    const state = page.getByRole("heading", { level: 1 });
    await page.goto(flowplane.signInUrl);
    await state.getByText("Overview").waitFor();

    const policy = await make(flowplane.origin, page, "policies", {
      name: "Stop loops",
      document: STOP_LOOPS,
    });
    const run = await make(flowplane.origin, page, "runs", {
      name: "import-users",
      command: "python3",
      args: ["-c", LOOP],
      policy: { policy_id: policy.id },
    });

    // Watched as it happens: nothing below is asked for by loading the page again.
    await page.goto(`${flowplane.origin}/runs/${run.id}`);
    const log = page.getByRole("region", { name: "Log" });
    await log.getByText(FAILURE).first().waitFor();
    await state.getByText("Stopped").waitFor({ timeout: STOPPED_MS_MAX });

    await page
      .getByText(/^Stopped by Flowplane/)
      .first()
      .waitFor();
    const marks = page.getByRole("list", { name: "Seen and done" }).getByRole("link");
    await marks.first().waitFor();
    const axis = page.getByRole("region", { name: "Over time" });
    await axis.getByRole("img").first().waitFor();
    expect(await axe(page)).toEqual([]);
    await picture(page, "stopped-run");

    await page.locator("header a[href^='/incidents/'], h1 ~ p a[href^='/incidents/']").first().click();
    await page.waitForURL(/\/incidents\/[^/?]+$/);
    await page.getByRole("heading", { name: "What was seen" }).waitFor();
    const folded = page.getByRole("listitem").filter({ hasText: FAILURE }).first();
    await folded.getByText(/^×\d{2,}/).waitFor();
    await page.getByText(/Last sign of progress/).waitFor();
    // At least two kinds of signal are past the mark, each with a bar and its measure in words.
    expect(await page.getByRole("img", { name: /^Strength \d+ of \d+: / }).count()).toBeGreaterThan(1);
    await page.getByText(/kinds of signal agree/).waitFor();
    await page.getByRole("listitem").filter({ hasText: "Stop" }).filter({ hasText: "Done" }).waitFor();
    await page.getByRole("link", { name: "Stop loops v1" }).waitFor();
    expect(await axe(page)).toEqual([]);
    await picture(page, "incident");

    await page.getByLabel("Note").fill("Row 17 has no user_id");
    await page.getByRole("button", { name: "It was right" }).click();
    await page.getByText(/said it was right/).waitFor();
    await page.getByRole("button", { name: "It was right", pressed: true }).waitFor();

    await page.getByRole("button", { name: "Replay", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await dialog.getByText("Equal.", { exact: true }).waitFor();
    await dialog.getByRole("row").filter({ hasText: "Stop" }).filter({ hasText: "yes" }).first().waitFor();
    expect(await axe(page)).toEqual([]);
    expect(complaints).toEqual([]);
  },
);
