import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { readCgroupUse, readOomKills } from "./cgroup-files.ts";
import { findMount, openCgroups, planCgroup } from "./cgroups.ts";
import { listProcesses } from "./proc.ts";

const tree = openCgroups();
const needsTree = tree === null ? "this host has no cgroup v2 tree that may be written" : null;
if (needsTree !== null) process.stderr.write(`skipped: ${needsTree}\n`);

test("where cgroup v2 is mounted, alone, beside version 1, or not", () => {
  const v1 = "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
  expect(findMount(v1)).toBeNull();
  expect(findMount(`${v1}\n41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw`)).toBe(
    "/sys/fs/cgroup/uni fied",
  );
  using folder = makeFolder();
  expect(openCgroups(folder.path)).toBeNull();
});

test("which limits the kernel keeps depends on its controllers; none is said to be kept that is not", () => {
  const limits = { memory_bytes: 1048576, cpu_millicores: 250, pids: 9 };
  const all = { dir: "/cg", controllers: new Set(["memory", "cpu", "pids"] as const) };
  expect(planCgroup(all, "r1", limits, true)).toEqual({
    path: "/cg/r1",
    files: [
      ["memory.max", "1048576"],
      ["memory.swap.max", "0"],
      ["cpu.max", "25000 100000"],
      ["pids.max", "9"],
      ["cpu.weight", "1"],
    ],
    enforced: ["memory_bytes", "cpu_millicores", "pids"],
  });
  expect(planCgroup({ ...all, controllers: new Set() }, "r1", limits, true)).toMatchObject({
    files: [],
    enforced: [],
  });
  expect(planCgroup(null, "r1", limits, true)).toBeNull();
});

test("use and deaths for want of memory, as the kernel writes them", () => {
  using folder = makeFolder();
  const cgroup = join(folder.path, "r1");
  mkdirSync(cgroup);
  expect(readCgroupUse(cgroup)).toBeNull();
  expect(readOomKills(cgroup)).toBe(0);
  writeFileSync(join(cgroup, "cpu.stat"), "usage_usec 1234567\nuser_usec 1\n");
  writeFileSync(join(cgroup, "memory.current"), "4096\n");
  writeFileSync(join(cgroup, "memory.events"), "low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\n");
  expect(readCgroupUse(cgroup)).toEqual({ cpuMs: 1235, memoryBytes: 4096, memoryPeakBytes: null });
  expect(readOomKills(cgroup)).toBe(3);
});

test.skipIf(needsTree !== null)(
  "a process that hides from every other evidence dies with its cgroup, which goes, too",
  async () => {
    using folder = makeFolder();
    using bench = new Bench(folder.path, { cgroups: tree });
    // In a session of its own, its parent gone, no mark in its environment.
    await bench.start(
      "r1",
      sh("setsid -f env -i sh -c 'trap \"\" TERM; while :; do sleep 0.05; done'; echo up; sleep 600"),
    );
    await eventually(() => bench.raw("r1", "stdout").toString() === "up\n");
    const { cgroup } = JSON.parse(
      bench.db.get<{ containment: string }>("SELECT containment FROM runs")!.containment,
    ) as { cgroup: string };
    const pids = readFileSync(join(cgroup, "cgroup.procs"), "utf8").trim().split("\n").map(Number);
    expect(pids.length).toBeGreaterThan(2);
    expect(readCgroupUse(cgroup)).not.toBeNull();
    await bench.stop("r1", "stop", 50);
    expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED" });
    expect((await listProcesses()).filter(({ pid }) => pids.includes(pid))).toEqual([]);
    await eventually(() => !existsSync(cgroup));
  },
);

test.skipIf(needsTree !== null)(
  "a cgroup is paused as one, by this agent and the next, and a stop wakes it",
  async () => {
    using folder = makeFolder();
    let cgroup = "";
    const isFrozen = () => readFileSync(join(cgroup, "cgroup.events"), "utf8").includes("frozen 1");
    {
      using bench = new Bench(folder.path, { cgroups: tree });
      await bench.start("r1", sh("trap 'exit 6' TERM; echo up; while :; do sleep 0.02; done"));
      // The shell may come to its trap before the agent has seen it run, and the other way round.
      await eventually(() => bench.raw("r1", "stdout").toString() === "up\n");
      await eventually(() => bench.types("r1").includes("run.running"));
      ({ cgroup } = JSON.parse(
        bench.db.get<{ containment: string }>("SELECT containment FROM runs")!.containment,
      ) as { cgroup: string });
      expect(bench.supervisor.freeze("r1", true, "let me look", "ada")).toBe(true);
      await eventually(isFrozen);
    }
    using bench = new Bench(folder.path, { cgroups: tree });
    await bench.supervisor.adopt();
    expect(isFrozen()).toBe(true);
    await bench.stop("r1", "stop", 10_000);
    expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", exit_code: 6 });
  },
);

test.skipIf(tree?.controllers.has("memory") !== false)(
  "a limit that the kernel refuses keeps the run from starting, and says so",
  async () => {
    using folder = makeFolder();
    const promised = { dir: tree!.dir, controllers: new Set(["memory"] as const) };
    using bench = new Bench(folder.path, { cgroups: promised });
    await bench.start("r2", spec("echo", ["ran"], { limits: { memory_bytes: 4096 } }));
    expect(await bench.ended("r2")).toMatchObject({
      state: "FAILED",
      exit_code: 126,
      reason: expect.stringMatching(/^the kernel refuses its limit memory\.max = 4096/) as string,
    });
  },
);
