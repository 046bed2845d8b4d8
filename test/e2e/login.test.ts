/** `flowplane login` as RFC 8628 has it: the terminal shows a code, and a browser that is signed in confirms it. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findBrowser, launchBrowser } from "./browser.ts";
import { startFlowplane } from "./flowplane.ts";

const CLI = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const WAIT_MS = 15_000;

test.skipIf(findBrowser() === undefined && process.env.CI !== "true")(
  "login is approved in a browser, is good for ps, and logout ends it",
  { timeout: 180_000 },
  async () => {
    await using flowplane = await startFlowplane();
    await using browser = await launchBrowser();
    using home = folder();
    // No data folder beside it: the login is the only thing that can let it in.
    const env = {
      PATH: process.env.PATH,
      HOME: home.path,
      XDG_CONFIG_HOME: home.path,
      FLOWPLANE_DATA: join(home.path, "nothing"),
      FLOWPLANE_URL: flowplane.origin,
      NO_COLOR: "1",
    };
    const cli = (...args: string[]) => promisify(execFile)(process.execPath, [CLI, ...args], { env });
    await expect(cli("ps")).rejects.toMatchObject({ stderr: expect.stringMatching(/login/) as string });

    const login = spawn(process.execPath, [CLI, "login"], { env, stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(login, "exit");
    let printed = "";
    const link = Promise.withResolvers<string>();
    for (const stream of [login.stdout, login.stderr])
      stream.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
        const url = /http\S+user_code=\S+(?=\s)/.exec(printed)?.[0];
        if (url !== undefined) link.resolve(url);
      });
    login.once("exit", (code) => link.reject(new Error(`flowplane login ended with ${code}:\n${printed}`)));

    const page = await browser.newPage();
    page.setDefaultTimeout(WAIT_MS);
    await page.goto(flowplane.signInUrl);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.goto(await link.promise);
    const code = /code (\S+)/.exec(printed)?.[1] ?? "no code was printed";
    await page.getByText(code, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("status").filter({ hasText: "The device is signed in" }).waitFor();

    expect(await exited, printed).toEqual([0, null]);
    expect(printed).toContain(`Signed in to ${flowplane.origin} as `);
    await flowplane.cli("run", "--name", "seen", "--", "true");
    expect((await cli("ps", "--all")).stdout).toContain("seen");
    expect((await cli("logout")).stdout).toContain(`Signed out of ${flowplane.origin}.`);
    await expect(cli("ps")).rejects.toMatchObject({ stderr: expect.stringMatching(/login/) as string });
  },
);

function folder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "flowplane-login-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
