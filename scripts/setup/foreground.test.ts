import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";

const module = JSON.stringify(new URL("foreground.mjs", import.meta.url).href);
const launched: ChildProcess[] = [];

afterEach(() => {
  for (const launcher of launched.splice(0)) launcher.kill("SIGKILL");
});

test("the program's exit code is ours", async () => {
  const { launcher } = launch("process.exit(42)");
  expect(await once(launcher, "exit")).toEqual([42, null]);
});

test("a signal that ends the program is told the way shells do", async () => {
  const { launcher } = launch(`process.kill(process.pid, "SIGKILL")`);
  expect(await once(launcher, "exit")).toEqual([137, null]);
});

test("a Ctrl-C that reaches us twice reaches the program once, a later one again", async () => {
  const { launcher, lines } = launch(`
    let count = 0;
    process.on("SIGINT", () => {
      console.log("interrupted", count += 1);
      if (count === 2) process.exit(7);
    });
    console.log("ready");`);
  const exit = once(launcher, "exit");
  expect(await line(lines)).toBe("ready");
  launcher.kill("SIGINT");
  launcher.kill("SIGINT");
  expect(await line(lines)).toBe("interrupted 1");
  {
    // Not any longer than needed: a signal to a launcher that is about to exit would end it by itself.
    using _impatient = repeatedly(() => launcher.kill("SIGINT"), 200);
    expect(await line(lines)).toBe("interrupted 2");
  }
  expect(await exit).toEqual([7, null]);
});

test("a terminal that closes asks the program to stop", async () => {
  const { launcher, lines } = launch(`
    process.on("SIGTERM", () => process.exit(3));
    console.log("ready");`);
  await line(lines);
  launcher.kill("SIGHUP");
  expect(await once(launcher, "exit")).toEqual([3, null]);
});

test("the program learns that we were killed", async () => {
  const { launcher, lines } = launch(`
    process.prependListener("disconnect", () => console.log("alone"));
    console.log("ready");`);
  await line(lines);
  launcher.kill("SIGKILL");
  expect(await line(lines)).toBe("alone");
});

/** Runs a program through a launcher of its own. The program goes when the launcher does, however a test ends. */
function launch(program: string): { launcher: ChildProcess; lines: Lines } {
  const bound = `process.on("disconnect", () => process.exit()); ${program}`;
  const script = `
    const { runInForeground } = await import(${module});
    process.exitCode = await runInForeground(process.execPath, ["--eval", ${JSON.stringify(bound)}]);`;
  const { npm_lifecycle_event: _, ...env } = process.env;
  const launcher = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env,
    // Not ours to inherit: whoever outlived the test would keep the test runner waiting for its end.
    stdio: ["ignore", "pipe", "pipe"],
  });
  launched.push(launcher);
  launcher.stderr.resume();
  return { launcher, lines: createInterface({ input: launcher.stdout })[Symbol.asyncIterator]() };
}

type Lines = AsyncIterator<string>;

async function line(lines: Lines): Promise<string | undefined> {
  return ((await lines.next()) as IteratorResult<string, undefined>).value;
}

function repeatedly(act: () => void, everyMs: number): Disposable {
  const timer = setInterval(act, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
