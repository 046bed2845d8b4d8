/** Jobs and secrets in a real browser on a real control plane with a real agent. */
import { expect } from "vitest";
import { visitTest } from "./visit.ts";

visitTest(
  "a job is made in the editor, runs, is paused and changed; a secret is stored",
  async ({ flowplane, page, flow, see, signIn, line }) => {
    await signIn();

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

    await flow("pause and resume the job, change it, and see it in the calendar", async () => {
      await page.getByLabel("About this run").getByRole("link", { name: "nightly" }).click();
      await page.waitForURL(/\/jobs\/[^/?]+/);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByLabel("Reason").fill("Not tonight");
      await page.getByRole("button", { name: "Pause the schedule" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("Paused").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("heading", { level: 1 }).getByText("Active").waitFor();
      await page.getByRole("button", { name: "Change" }).click();
      await page.getByLabel("Memory, MiB").fill("64");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("link", { name: "Definition" }).click();
      await page.getByText(/Memory: 64 MiB/).waitFor();
      await page.getByText("WHO", { exact: true }).waitFor();
      await page.goto(`${flowplane.origin}/jobs/calendar`);
      await page
        .getByRole("link", { name: /nightly/ })
        .first()
        .waitFor();
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
  },
);
