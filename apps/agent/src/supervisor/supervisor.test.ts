import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, intent, isPaused, makeFolder, sh, spec } from "../../test/harness.ts";
import { storeIntents } from "../spool/intents.ts";
import { isAlive, readProcess } from "./proc.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test("a run: its events, exit code and output, byte for byte", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("echo one; echo two >&2; printf tail; exit 3"));
  const ended = await bench.ended("r1");
  expect(ended).toMatchObject({ state: "FAILED", exit_code: 3, signal: null, reason: null });
  expect(ended.log).toEqual({
    stdout_bytes: 8,
    stderr_bytes: 4,
    lines: 3,
    last_seq: 3,
    last_segment: 1,
    redactions: 0,
  });
  expect(bench.types("r1")).toEqual(["run.starting", "run.running", "run.ended"]);
  const output = await bench.output("r1");
  expect([text(output.stdout), text(output.stderr), output.seqs]).toEqual(["one\ntail", "two\n", [1, 2, 3]]);
});

test("arguments reach the program as they are, and no shell looks at them", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const args = ["$(id)", "a b", "", "*", "'\"\\", "-n", "é\n"];
  await bench.start("r1", spec("printf", ["<%s>", ...args]));
  expect(await bench.ended("r1")).toMatchObject({ state: "SUCCEEDED", exit_code: 0 });
  expect(text((await bench.output("r1")).stdout)).toBe(args.map((arg) => `<${arg}>`).join(""));
});

test("the environment is the minimal one and what was given, nothing of ours", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  process.env["AGENT_SECRET"] = "hidden";
  await bench.start("r1", spec("env", [], { env: { GIVEN: "x=y" } }));
  await bench.ended("r1");
  delete process.env["AGENT_SECRET"];
  const names = text((await bench.output("r1")).stdout)
    .trim()
    .split("\n")
    .map((line) => line.split("=")[0]);
  const allowed = ["PATH", "HOME", "LANG", "TZ", "USER", "GIVEN", "_", "SHLVL"];
  allowed.push("FLOWPLANE_RUN_MARK", "FLOWPLANE_RUN_ID", "FLOWPLANE_HEARTBEAT_FILE");
  expect(names.filter((name) => !allowed.includes(name ?? ""))).toEqual([]);
  expect(text((await bench.output("r1")).stdout)).toContain("GIVEN=x=y\n");
});

async function checkRefused(runSpec: Parameters<Bench["start"]>[1], exitCode: number, reason: RegExp) {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", runSpec);
  const ended = await bench.ended("r1");
  expect(ended).toMatchObject({ state: "FAILED", exit_code: exitCode });
  expect(ended.reason).toMatch(reason);
  expect(bench.types("r1")).toEqual(["run.starting", "run.ended"]);
  expect(ended.log.lines).toBe(0);
}

test("what cannot be started ends FAILED with the reason and a shell's exit code", async () => {
  using folder = makeFolder();
  const plain = join(folder.path, "plain");
  writeFileSync(plain, "no program");
  chmodSync(plain, 0o644);
  mkdirSync(join(folder.path, "sub"));
  await checkRefused(spec("/no/such/file"), 127, /does not exist/);
  await checkRefused(spec("no-such-command"), 127, /not on the PATH/);
  await checkRefused(spec(""), 127, /empty/);
  await checkRefused(spec(plain), 126, /not executable/);
  await checkRefused(spec(join(folder.path, "sub")), 126, /not a file/);
  await checkRefused(spec(`${plain}/x`), 127, /does not exist/);
  await checkRefused(
    spec("echo", [], { cwd: "/no/such/folder" }),
    126,
    /working directory .* does not exist/,
  );
  await checkRefused(spec("echo", [], { cwd: plain }), 126, /is not a directory/);
  await checkRefused(spec("echo", [], { cwd: "here" }), 126, /not an absolute path/);
  await checkRefused(spec("echo", ["a\0b"]), 126, /NUL/);
  await checkRefused(spec("echo", [], { env: { "A=B": "" } }), 126, /no name/);
  await checkRefused(spec("echo", ["x".repeat(1024 * 1024)]), 126, /longer than/);
  await checkRefused(
    spec("echo", Array<string>(40).fill("x".repeat(100_000))),
    126,
    /longer than the kernel allows/,
  );
});

