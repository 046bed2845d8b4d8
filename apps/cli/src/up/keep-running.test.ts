import { spawn, type ChildProcess } from "node:child_process";
import { expect, test } from "vitest";
import { keepRunning } from "./keep-running.ts";

const SLEEPS = "setInterval(() => {}, 1000); process.send('up')";
const STUBBORN = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.send('up')";

function node(script: string): ChildProcess {
  return spawn(process.execPath, ["-e", script], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
}

/** Runs children from a list of scripts, the last one again and again. */
function arrange(scripts: readonly string[]) {
  const stop = new AbortController();
  const exits: [string, number | null][] = [];
  const children: ChildProcess[] = [];
  const ready = Promise.withResolvers<void>();
  const running = keepRunning(
    {
      spawn: () => {
        const child = node(scripts[Math.min(children.length, scripts.length - 1)] ?? "");
        child.once("message", () => ready.resolve());
        children.push(child);
        return child;
      },
      finalExitCodes: [4],
      onExit: (how, restartInMs) => {
        exits.push([how, restartInMs]);
        if (restartInMs === null) ready.resolve();
      },
      stopLimitMs: 200,
      now: () => 0,
      random: () => 0.01,
    },
    stop.signal,
  );
  return { stop, exits, children, running, ready: ready.promise };
}

test("a child that ends is started again, later each time", async () => {
  const { stop, exits, children, running, ready } = arrange([
    "process.exit(7)",
    "process.kill(process.pid)",
    SLEEPS,
  ]);
  await ready;
  stop.abort();
  await running;
  expect(exits).toEqual([
    ["exited with 7", 5],
    ["was ended by SIGTERM", 10],
  ]);
  expect(children[2]?.signalCode).toBe("SIGTERM");
});

test("a final exit code ends the trying, not the waiting", async () => {
  const { stop, exits, children, running, ready } = arrange(["process.exit(4)"]);
  await ready;
  let over = false;
  void running.then(() => (over = true));
  await Promise.resolve();
  expect(over).toBe(false);
  stop.abort();
  await running;
  expect(exits).toEqual([["exited with 4", null]]);
  expect(children).toHaveLength(1);
});

test("a child that does not stop is killed", async () => {
  const { stop, children, running, ready } = arrange([STUBBORN]);
  await ready;
  stop.abort();
  await running;
  expect(children[0]?.signalCode).toBe("SIGKILL");
});

test("a program that is not there is tried again", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  await keepRunning(
    {
      spawn: () => spawn("/no/such/program"),
      finalExitCodes: [],
      onExit: (how) => {
        seen.push(how);
        if (seen.length === 2) stop.abort();
      },
      stopLimitMs: 200,
      now: () => 0,
      random: () => 0,
    },
    stop.signal,
  );
  expect(seen).toEqual(Array(2).fill("could not be started: spawn /no/such/program ENOENT"));
});
