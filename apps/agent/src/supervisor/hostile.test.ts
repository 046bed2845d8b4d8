// Processes that don't behave. Each must end as asked, with its true exit code, and leave nobody behind.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { findTools } from "../launch/tools.ts";
import { openCgroups } from "./cgroups.ts";
import { hasEnvironment, listProcesses, readProcess } from "./proc.ts";

/** Processes of any run of this bench that are still there. */
async function leftOf(bench: Bench): Promise<number[]> {
  const marks = bench.db.all<{ mark: string }>("SELECT mark FROM runs").map(({ mark }) => mark);
  const processes = await listProcesses();
  return processes
    .filter(({ pid }) => marks.some((mark) => hasEnvironment(pid, `FLOWPLANE_RUN_MARK=${mark}`)))
    .map(({ pid }) => pid);
}

const output = (bench: Bench, run = "r1") => bench.raw(run, "stdout").toString();

test("a fork bomb ends at its limit, by looking where the kernel keeps none, and nobody of it is left", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, { cgroups: openCgroups() });
  // Each generation doubles until nobody can count; the depth is a fuse, for a host on which this test fails.
  const script = 'b() { [ "$1" -gt 9 ] && exec sleep 600; b $(($1+1)) & b $(($1+1)) & wait; }; b 0';
  await bench.start("r1", sh(script, { limits: { pids: 60 } }));
  const end = await bench.ended("r1", 60_000);
  expect(end.state).toBe("FAILED");
  if (bench.supervisor.options.cgroups?.controllers.has("pids") !== true)
    expect(end.reason).toMatch(/^it had \d+ tasks at once, and may have 60$/);
  expect(await leftOf(bench)).toEqual([]);
}, 90_000);

test("a daemon that forked twice, left its session and cleared its environment was seen while its parents lived", async () => {
  using folder = makeFolder();
  const time = { ahead: 0 };
  using bench = new Bench(folder.path, { steady: () => Date.now() + time.ahead });
  // The whole line of ancestors is there for a while, then only the daemon is, which nothing marks any more.
  const script =
    "setsid env -i /bin/sh -c '(while [ ! -e seen ]; do sleep 0.02; done; exec setsid sh -c \"echo \\$\\$ >daemon; while :; do sleep 0.05; done\") & wait' & echo up; while [ ! -e go ]; do sleep 0.02; done; sleep 600";
  await bench.start("r1", sh(script, { cwd: folder.path }));
  await eventually(() => output(bench) === "up\n");
  await eventually(() => {
    time.ahead += 1000;
    return (bench.supervisor.runs.get("r1")?.known.size ?? 0) >= 3;
  });
  writeFileSync(join(folder.path, "seen"), "");
  const daemon = await eventually(() => {
    const path = join(folder.path, "daemon");
    return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  });
  await bench.stop("r1", "kill");
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED" });
  await eventually(() => readProcess(daemon) === null);
});

test("a process that renames itself to look like two fields of its own stat line is still found", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const script = "printf ') S 1 1 (x' >/proc/$$/comm; echo up; while :; do sleep 0.05; done";
  await bench.start("r1", sh(script));
  await eventually(() => output(bench) === "up\n");
  await bench.stop("r1", "kill");
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", signal: "SIGKILL" });
  expect(await leftOf(bench)).toEqual([]);
});

test("a child that keeps the output open after the main process has ended is ended, and what it wrote is kept", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const child = "trap 'echo told; exit' TERM; echo child; while :; do sleep 0.02; done";
  await bench.start(
    "r1",
    spec(
      "sh",
      ["-c", 'sh -c "$0" & while ! [ -s marker ]; do sleep 0.02; echo >marker; done; exit 3', child],
      { cwd: folder.path },
    ),
  );
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 3 });
  expect((await bench.output("r1")).stdout.toString()).toContain("told\n");
  expect(await leftOf(bench)).toEqual([]);
});

test("output as fast as the host can write it pauses the run, and neither keeps a stop away nor loses a byte of what it read", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path, {
    quota: { runBytesMax: 20_000_000, hostBytesMax: 1e12, diskReserveBytes: 0 },
  });
  await bench.start("r1", spec("yes", ["a line of a program that says the same thing for ever"]));
  await eventually(() => bench.events("r1").some(({ type }) => type === "run.frozen"), 30_000);
  const size = bench.raw("r1", "stdout").length;
  await bench.stop("r1", "stop", 5000);
  const end = await bench.ended("r1", 120_000);
  expect(end).toMatchObject({ state: "STOPPED", signal: "SIGTERM" });
  expect(end.log.stdout_bytes).toBeGreaterThanOrEqual(size);
  expect(await leftOf(bench)).toEqual([]);
}, 180_000);

test("a command that is over before anybody looks: adopted with its exit code and its output", async () => {
  using folder = makeFolder();
  {
    using bench = new Bench(folder.path);
    await bench.start("r1", sh("echo quick; exit 7"));
  }
  await eventually(() => existsSync(join(folder.path, "runs/r1/exit")));
  using bench = new Bench(folder.path);
  await bench.supervisor.adopt();
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 7, log: { stdout_bytes: 6 } });
});

test("a container's engine is asked to kill what it holds; its program alone dying is not enough", async () => {
  using folder = makeFolder();
  const engine = join(folder.path, "podman");
  // Stands in for an engine: tells its arguments, and keeps the "container" outside of its own process tree.
  writeFileSync(
    engine,
    `#!/bin/sh
cd ${folder.path}
if [ "$1" = kill ]; then echo "$2" >killed; kill -9 "$(cat inside)"; exit; fi
env -i setsid sh -c 'echo $$ >inside; while :; do sleep 0.05; done' &
while [ ! -s inside ]; do sleep 0.02; done
echo "$TOKEN in $*"
trap : TERM
while [ ! -e killed ]; do sleep 0.05; done
exit 137
`,
    { mode: 0o755 },
  );
  using bench = new Bench(folder.path, { tools: { ...findTools(), podman: engine } });
  const isolation = { mode: "container" as const, image: "alpine" };
  await bench.start("r1", spec("job", ["x"], { isolation, cwd: null, env: { TOKEN: "hidden" } }));
  await eventually(() => output(bench).startsWith("hidden in run --rm --init"));
  const inside = Number(readFileSync(join(folder.path, "inside"), "utf8"));
  await bench.stop("r1", "kill");
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED" });
  await eventually(() => readProcess(inside) === null);
  expect(readFileSync(join(folder.path, "killed"), "utf8")).toMatch(/^flowplane-r1-/);
});
