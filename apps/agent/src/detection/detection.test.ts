import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import { DEFAULT_POLICY, replay } from "@flowplane/detection";
import type { Policy, ReplaySegment } from "@flowplane/detection";
import { encodeLines } from "@flowplane/link";
import type { RunSpec } from "@flowplane/link";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { LogReader } from "../logs/reader.ts";
import { readChunks } from "../spool/evidence.ts";
import { findRun } from "../spool/runs.ts";

const LOOP = "while True: print('KeyError: Messages', flush=True); time.sleep(0.05)";

/** Acts at once; loops are stopped. */
function enforcing(change: Partial<Policy> = {}): RunSpec["detection"] {
  const document = { ...DEFAULT_POLICY, mode: "enforce", sensitivity: "high", warm_up_ms: 0, ...change };
  return { policy_id: null, policy_name: "careful", version: 3, document };
}

const python = (script: string, more: Partial<RunSpec> = {}) =>
  spec("python3", ["-c", `import time, sys\n${script}`], more);

/** Time runs faster here, so that a stall of minutes is over in seconds. */
function hurried(times: number) {
  const from = Date.now();
  return () => Math.round(from + (Date.now() - from) * times);
}

function timeline(bench: Bench, runId: string): string[] {
  return bench
    .events(runId)
    .filter(({ type }) => /incident|stopping|ended|created/.test(type))
    .map(({ type, payload }) =>
      [type, payload["category"], payload["action"], payload["outcome"], payload["state"]]
        .filter((word) => typeof word === "string")
        .join(" "),
    );
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function segments(bench: Bench, runId: string): Promise<ReplaySegment[]> {
  const found: ReplaySegment[] = [];
  for await (const lines of new LogReader(bench).readSegments(runId)) {
    const segment = found.length + 1;
    found.push({ segment, sha256: sha256(encodeLines(lines)), lines });
  }
  return found;
}

async function replayed(bench: Bench, runId: string) {
  return replay({
    chunks: readChunks(bench.db, runId).map(({ body }) => zstdDecompressSync(body)),
    segments: await segments(bench, runId),
    sha256,
  });
}

test("a loop is stopped under enforce, says why, and its decisions come out again", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  await bench.start("a", python(LOOP, { detection: enforcing() }));
  const end = await bench.ended("a", 60_000);
  expect(end).toMatchObject({
    state: "STOPPED",
    last_evidence: 1,
    reason: expect.stringMatching(/^Stopped by Flowplane: The same error \d+ times in .*KeyError: Messages/),
  });
  expect(timeline(bench, "a")).toEqual([
    "incident.opened loop",
    "run.stopping",
    "incident.intervention stop done",
    "incident.closed",
    "run.ended STOPPED",
  ]);
  expect(bench.events("a").find(({ type }) => type === "incident.opened")?.payload).toMatchObject({
    severity: "critical",
    policy: { name: "careful", version: 3, mode: "enforce" },
    evidence: { signature: { text: "KeyError: Messages" } },
  });
  expect(await replayed(bench, "a")).toMatchObject({ equal: true, intact: true, problem: null });
  expect(end.log.lines).toBeLessThan(250);
}, 90_000);

test("without a policy it is only told", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  await bench.start("a", python(LOOP));
  await eventually(() => timeline(bench, "a").length >= 2, 60_000);
  expect(timeline(bench, "a")).toEqual(["incident.opened loop", "incident.intervention stop withheld"]);
  await bench.stop("a");
  await bench.ended("a");
  expect(timeline(bench, "a").slice(2)).toEqual(["run.stopping", "incident.closed", "run.ended STOPPED"]);
  expect(await replayed(bench, "a")).toMatchObject({ equal: true });
}, 90_000);

test("an agent that is gone in the middle goes on where it was", async () => {
  using folder = makeFolder();
  const before = new Bench(folder.path, { detects: true });
  await before.start("a", python(LOOP.replace("0.05", "0.1"), { detection: enforcing() }));
  await eventually(() => (findRun(before.db, "a")?.log.lastSeq ?? 0) > 30, 60_000);
  before[Symbol.dispose]();
  // What is printed meanwhile is read later.
  await sleep(500);
  using after = new Bench(folder.path, { detects: true });
  await after.supervisor.adopt();
  expect(await after.ended("a", 60_000)).toMatchObject({ state: "STOPPED" });
  const report = await replayed(after, "a");
  expect(report).toMatchObject({ equal: true, intact: true, problem: null });
  const chunks = readChunks(after.db, "a").map(({ body }) => zstdDecompressSync(body).toString());
  expect(chunks.join("")).not.toContain("resumed_afresh");
}, 120_000);

test("a stall is found where nothing is printed and nothing is used", async () => {
  using folder = makeFolder();
  const clock = hurried(40);
  using bench = new Bench(folder.path, { detects: true, clock, steady: clock });
  const script = "for n in range(40): print('step', n, flush=True); time.sleep(0.05)\ntime.sleep(1000)";
  await bench.start("a", python(script, { detection: enforcing({ actions: { stall: [{ do: "stop" }] } }) }));
  expect(await bench.ended("a", 60_000)).toMatchObject({
    reason: expect.stringContaining("used neither CPU nor disk"),
  });
  expect(timeline(bench, "a")[0]).toBe("incident.opened stall");
  expect(await replayed(bench, "a")).toMatchObject({ equal: true });
}, 90_000);

