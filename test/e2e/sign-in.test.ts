/** Who comes for the first time, in a real browser on a real control plane: signing in, the agent that is there, adding another, signing out. */
import { expect } from "vitest";
import { visitTest } from "./visit.ts";

visitTest(
  "signing in, finding the local agent, adding one, signing out",
  async ({ flowplane, browser, page, flow, see, signIn, place }) => {
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

    await flow("the link of flowplane up signs in", signIn);

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

    await flow("sign out", async () => {
      await page.getByRole("button", { name: /^You:/ }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
      await page.waitForURL(/\/sign-in/);
      await page.goto(`${flowplane.origin}/runs`);
      await page.waitForURL(/\/sign-in/);
    });
  },
);
