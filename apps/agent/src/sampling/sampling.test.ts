import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh } from "../../test/harness.ts";
import { noObserver } from "../supervisor/observer.ts";
import type { ResourceSample } from "../supervisor/observer.ts";
import { judgeLimits } from "./limits.ts";
import { parseFullStat } from "./stats.ts";
import { addLook, noUsage } from "./usage.ts";

test("counters never go back: what ended unwaited for stays counted, and what is new comes on top", () => {
  const look = (cpuMs: number) => ({ cpuMs, readBytes: null, writeBytes: 7, memoryBytes: cpuMs });
  const totals: number[] = [];
  let usage = noUsage;
  for (const cpuMs of [100, 300, 50, 80, 400]) {
    usage = addLook(usage, look(cpuMs));
    totals.push(usage.cpuMs);
  }
  expect(totals).toEqual([100, 300, 300, 330, 650]);
  expect(usage).toMatchObject({ memoryPeakBytes: 400, readBytes: null, writeBytes: 7 });
});

test("limits that are watched end a run, limits that the kernel keeps do not", () => {
  const limits = { memory_bytes: 1024 * 1024, pids: 10 };
  const used = { memoryBytes: 3 * 1024 * 1024, tasks: 11 };
  expect(judgeLimits(limits, ["memory"], used)).toEqual({
    reason: "it used 3 MB of memory, and may use 1 MB",
    graceMs: 2000,
  });
  expect(judgeLimits(limits, ["pids", "memory"], used)).toEqual({
    reason: "it had 11 tasks at once, and may have 10",
    graceMs: 0,
  });
  expect(judgeLimits(limits, [], used)).toBeNull();
  expect(judgeLimits(limits, ["pids", "memory"], { memoryBytes: 1024 * 1024, tasks: 10 })).toBeNull();
});

test("a stat line: CPU with waited-for children, threads, start, resident pages", () => {
  const fields = "S 7 42 41 0 -1 4194560 1 0 0 0 5 6 7 8 20 0 3 0 12345 1000 200";
  expect(parseFullStat(`42 (a) R (b c) ${fields} 18446744073709551615`)).toEqual({
    pid: 42,
    ppid: 7,
    session: 41,
    state: "S",
    cpuTicks: 26,
    threads: 3,
    startTicks: 12_345,
    rssPages: 200,
  });
  expect(parseFullStat("")).toBeNull();
});

/** A bench whose steady clock runs as fast as the test wants, and the samples its observer was told. */
function watched(path: string) {
  const samples = new Map<string, ResourceSample[]>();
  const time = { ahead: 0 };
  const bench = new Bench(path, {
    steady: () => Date.now() + time.ahead,
    observer: {
      ...noObserver,
      sampled: (runId, _atMs, sample) => samples.set(runId, [...(samples.get(runId) ?? []), sample]),
    },
  });
  return { bench, samples, time };
}

test("everything a run started is measured, what left its session and what has ended, too", async () => {
  using folder = makeFolder();
  const { bench, samples, time } = watched(folder.path);
  using _ = bench;
  const burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
  await bench.start(
    "r1",
    sh(`(${burn}); setsid -f sh -c 'sleep 600'; echo done; head -c 3000000 /dev/zero >/dev/null; sleep 600`),
  );
  await eventually(() => bench.raw("r1", "stdout").toString() === "done\n");
  const sample = await eventually(() => {
    time.ahead += 1000;
    return samples.get("r1")?.find(({ cpuMs, processes }) => cpuMs > 0 && processes >= 3);
  });
  expect(sample).toMatchObject({ processesLimit: null, logBytes: 5 });
  expect(sample.memoryBytes).toBeGreaterThan(100_000);
  expect(sample.memoryLimitBytes).toBeGreaterThan(sample.memoryBytes);
  await eventually(() => {
    time.ahead += 1000;
    return samples.get("r1")?.some(({ readBytes }) => (readBytes ?? 0) >= 3_000_000);
  });
  await bench.stop("r1", "kill");
  const { usage } = await bench.ended("r1");
  expect(usage?.cpu_ms).toBeGreaterThan(0);
  expect(usage?.memory_peak_bytes).toBeGreaterThan(100_000);
});

test("what a run used is exact when it ends by itself, however short it was", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"));
  expect((await bench.ended("r1")).usage?.cpu_ms).toBeGreaterThanOrEqual(20);
});

test("without a kernel that keeps them, limits of memory and processes end the run that breaks them", async () => {
  using folder = makeFolder();
  const { bench } = watched(folder.path);
  using _ = bench;
  const hog = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 600";
  await bench.start("memory", sh(hog, { limits: { memory_bytes: 30 * 1024 * 1024 } }));
  await bench.start(
    "pids",
    sh("for i in 1 2 3 4 5 6 7 8; do sleep 600 & done; wait", { limits: { pids: 5 } }),
  );
  expect(await bench.ended("memory")).toMatchObject({
    state: "FAILED",
    reason: expect.stringMatching(/^it used \d+ MB of memory, and may use 30 MB$/) as string,
  });
  expect(await bench.ended("pids")).toMatchObject({
    state: "FAILED",
    signal: "SIGKILL",
    reason: "it had 9 tasks at once, and may have 5",
  });
});
