import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isTerminal, type Run } from "@flowplane/contract";
import { CLI, eventually, startControlPlane, startSiteAgent, testClock } from "../harness/index.ts";
import type { ControlPlane } from "../harness/index.ts";
import { killNow, postmasterOf, processesWith } from "./campaign/processes.ts";
import type { Written } from "./writer.ts";

const run = promisify(execFile);
const WAIT_MS = 120_000;
/** Numbered lines of a kilobyte, a hundred and a pause at a time; exits with 4. */
const WRITER =
  'i=0; while [ $i -lt "$1" ]; do j=0; while [ $j -lt 100 ]; do printf "%06d %0990d\\n" $i 0; i=$((i+1)); j=$((j+1)); done; sleep "$2"; done; exit 4';

async function launch(plane: ControlPlane, lines: number, pause: string, agentId?: string): Promise<Run> {
  return plane.client.runCreate({
    body: {
      command: "sh",
      args: ["-c", WRITER, "job", String(lines), pause],
      ...(agentId === undefined ? {} : { agent_id: agentId }),
    },
  });
}

async function endOf(plane: ControlPlane, id: string, limitMs: number): Promise<Run> {
  return eventually(
    "the run to end",
    async () => {
      const read = await plane.client.runRead({ params: { run_id: id } });
      return isTerminal(read.state) && read.log.complete ? read : undefined;
    },
    limitMs,
  );
}

async function expectWhole(plane: ControlPlane, id: string, lines: number): Promise<void> {
  const ended = await endOf(plane, id, WAIT_MS);
  expect(ended).toMatchObject({ state: "FAILED", exit_code: 4, log: { lines } });
  const response = await fetch(`${plane.url}/api/v1/runs/${id}/logs/download?format=raw`, {
    headers: { authorization: `Bearer ${plane.key}` },
  });
  const text = await response.text();
  expect(
    text
      .trimEnd()
      .split("\n")
      .every((line, index) => Number(line.slice(0, 6)) === index),
  ).toBe(true);
}

async function running(plane: ControlPlane, id: string): Promise<void> {
  await eventually("the run to run", async () => {
    const { state } = await plane.client.runRead({ params: { run_id: id } });
    return state === "RUNNING" ? true : undefined;
  });
}

async function connected(plane: ControlPlane, agentId: string): Promise<void> {
  await eventually(
    "the agent to be connected",
    async () => {
      const { state } = await plane.client.agentRead({ params: { agent_id: agentId } });
      return state === "connected" ? true : undefined;
    },
    WAIT_MS,
  );
}

test("kill -9 of `flowplane up` whole, agent and database with it: the next start has the run and its end", async () => {
  let plane = await startControlPlane({ command: "up" });
  try {
    const agentId = await eventually("the local agent", async () => {
      const { items } = await plane.client.agentList({ query: { state: "connected" } });
      return items[0]?.id;
    });
    const [short, long] = [
      await launch(plane, 100, "1", agentId),
      await launch(plane, 2_000, "0.5", agentId),
    ];
    await running(plane, long.id);
    const postmaster = postmasterOf(plane.dataDir);
    const agents = processesWith([join(plane.dataDir, "agent")]).filter(
      ({ command }) => command.includes("--data") && !command.includes("/runs/"),
    );
    expect(postmaster).toBeDefined();
    expect(agents).not.toEqual([]);
    for (const pid of [plane.child.pid ?? 0, ...agents.map(({ pid }) => pid), postmaster ?? 0]) killNow(pid);
    await plane.kill();
    plane = await plane.restart();
    await connected(plane, agentId);
    await expectWhole(plane, short.id, 100);
    await expectWhole(plane, long.id, 2_000);
    expect((await plane.client.auditVerify({})).intact).toBe(true);
  } finally {
    await plane[Symbol.asyncDispose]();
  }
}, 240_000);

// For an hour at 20 runs of 1 MB/s each: FAULTS_AWAY_RUNS=20 FAULTS_AWAY_SECONDS=3600.
const AWAY_RUNS = Number(process.env["FAULTS_AWAY_RUNS"] ?? 4);
const AWAY_SECONDS = Number(process.env["FAULTS_AWAY_SECONDS"] ?? 6);
/** All of what was written meanwhile has to go up afterwards, and is read back. */
const AWAY_WAIT_MS = WAIT_MS + 1_000 * AWAY_SECONDS;

