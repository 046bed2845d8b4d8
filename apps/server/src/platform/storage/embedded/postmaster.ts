import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Binaries } from "./binaries.ts";
import { ConfigError } from "../../../config.ts";
import type { PostgresLog } from "./log.ts";
import type { Launcher } from "./privileges.ts";

export interface Postmaster {
  readonly pid: number;
  /** How it ended, in words, asked for or not. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

interface PostmasterOptions {
  readonly binaries: Binaries;
  readonly launcher: Launcher;
  readonly cluster: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: PostgresLog;
}

/** Recovery after a crash replays at most `max_wal_size`, which takes seconds. */
const START_MS_MAX = 120_000;
/** Fast shutdown writes a checkpoint; after this, immediate shutdown leaves that to the next start. */
const FAST_STOP_MS = 5_000;
const IMMEDIATE_STOP_MS = 2_000;
/** Lines kept to say why a start failed. */
const LAST_LINES = 20;

/** Starts the postmaster and waits until it accepts connections. Throws `ConfigError`. */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { binaries, launcher, cluster, settings, log } = options;
  const [program = "", ...args] = [
    ...launcher.prefix,
    binaries.postgres,
    "-D",
    cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const child = spawn(program, args, {
    ...launcher.ids,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "ignore", "pipe"],
    // A group of its own: Ctrl-C is for us, and we stop the database when nothing needs it any more.
    detached: true,
  });
  const lastLines: string[] = [];
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const ready = new Promise<"ready">((resolve) => {
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on("line", (line) => {
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      report(log, line);
      if (line.includes("database system is ready to accept connections")) resolve("ready");
    });
  });

  const postmaster: Postmaster = { pid: child.pid ?? 0, ended, stop: () => stop(child, ended) };
  const timeout = timer(START_MS_MAX);
  const first = await Promise.race([ready, ended, timeout.passed]);
  timeout.clear();
  if (first === "ready") return postmaster;
  await postmaster.stop();
  throw new ConfigError(reasonOf(lastLines, cluster), {
    cause: new Error(`postgres: ${first}: ${lastLines.join(" | ")}`),
  });
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", FAST_STOP_MS],
    ["SIGQUIT", IMMEDIATE_STOP_MS],
  ] as const) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timeout = timer(waitMs);
    const hasEnded = await Promise.race([ended.then(() => true), timeout.passed.then(() => false)]);
    timeout.clear();
    if (hasEnded) return;
  }
  child.kill("SIGKILL");
  await ended;
}

function timer(ms: number): { passed: Promise<"timeout">; clear: () => void } {
  let handle: NodeJS.Timeout | undefined;
  const passed = new Promise<"timeout">((resolve) => (handle = setTimeout(resolve, ms, "timeout")));
  return { passed, clear: () => clearTimeout(handle) };
}

/** Errors of statements are told to whoever sent them; here they would only be noise. */
function report(log: PostgresLog, line: string): void {
  if (/^(FATAL|PANIC):/.test(line)) log.warn({ postgres: line }, "PostgreSQL");
  else log.debug({ postgres: line }, "PostgreSQL");
}

function reasonOf(lastLines: readonly string[], cluster: string): string {
  const output = lastLines.join("\n");
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return `The disk of ${cluster} is full: make room and start again.`;
  }
  if (/Permission denied|invalid permissions|wrong ownership/.test(output)) {
    return `PostgreSQL may not use ${cluster}: give that folder back to the user that runs Flowplane, mode 0700.`;
  }
  const said =
    lastLines.findLast((line) => /^(FATAL|PANIC|postgres):/.test(line)) ??
    lastLines.at(-1) ??
    "it said nothing";
  return `PostgreSQL does not start on ${cluster}: ${said}`;
}
