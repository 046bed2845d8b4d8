import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { healthToJson } from "../test/read-reports.ts";
import { ControlPlane } from "../test/control-plane.ts";
import { eventually, makeFolder, sh, showErrors, spec } from "../test/harness.ts";
import { agentStatus, enrol, runAgent } from "./index.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the agent reports itself, says goodbye, and its jobs outlive it", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  const { instanceUid } = await enrol({ dataDir: folder.path, token: plane.token() });
  const stop = new AbortController();
  const running = runAgent(
    { dataDir: folder.path, log: (await import("pino")).pino({ level: "silent" }) },
    stop.signal,
  );
  // Also when something fails here: an agent in this very process would keep it from ending.
  await using _agent = {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.catch(() => undefined);
    },
  };
  await eventually(() => plane.isLinked && plane.reports[0]);
  expect(plane.reports[0]).toMatchObject({ capabilities: 0x1n | 0x4n | 0x100n | 0x800n | 0x2000n });
  expect(JSON.stringify(plane.reports[0]?.agentDescription, bigints)).toContain(instanceUid);
  expect(Object.keys(healthToJson(plane.reports[0]?.health))).toEqual([
    "link",
    "local",
    "shipping",
    "spool",
    "supervisor",
  ]);
  await eventually(() => plane.reports.some((report) => report.health?.healthy));
  await eventually(
    () =>
      agentStatus(folder.path).process?.pid === process.pid &&
      agentStatus(folder.path).health.every((one) => one.healthy),
  );
  await expect(runAgent({ dataDir: folder.path }, stop.signal)).rejects.toThrow(/Another agent is running/);

  plane.order("run.start", {
    run_id: "r1",
    spec: sh("echo up; while [ ! -e go ]; do sleep 0.02; done; exit 6", { cwd: folder.path }),
  });
  await eventually(() => plane.types("r1").includes("run.running"));
  stop.abort();
  await running;
  await eventually(() => plane.reports.at(-1)?.agentDisconnect);

  writeFileSync(join(folder.path, "go"), "");
  await eventually(() => existsSync(join(folder.path, "runs/r1/exit")));
  using agent = startAgent(folder.path);
  expect(await plane.ended("r1")).toMatchObject({ state: "FAILED", exit_code: 6 });
  expect((await plane.log("r1")).stdout.toString()).toBe("up\n");
  expect(agent.child.exitCode).toBeNull();
  await eventually(() => !existsSync(join(folder.path, "runs/r1")));
});

test("kill -9 of the agent during 20 runs: every exit code and every byte is right, nothing runs twice", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  await enrol({ dataDir: folder.path, token: plane.token() });
  let agent = startAgent(folder.path);
  const script = (code: number) =>
    `echo start >> count-${code}; i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "run ${code} line $i"; [ $((i % 7)) = 0 ] && echo "error $i" >&2; sleep 0.03; done; printf end; exit ${code}`;
  const ids = Array.from({ length: 20 }, (_, i) => `r${i}`);
  for (const [code, id] of ids.entries())
    plane.order("run.start", { run_id: id, spec: sh(script(code), { cwd: folder.path }) });
  // Once while they are being started, and twice while they write.
  await eventually(() => plane.events.filter((event) => event.type === "run.starting").length >= 5);
  agent = await killAndRestart(agent, folder.path);
  await eventually(() => ids.every((id) => plane.types(id).includes("run.running")));
  agent = await killAndRestart(agent, folder.path);
  await eventually(() => plane.segments.size >= 10);
  agent = await killAndRestart(agent, folder.path);
  const lines = Array.from({ length: 60 }, (_, i) => i + 1);
  for (const [code, id] of ids.entries()) {
    const end = await plane.ended(id);
    expect(end).toMatchObject({
      state: code === 0 ? "SUCCEEDED" : "FAILED",
      exit_code: code,
      signal: null,
    });
    const log = await plane.log(id);
    await eventually(() => plane.evidence.get(id)?.size === end.last_evidence);
    expect(await plane.replay(id)).toMatchObject({ equal: true, intact: true, problem: null });
    expect(log.stdout.toString()).toBe(`${lines.map((i) => `run ${code} line ${i}\n`).join("")}end`);
    expect(log.stderr.toString()).toBe(
      lines
        .filter((i) => i % 7 === 0)
        .map((i) => `error ${i}\n`)
        .join(""),
    );
    expect(log.lines.map((line) => line.seq)).toEqual(log.lines.map((_, i) => i + 1));
    expect(readFileSync(join(folder.path, `count-${code}`), "utf8")).toBe("start\n");
    expect(plane.types(id).filter((type) => type !== "run.note")).toEqual([
      "run.starting",
      "run.running",
      "run.ended",
    ]);
  }
  agent[Symbol.dispose]();
});