test("an invalid specification ends its run; an intent that names none is refused", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.order("run.start", { run_id: "r1", spec: { command: 7 } });
  expect(await bench.ended("r1")).toMatchObject({
    state: "FAILED",
    reason: expect.stringContaining("spec.command") as string,
  });
  await bench.order("run.start", { run_id: "../../etc", spec: sh("true") });
  await bench.order("run.stop", { run_id: "unknown", mode: "stop", grace_ms: 1, reason: "", actor: "" });
  await bench.order("teleport", {});
  expect(
    bench
      .events()
      .filter((event) => event.type === "intent.refused")
      .map((event) => event.payload["reason"]),
  ).toEqual([
    expect.stringContaining("run_id"),
    "this agent knows no run unknown",
    "this agent does not know intents of type teleport",
  ]);
});

test("a stop that overtakes its start is told as unknown, and holds when the start comes, with another agent, too", async () => {
  using folder = makeFolder();
  {
    using bench = new Bench(folder.path);
    await bench.stop("r1");
    expect(bench.events().map((event) => event.type)).toEqual(["intent.refused"]);
  }
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("echo started"));
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", reason: "enough", log: { lines: 0 } });
  expect(bench.types("r1")).toEqual(["run.ended"]);
});

test("a stop that comes before its start was carried out wins: the run ends STOPPED and never starts", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const runId = "r1";
  const stop = { run_id: runId, mode: "stop", grace_ms: 1, reason: "enough", actor: "tester" };
  storeIntents(
    bench.db,
    [intent("i1", "run.start", { run_id: runId, spec: sh("echo started") }), intent("i2", "run.stop", stop)],
    Date.now(),
  );
  await bench.order("run.stop", { ...stop, reason: "once more" });
  expect(await bench.ended(runId)).toMatchObject({
    state: "STOPPED",
    exit_code: null,
    reason: "enough",
    log: { lines: 0, last_seq: 0, last_segment: 0 },
  });
  expect(bench.types(runId)).toEqual(["run.ended"]);
  expect(bench.events().map((event) => event.type)).not.toContain("intent.refused");
  await bench.start(runId, sh("echo late"));
  expect(bench.types(runId)).toEqual(["run.ended"]);
});

test("a second order to start the same run changes nothing", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("echo once"));
  await bench.start("r1", sh("echo twice"));
  await bench.ended("r1");
  expect(text((await bench.output("r1")).stdout)).toBe("once\n");
  expect(bench.types("r1")).toHaveLength(3);
});

test("exit codes above 128 and deaths by signal are told apart", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("exit", sh("exit 137"));
  await bench.start("kill", sh("kill -9 $$"));
  await bench.start("segv", sh("kill -SEGV $$"));
  expect(await bench.ended("exit")).toMatchObject({ state: "FAILED", exit_code: 137, signal: null });
  expect(await bench.ended("kill")).toMatchObject({ state: "FAILED", exit_code: 137, signal: "SIGKILL" });
  expect(await bench.ended("segv")).toMatchObject({ state: "FAILED", exit_code: 139, signal: "SIGSEGV" });
});

test("stop: SIGTERM, and the run says who and why", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"));
  await eventually(() => text(bench.raw("r1", "stdout")) === "up\n");
  await bench.stop("r1");
  expect(await bench.ended("r1")).toMatchObject({
    state: "STOPPED",
    exit_code: 5,
    signal: null,
    reason: "enough",
  });
  expect(text((await bench.output("r1")).stdout)).toBe("up\nbye\n");
  expect(bench.events("r1").find((event) => event.type === "run.stopping")?.payload).toMatchObject({
    reason: "enough",
    actor: "tester",
    waiting: { waits_for: "its processes to end after SIGTERM" },
  });
});

