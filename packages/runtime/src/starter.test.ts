import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";

const STARTER = new URL("./starter.ts", import.meta.url).href;

/** A process that says `ready`, and stays until its starter has gone or, with `leave`, as long as it has work itself. */
function start(kind: "channel" | "stdin", then: "stay" | "leave"): ChildProcess {
  const script = `
    const { watchStarter } = await import(${JSON.stringify(STARTER)});
    watchStarter(${JSON.stringify(kind)}, () => { process.stdout.write("gone"); process.exit(0); });
    process.stdout.write("ready");
    if (${JSON.stringify(then)} === "stay") setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit", kind === "channel" ? "ipc" : "ignore"],
  });
}

async function outputOf(child: ChildProcess, onReady: () => void): Promise<string> {
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    if (output === "") onReady();
    output += chunk.toString();
  });
  // Not "close", which never comes for a child that was disconnected from here.
  const ended = once(child, "exit");
  if (child.stdout !== null) await once(child.stdout, "end");
  await ended;
  return output;
}

describe.each(["channel", "stdin"] as const)("a starter watched by its %s", (kind) => {
  test("is missed when it goes", async () => {
    const child = start(kind, "stay");
    const leave = () => (kind === "channel" ? child.disconnect() : child.stdin?.end());
    expect(await outputOf(child, leave)).toBe("readygone");
  });

  test("keeps nobody alive who is done", async () => {
    expect(await outputOf(start(kind, "leave"), () => undefined)).toBe("ready");
  });
});