test(
  "a control plane that is gone while many runs write: nothing is lost, and it is all there when it is back",
  async () => {
    let plane = await startControlPlane();
    const agent = await startSiteAgent(plane, "left alone");
    const folder = mkdtempSync(join(tmpdir(), "flowplane-away-"));
    const until = join(folder, "until");
    const noteOf = (index: number) => join(folder, `run-${index}`);
    try {
      const launched = await Promise.all(
        Array.from({ length: AWAY_RUNS }, (_, index) =>
          plane.client.runCreate({
            body: {
              command: process.execPath,
              args: [join(import.meta.dirname, "writer.ts"), noteOf(index), until],
              agent_id: agent.id,
            },
          }),
        ),
      );
      for (const { id } of launched) await running(plane, id);
      await plane.kill();
      await sleep(AWAY_SECONDS * 1_000);
      const heldBytes = folderBytes(agent.dataDir);
      plane = await plane.restart();
      await connected(plane, agent.id);
      const backAt = Date.now();
      writeFileSync(until, "");
      let [bytes, frozen] = [0, 0];
      for (const [index, { id }] of launched.entries()) {
        const ended = await endOf(plane, id, AWAY_WAIT_MS);
        // The job had its last word before its run could end.
        const written = JSON.parse(readFileSync(noteOf(index), "utf8")) as Written;
        expect(ended).toMatchObject({ state: "FAILED", exit_code: 4 });
        expect(await digestOfLog(plane, id)).toEqual(written);
        // A line in whose midst its writer is held up for two seconds, by a full disk's queue say, is logged as two pieces.
        expect(ended.log.lines).toBeGreaterThanOrEqual(written.lines);
        const { items } = await plane.client.runEvents({ params: { run_id: id }, query: { limit: 200 } });
        if (items.some(({ type }) => type === "run.frozen")) frozen += 1;
        bytes += written.bytes;
      }
      const report = {
        runs: AWAY_RUNS,
        seconds: AWAY_SECONDS,
        log_mb: Math.round(bytes / 1e6),
        held_mb: Math.round(heldBytes / 1e6),
        frozen,
        all_there_after_s: Math.round((Date.now() - backAt) / 1_000),
        agent_memory_peak_mb: peakMemoryMb(agent.pid()),
        lost_bytes: 0,
      };
      console.log(`control plane away: ${JSON.stringify(report)}`);
    } finally {
      await agent[Symbol.asyncDispose]();
      await plane[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  300_000 + 4_000 * AWAY_SECONDS,
);

/** What is stored of a run's output, read as a stream: it may be larger than any one string. */
async function digestOfLog(plane: ControlPlane, id: string): Promise<Written> {
  const response = await fetch(`${plane.url}/api/v1/runs/${id}/logs/download?format=raw`, {
    headers: { authorization: `Bearer ${plane.key}` },
  });
  if (!response.ok || response.body === null) throw new Error(`the download answered ${response.status}`);
  const digest = createHash("sha256");
  let [bytes, lines] = [0, 0];
  for await (const chunk of response.body) {
    digest.update(chunk);
    bytes += chunk.byteLength;
    for (const byte of chunk) if (byte === 0x0a) lines += 1;
  }
  return { bytes, lines, sha256: digest.digest("hex") };
}

/** What the files of a folder take on the disk: freed parts of a file take nothing. */
function folderBytes(path: string): number {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => {
      const file = statSync(join(parentPath, name), { throwIfNoEntry: false });
      return sum + (file?.blocks ?? 0) * 512;
    }, 0);
}

function peakMemoryMb(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1_024);
}

test("an agent that was away for longer than its certificate lives comes back by enrolling again, with its run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flowplane-clock-"));
  const clock = testClock(join(folder, "clock"));
  const plane = await startControlPlane({ env: clock.env });
  const agent = await startSiteAgent(plane, "long away");
  try {
    const { id } = await launch(plane, 200, "1", agent.id);
    await running(plane, id);
    await agent.kill();
    clock.set(25 * 3_600_000);
    await sleep(200);
    agent.start();
    await eventually(
      "the agent to say that it is refused",
      () => (/expired/.test(agent.output()) ? true : undefined),
      WAIT_MS,
    );
    expect((await plane.client.agentRead({ params: { agent_id: agent.id } })).state).not.toBe("connected");
    await agent.stop();
    const { secret } = await plane.client.enrolmentTokenCreate({ body: { name: "again" } });
    await run(
      process.execPath,
      [CLI, "agent", "enroll", "--again", "--server", plane.agentsUrl, "--data", agent.dataDir],
      { env: { ...plane.env, FLOWPLANE_TOKEN: secret } },
    );
    agent.start();
    await connected(plane, agent.id);
    await expectWhole(plane, id, 200);
  } finally {
    await agent[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}, 240_000);