test("what ignores SIGTERM is killed after the grace; a stopped process is woken to hear it", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("deaf", sh("trap '' TERM; echo up; while :; do sleep 0.05; done"));
  await bench.start("paused", sh("kill -STOP $$; echo never"));
  await eventually(() => text(bench.raw("deaf", "stdout")) === "up\n");
  const pid = await eventually(
    () => bench.events("paused").find((event) => event.type === "run.running")?.payload["pid"],
  );
  await eventually(() => readProcess(Number(pid))?.state === "T");
  await Promise.all([bench.stop("deaf", "stop", 100), bench.stop("paused", "stop", 5000)]);
  expect(await bench.ended("deaf")).toMatchObject({ state: "STOPPED", exit_code: 137, signal: "SIGKILL" });
  expect(await bench.ended("paused")).toMatchObject({ state: "STOPPED", exit_code: 143, signal: "SIGTERM" });
});

test("kill takes everything at once, what fled into its own session, too", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start(
    "r1",
    sh("setsid sh -c 'trap \"\" TERM; sleep 600' & setsid setsid sleep 601 & echo up; sleep 602"),
  );
  await eventually(() => text(bench.raw("r1", "stdout")) === "up\n");
  await bench.stop("r1", "kill");
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", signal: "SIGKILL" });
  expect(bench.db.get<{ mark: string }>("SELECT mark FROM runs")).toBeDefined();
  expect(await findMarked(bench)).toEqual([]);
});

test("others left behind by a main process that ended are ended, too; its exit code counts", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("sleep 603 & setsid sleep 604 & exit 4"));
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 4 });
  expect(bench.types("r1")).toEqual(["run.starting", "run.running", "run.stopping", "run.ended"]);
  expect(await findMarked(bench)).toEqual([]);
});

test("max_runtime_ms ends the run TIMED_OUT", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("echo up; sleep 605", { max_runtime_ms: 300 }));
  expect(await bench.ended("r1")).toMatchObject({
    state: "TIMED_OUT",
    signal: "SIGTERM",
    reason: "it ran longer than 300 ms",
  });
});

test("a killed wrapper leaves the job supervised, with an unknown end", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start(
    "r1",
    sh("echo up; while [ ! -e go ]; do sleep 0.05; done; echo down", { cwd: folder.path }),
  );
  await eventually(() => bench.types("r1").includes("run.running"));
  const [wrapper, , job, start] = readFileSync(join(folder.path, "runs/r1/pid"), "utf8")
    .trim()
    .split(" ")
    .map(Number);
  process.kill(wrapper!, "SIGKILL");
  await eventually(() =>
    bench.events("r1").some((event) => event.payload["title"] === "exit status will be unknown"),
  );
  expect(isAlive({ pid: job!, startTicks: start! })).toBe(true);
  writeFileSync(join(folder.path, "go"), "");
  expect(await bench.ended("r1")).toMatchObject({ state: "LOST", exit_code: null });
  expect(text((await bench.output("r1")).stdout)).toBe("up\ndown\n");
});