test("50 MB of output in a flood, a line of 100 MB and binary output arrive byte for byte; a stop does not wait behind them", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  await enrol({ dataDir: folder.path, token: plane.token() });
  using agent = startAgent(folder.path);
  await eventually(() => plane.isLinked);
  const idleBytes = rss(agent.child);
  plane.order("run.start", { run_id: "flood", spec: sh("seq 1 6500000 | head -c 50000000") });
  plane.order("run.start", { run_id: "giant", spec: sh("head -c 100000000 /dev/zero | tr '\\0' x; echo") });
  plane.order("run.start", {
    run_id: "binary",
    spec: spec("sh", ["-c", "head -c 3000000 /dev/urandom | tee copy"], { cwd: folder.path }),
  });
  plane.order("run.start", { run_id: "victim", spec: sh("echo up; sleep 600") });
  await eventually(() => plane.types("victim").includes("run.running") && plane.segments.size > 0);
  plane.order("run.stop", { run_id: "victim", mode: "stop", grace_ms: 5000, reason: "", actor: "tester" });
  expect(await plane.ended("victim")).toMatchObject({ state: "STOPPED", signal: "SIGTERM" });
  // The flood is still being shipped, so the stop went past it.
  expect(plane.types("giant")).not.toContain("run.ended");

  let peakBytes = 0;
  const sampler = setInterval(() => (peakBytes = Math.max(peakBytes, rss(agent.child))), 50);
  const giant = await plane.log("giant", 30_000);
  const flood = await plane.log("flood", 30_000);
  const binary = await plane.log("binary", 30_000);
  clearInterval(sampler);
  expect(flood.stdout.length).toBe(50_000_000);
  expect(flood.stdout.subarray(0, 6).toString()).toBe("1\n2\n3\n");
  expect(giant.stdout.length).toBe(100_000_001);
  expect(giant.lines).toHaveLength(Math.ceil(100_000_000 / 65_536));
  expect(sha256(binary.stdout)).toBe(sha256(readFileSync(join(folder.path, "copy"))));
  // 150 MB went through; what the agent holds meanwhile does not grow with it.
  expect(peakBytes - idleBytes).toBeLessThan(150 * 1024 * 1024);
}, 60_000);

test("a watched run is tailed line by line; without a lease it is not", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  await enrol({ dataDir: folder.path, token: plane.token() });
  using _agent = startAgent(folder.path);
  await eventually(() => plane.isLinked);
  const script =
    "echo one; while [ ! -e two ]; do sleep 0.02; done; echo two; while [ ! -e three ]; do sleep 0.02; done; echo three";
  plane.order("run.start", { run_id: "r1", spec: sh(script, { cwd: folder.path }) });
  await eventually(() => plane.types("r1").includes("run.running"));
  plane.say({ type: "watch", body: { run_id: "r1", from_seq: 1, ttl_ms: 60_000 } });
  await eventually(() => plane.tails.get("r1")?.length === 1);
  writeFileSync(join(folder.path, "two"), "");
  await eventually(() => plane.tails.get("r1")?.length === 2);
  plane.say({ type: "unwatch", body: { run_id: "r1" } });
  writeFileSync(join(folder.path, "three"), "");
  expect((await plane.log("r1")).stdout.toString()).toBe("one\ntwo\nthree\n");
  expect(plane.tails.get("r1")?.map((line) => Buffer.from(line.bytes).toString())).toEqual(["one", "two"]);
});