test("a heartbeat that was promised and is missed is a stall", async () => {
  using folder = makeFolder();
  const clock = hurried(20);
  using bench = new Bench(folder.path, { detects: true, clock, steady: clock });
  const busy = "n = 0\nwhile True: print('step', n, flush=True); n += 1; time.sleep(0.02)";
  await bench.start("a", python(busy, { detection: enforcing(), progress: { heartbeat_ms: 10_000 } }));
  await eventually(() => bench.types("a").includes("run.running"));
  bench.detection.heartbeat("a", clock(), null);
  const timer = setInterval(() => bench.detection.tick(), 100);
  const opened = await eventually(
    () => bench.events("a").find(({ type }) => type === "incident.opened"),
    30_000,
  ).finally(() => clearInterval(timer));
  expect(opened.payload).toMatchObject({ category: "stall", title: expect.stringMatching(/no heartbeat/) });
  // The built-in ladder restarts what stalls first.
  await bench.ended("a", 20_000);
  expect(timeline(bench, "a")).toContain("incident.intervention restart done");
}, 90_000);

test("attempts that end alike are a storm that ends the retries", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  const retry = {
    retries_max: 50,
    on: ["failed" as const],
    backoff_ms: 1,
    backoff_max_ms: 2,
    reset_after_ms: 600_000,
  };
  await bench.start(
    "a",
    sh("echo 'panic: cannot open ledger' >&2; exit 3", { retry, detection: enforcing() }),
  );
  const opened = await eventually(
    () => bench.events().find(({ type }) => type === "incident.opened"),
    60_000,
  );
  expect(opened.payload).toMatchObject({ category: "retry_storm", evidence: { signature: { count: 4 } } });
  await eventually(() => bench.events().some(({ type }) => type === "incident.intervention"));
  await sleep(500);
  const runs = bench.events().filter(({ type }) => type === "run.ended").length;
  expect(runs).toBe(4);
  expect(bench.supervisor.nextStarts).toEqual([]);
}, 90_000);

test("an agent that calls the same tool again and again is stopped", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  const script = `import json
for n in range(1000):
  print(json.dumps({"role": "assistant", "tool_calls": [{"name": "grep", "args": {"q": "x"}}]}), flush=True)
  print(json.dumps({"role": "tool", "content": "nothing found"}), flush=True)
  time.sleep(0.05)`;
  await bench.start("a", python(script, { detection: enforcing() }));
  expect(await bench.ended("a", 60_000)).toMatchObject({ state: "STOPPED" });
  expect(timeline(bench, "a")[0]).toBe("incident.opened agent_loop");
}, 90_000);

test("memory that keeps growing is a runaway", async () => {
  using folder = makeFolder();
  const clock = hurried(60);
  using bench = new Bench(folder.path, { detects: true, clock, steady: clock });
  const script = "kept = []\nwhile True: kept.append(bytearray(400_000)); time.sleep(0.03)";
  await bench.start(
    "a",
    python(script, { detection: enforcing(), limits: { memory_bytes: 400 * 1024 * 1024 } }),
  );
  const end = await bench.ended("a", 90_000);
  expect(timeline(bench, "a")[0]).toBe("incident.opened runaway");
  expect(end).toMatchObject({ reason: expect.stringMatching(/Memory has grown steadily/) });
}, 120_000);

test("too many interventions, and everything falls back to shadow", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  const detection = enforcing({
    rate_limit: { interventions_max: 2, window_ms: 600_000, fallback_ms: 3_600_000 },
  });
  for (const id of ["a", "b", "c", "d"]) await bench.start(id, python(LOOP, { detection }));
  const acted = () => bench.events().filter(({ type }) => type === "incident.intervention");
  await eventually(() => acted().length >= 4, 60_000);
  const outcomes = acted().map(({ payload }) => payload["outcome"]);
  expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(2);
  expect(outcomes.filter((outcome) => outcome === "withheld")).toHaveLength(2);
  const changed = bench.events().filter(({ type }) => type === "guard.changed");
  expect(changed).toHaveLength(1);
  expect(changed[0]?.payload).toMatchObject({ interventions: 2, until: expect.any(String) });
  const held = acted().filter(({ payload }) => payload["outcome"] === "withheld");
  for (const { run_id: runId = "" } of held) await bench.stop(runId, "kill");
  for (const id of ["a", "b", "c", "d"]) {
    await bench.ended(id);
    expect(await replayed(bench, id)).toMatchObject({ equal: true });
  }
}, 120_000);

test("the control plane may ask for a fallback, and end it", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { detects: true });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await bench.order("detection.fallback", { until, reason: "a storm on the site" });
  await bench.start("a", python(LOOP, { detection: enforcing() }));
  await eventually(() => timeline(bench, "a").length >= 2, 60_000);
  expect(timeline(bench, "a")).toEqual(["incident.opened loop", "incident.intervention stop withheld"]);
  await bench.order("detection.fallback", { until: null, reason: "all is well" });
  bench.detection.tick();
  expect(await bench.ended("a", 60_000)).toMatchObject({ state: "STOPPED" });
  expect(await replayed(bench, "a")).toMatchObject({ equal: true });
}, 90_000);
