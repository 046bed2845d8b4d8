/** Runs in a real browser on a real control plane with a real agent: launched, watched live, searched, stopped, and known to the audit log. */
import { expect } from "vitest";
import { picture, visitTest } from "./visit.ts";

/** An agent sends what it measured every half a minute. */
const CURVES_MS_MAX = 90_000;

visitTest(
  "a run is launched, watched, searched and stopped, and the audit log knows",
  async ({ flowplane, page, flow, see, signIn, place, line }) => {
    await signIn();

    await flow("launch a run and watch it live", async () => {
      await page.keyboard.press("c");
      await page.keyboard.press("r");
      await page
        .getByLabel("Command")
        .fill(
          `sh -c 'i=0; while true; do i=$((i+1)); printf "\\033[32m✓\\033[0m line %s fetched in \\033[36m%s ms\\033[0m\\n" $i $((i*37%400+20)); [ $((i % 9)) = 0 ] && echo "retry $i: connection reset by peer" >&2; sleep 0.2; done'`,
        );
      await page.getByRole("button", { name: "Launch", exact: true }).click();
      await page.waitForURL(/\/runs\/[^/?]+/);
      await line("line 2").waitFor();
      // The line came by the stream, not by another look at the page.
      await line("line 8").waitFor();
      await page.getByRole("button", { name: "Following" }).waitFor();
    });

    await flow("what it uses is drawn while it runs", async () => {
      const axis = page.getByRole("region", { name: "Over time" });
      await axis.getByRole("img", { name: /^Memory: / }).waitFor({ timeout: CURVES_MS_MAX });
      await page.getByText(/^Running as process \d+$/).waitFor();
      await line("connection reset by peer").waitFor();
      // Nobody scrolls: the log is followed on, whatever the page above it does.
      await page.emulateMedia({ colorScheme: "dark" });
      await page.getByRole("button", { name: "Output", exact: true, pressed: true }).click();
      await page.getByRole("button", { name: "Output", exact: true, pressed: false }).click();
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      await page.getByRole("button", { name: "Following" }).waitFor();
      await picture(page, "run");
      await page.emulateMedia({ colorScheme: "light" });
    });

    await flow("search the log and link to a line of it", async () => {
      const log = page.getByRole("region", { name: "Log" });
      const before = await log.boundingBox();
      await page.getByLabel("Search the log").fill("line 3");
      await page.getByLabel("Search the log").press("Enter");
      await page.waitForURL(/find=line\+3/);
      await page
        .getByRole("status")
        .filter({ hasText: /^\d+ lines?$|of \d/ })
        .waitFor();
      await page.getByRole("button", { name: "Next match" }).click();
      await page.waitForURL(/line=3(&|$)/);
      await page.getByRole("button", { name: "Copy a link to the line" }).waitFor();
      // Who reads the log keeps it where it is.
      expect(await log.boundingBox()).toEqual(before);
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

    await flow("the audit log knows the stop, and its chain is intact", async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("l");
      await page.getByRole("row").filter({ hasText: "Seen enough" }).waitFor();
      await page.getByRole("button", { name: "Verify", exact: true }).click();
      await page.getByText("Intact.").waitFor();
    });
  },
);