test("a run that outpaces its quota is paused while nothing can be shipped, and goes on without loss", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  await enrol({ dataDir: folder.path, token: plane.token() });
  using _agent = startAgent(folder.path, 2_000_000);
  await eventually(() => plane.isLinked);
  plane.refuseBulk = true;
  const script =
    // What does not shrink: a quota counts what is on disk.
    "i=0; while [ $i -lt 150 ]; do i=$((i+1)); head -c 37500 /dev/urandom | base64 -w 0 | head -c 49999; echo; sleep 0.005; done";
  plane.order("run.start", { run_id: "r1", spec: sh(script) });
  const frozen = () =>
    plane.events.filter((event) => event.type === "run.frozen").map((event) => event.payload["frozen"]);
  await eventually(() => frozen().includes(true), 15_000);
  plane.refuseBulk = false;
  expect(await plane.ended("r1", 30_000)).toMatchObject({ state: "SUCCEEDED", exit_code: 0 });
  expect((await plane.log("r1")).stdout.length).toBe(150 * 50_000);
  expect(frozen().at(-1)).toBe(false);
}, 60_000);

test("a control plane that goes away, asks to wait and comes back misses nothing", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  await enrol({ dataDir: folder.path, token: plane.token() });
  using _agent = startAgent(folder.path);
  await eventually(() => plane.isLinked);
  plane.order("run.start", {
    run_id: "r1",
    spec: sh("echo up; while [ ! -e go ]; do sleep 0.02; done; echo down", { cwd: folder.path }),
  });
  await eventually(() => plane.types("r1").includes("run.running"));
  await plane.close();
  writeFileSync(join(folder.path, "go"), "");
  await eventually(() => existsSync(join(folder.path, "runs/r1/exit")));
  // An order made while the agent is away, and one it already has.
  plane.order("run.start", { run_id: "r2", spec: sh("echo second") });
  plane.refuse = { status: 503, retryAfter: "1" };
  await plane.listen();
  await eventually(() => plane.refusals > 0, 15_000);
  plane.refuse = null;
  expect(await plane.ended("r1")).toMatchObject({ state: "SUCCEEDED" });
  expect(await plane.ended("r2")).toMatchObject({ state: "SUCCEEDED" });
  expect((await plane.log("r1")).stdout.toString()).toBe("up\ndown\n");
  expect(plane.types("r1")).toEqual(["run.starting", "run.running", "run.ended"]);
}, 60_000);

test("the certificate is renewed when two thirds of its life are over, for a new key", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  Object.assign(plane, { certificateLifeMs: 900_000, certificateAgoMs: 700_000 });
  const { certificateExpiresAt } = await enrol({ dataDir: folder.path, token: plane.token() });
  const before = readFileSync(join(folder.path, "identity.json"), "utf8");
  Object.assign(plane, { certificateLifeMs: 3_600_000, certificateAgoMs: 1000 });
  using _agent = startAgent(folder.path);
  await eventually(() => (agentStatus(folder.path).certificateExpiresAt ?? 0) > certificateExpiresAt);
  const key = (text: string) => (JSON.parse(text) as { private_key: string }).private_key;
  expect(key(readFileSync(join(folder.path, "identity.json"), "utf8"))).not.toBe(key(before));
  const [old] = plane.certificates;
  await plane.close();
  await plane.listen();
  await eventually(() => plane.certificates.length > 1 && plane.certificates.at(-1) !== old, 15_000);
}, 60_000);

function startAgent(dataDir: string, quotaBytes?: number): { child: ChildProcess } & Disposable {
  const script = join(import.meta.dirname, "..", "test", "agent-process.ts");
  const child = spawn(
    process.execPath,
    [script, dataDir, ...(quotaBytes === undefined ? [] : [String(quotaBytes)])],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  showErrors(child);
  return { child, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

async function killAndRestart(agent: { child: ChildProcess }, dataDir: string) {
  const gone = new Promise((resolve) => agent.child.once("exit", resolve));
  agent.child.kill("SIGKILL");
  await gone;
  return startAgent(dataDir);
}

function rss(child: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