test("runs of another boot: a status on disk counts, without one the run is lost, and no pid of then is touched", async () => {
  using folder = makeFolder();
  {
    using bench = new Bench(folder.path);
    for (const id of ["done", "lost"]) {
      await bench.start(
        id,
        sh("echo up; while [ ! -e go ]; do sleep 0.02; done; exit 8", { cwd: folder.path }),
      );
      await eventually(() => bench.types(id).includes("run.running"));
    }
  }
  const job = (id: string) => Number(readFileSync(join(folder.path, `runs/${id}/pid`), "utf8").split(" ")[2]);
  using bench = new Bench(folder.path);
  bench.db.run("UPDATE runs SET boot_id = 'another'");
  writeFileSync(join(folder.path, "runs/done/exit"), "8 0\n");
  await bench.supervisor.adopt();
  expect(await bench.ended("done")).toMatchObject({ state: "FAILED", exit_code: 8 });
  expect(await bench.ended("lost")).toMatchObject({
    state: "LOST",
    reason: "the host was restarted while it ran",
  });
  // The recorded pid lives here, being of this boot after all; of another boot it would be anybody's, so it is left alone.
  expect(readProcess(job("lost"))).not.toBeNull();
  writeFileSync(join(folder.path, "go"), "");
  await eventually(() => readProcess(job("lost")) === null);
});

test("a frozen run is let go by the next agent when there is room again", async () => {
  using folder = makeFolder();
  {
    using bench = new Bench(folder.path, {
      quota: { runBytesMax: 1000, hostBytesMax: 1e12, diskReserveBytes: 0 },
    });
    await bench.start(
      "r1",
      sh("head -c 5000 /dev/zero; while [ ! -e go ]; do sleep 0.02; done; exit 2", { cwd: folder.path }),
    );
    await eventually(() =>
      bench.events("r1").some((event) => event.type === "run.frozen" && event.payload["frozen"] === true),
    );
    const pid = Number(bench.events("r1").find((event) => event.type === "run.running")?.payload["pid"]);
    await eventually(() => isPaused(pid));
  }
  writeFileSync(join(folder.path, "go"), "");
  using bench = new Bench(folder.path);
  await bench.supervisor.adopt();
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 2 });
});

test("a look around for what to pause that ends late pauses nothing that was let go meanwhile", async () => {
  using folder = makeFolder();
  const held = Promise.withResolvers<void>();
  const freeze = (bench: Bench, frozen: boolean) =>
    bench.order("run.freeze", { run_id: "r1", frozen, reason: "a look", actor: "tester" });
  let pid = 0;
  {
    using bench = new Bench(folder.path);
    await bench.start(
      "r1",
      sh("echo up; while [ ! -e go ]; do sleep 0.02; done; exit 2", { cwd: folder.path }),
    );
    // Running is said before it leads a group of its own; until then only the look around, held here, would find it.
    await eventually(() => text(bench.raw("r1", "stdout")) === "up\n");
    pid = await eventually(() =>
      Number(bench.events("r1").find((event) => event.type === "run.running")?.payload["pid"]),
    );
    const { table } = bench.supervisor;
    const list = table.list.bind(table);
    table.list = async () => {
      const processes = await list();
      await held.promise;
      return processes;
    };
    await freeze(bench, true);
    await eventually(() => isPaused(pid));
  }
  using bench = new Bench(folder.path);
  await bench.supervisor.adopt();
  await freeze(bench, false);
  await eventually(() => !isPaused(pid));
  held.resolve();
  writeFileSync(join(folder.path, "go"), "");
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 2 });
});

test("signals to the wrapper do not cost the exit status", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("while [ ! -e go ]; do sleep 0.02; done; exit 9", { cwd: folder.path }));
  await eventually(() => existsSync(join(folder.path, "runs/r1/pid")));
  const wrapper = Number(readFileSync(join(folder.path, "runs/r1/pid"), "utf8").split(" ")[0]);
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.kill(wrapper, signal);
  writeFileSync(join(folder.path, "go"), "");
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 9, signal: null });
});

async function findMarked(bench: Bench): Promise<number[]> {
  const { listProcesses, hasEnvironment } = await import("./proc.ts");
  const marks = bench.db.all<{ mark: string }>("SELECT mark FROM runs").map((row) => row.mark);
  const processes = await listProcesses();
  return processes
    .filter((info) => marks.some((mark) => hasEnvironment(info.pid, `FLOWPLANE_RUN_MARK=${mark}`)))
    .map((info) => info.pid);
}
