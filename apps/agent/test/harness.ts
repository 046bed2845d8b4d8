// A supervisor over a real spool and real processes, without a link. Test files only.

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { joinLines } from "@flowplane/link";
import type { Intent, LinkEvent, LogLine, RunEnded, RunSpec } from "@flowplane/link";
import { pino } from "pino";
import { Detection } from "../src/detection/detection.ts";
import { LogReader } from "../src/logs/reader.ts";
import { Redactors } from "../src/logs/redactors.ts";
import { SpoolDatabase } from "../src/spool/database.ts";
import { readEvents, readOutbox } from "../src/spool/events.ts";
import { storeIntents } from "../src/spool/intents.ts";
import { findRun } from "../src/spool/runs.ts";
import { RunFiles } from "../src/supervisor/files.ts";
import { findTools } from "../src/launch/tools.ts";
import { carryOutIntents } from "../src/supervisor/orders.ts";
import { readProcess } from "../src/supervisor/proc.ts";
import { noObserver } from "../src/supervisor/observer.ts";
import { Supervisor } from "../src/supervisor/supervisor.ts";
import type { SupervisorOptions } from "../src/supervisor/supervision.ts";

export const spec = (command: string, args: string[] = [], more: Partial<RunSpec> = {}): RunSpec => ({
  command,
  args,
  env: {},
  cwd: "/",
  grace_ms: 2000,
  ...more,
});

export const sh = (script: string, more: Partial<RunSpec> = {}) => spec("sh", ["-c", script], more);

export const intent = (id: string, type: string, payload: Record<string, unknown>): Intent => ({
  id,
  type,
  payload,
  created_at: new Date().toISOString(),
});

/** A folder that goes away with the scope, if `keep` is not set. */
export function makeFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "flowplane-agent-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export class Bench implements Disposable {
  readonly db: SpoolDatabase;
  readonly supervisor: Supervisor;
  readonly detection: Detection;
  readonly dataDir: string;
  #intents = 0;

  /** `detects`: runs are watched, else nothing is. */
  constructor(
    dataDir: string,
    { detects = false, ...more }: Partial<SupervisorOptions> & { detects?: boolean } = {},
  ) {
    this.dataDir = dataDir;
    this.db = new SpoolDatabase(join(dataDir, "spool.db"));
    this.detection = new Detection({
      db: this.db,
      clock: more.clock ?? Date.now,
      steady: more.steady ?? Date.now,
      random: Math.random,
      log: pino({ level: process.env["AGENT_TEST_LOG"] ?? "silent" }),
      means: () => this.supervisor,
      onEvent: () => undefined,
      onChunk: () => undefined,
    });
    this.supervisor = new Supervisor({
      db: this.db,
      dataDir,
      tools: findTools(),
      cgroups: null,
      quota: { runBytesMax: 1e12, hostBytesMax: 1e12, diskReserveBytes: 0 },
      clock: Date.now,
      steady: Date.now,
      random: Math.random,
      observer: detects ? this.detection : noObserver,
      redactors: new Redactors(dataDir),
      log: pino({ level: process.env["AGENT_TEST_LOG"] ?? "silent" }),
      onEvent: () => undefined,
      onBatch: () => undefined,
      onSegment: () => undefined,
      onSpoolProblem: () => undefined,
      ...more,
    });
  }

  [Symbol.dispose](): void {
    this.supervisor.close();
    this.db[Symbol.dispose]();
  }

  async order(type: string, payload: Record<string, unknown>): Promise<void> {
    this.#intents += 1;
    storeIntents(
      this.db,
      [intent(`i${this.#intents}-${Math.random().toString(36).slice(2)}`, type, payload)],
      Date.now(),
    );
    await carryOutIntents({
      db: this.db,
      supervisor: this.supervisor,
      detection: this.detection,
      clock: Date.now,
      onEvent: () => undefined,
    });
  }

  start(runId: string, runSpec: RunSpec): Promise<void> {
    return this.order("run.start", { run_id: runId, spec: runSpec });
  }

  stop(runId: string, mode: "stop" | "kill" = "stop", graceMs = 2000): Promise<void> {
    return this.order("run.stop", {
      run_id: runId,
      mode,
      grace_ms: graceMs,
      reason: "enough",
      actor: "tester",
    });
  }

  events(runId?: string): LinkEvent[] {
    const all = readEvents(this.db, 1, readOutbox(this.db).last_seq);
    return all.filter((event) => runId === undefined || event.run_id === runId);
  }

  types(runId: string): string[] {
    return this.events(runId).map((event) => event.type);
  }

  async ended(runId: string, withinMs = 20_000): Promise<RunEnded> {
    const event = await eventually(
      () => this.events(runId).find((one) => one.type === "run.ended"),
      withinMs,
      () => JSON.stringify(findRun(this.db, runId)?.state),
    );
    return event.payload as RunEnded;
  }

  /** The run's output as its log has it, both streams. */
  async output(runId: string): Promise<{ stdout: Buffer; stderr: Buffer; seqs: number[] }> {
    const lines: LogLine[] = [];
    const reader = new LogReader({ db: this.db, dataDir: this.dataDir });
    for await (const segment of reader.readSegments(runId)) for (const line of segment) lines.push(line);
    const of = (stream: string) => Buffer.from(joinLines(lines.filter((line) => line.stream === stream)));
    return { stdout: of("stdout"), stderr: of("stderr"), seqs: lines.map((line) => line.seq) };
  }

  raw(runId: string, stream: "stdout" | "stderr"): Buffer {
    return readFileSync(new RunFiles(this.dataDir, runId).path(stream));
  }
}

/** The first truthy answer of `look`. Rejects when there is none in time, saying what `describe` says. */
export async function eventually<T>(
  look: () => T | undefined | null | false,
  withinMs = 10_000,
  describe = () => "",
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() > until)
      throw new Error(`nothing within ${withinMs} ms: ${look.toString()} ${describe()}`);
    await sleep(5);
  }
}

/**
 * Whether a paused process does nothing. A shell whose child was paused between its birth and its program waits for it within the
 * kernel: it shows as D then, and gets its own signal afterwards.
 */
export function isPaused(pid: number): boolean {
  const state = readProcess(pid)?.state;
  if (state !== "D") return state === "T";
  return readdirSync("/proc").some((name) => {
    const info = readProcess(Number(name));
    return info?.ppid === pid && info.state === "T";
  });
}

/** What a child has to complain of, passed on by us: one that inherits our stderr and outlives a test keeps the test runner waiting. */
export function showErrors(child: ChildProcess): void {
  child.stderr?.on("data", (chunk: Buffer) => process.stderr.write(chunk));
}
