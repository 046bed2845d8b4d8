import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isTerminal, type Run } from "@flowplane/contract";
import { CLI, eventually, startControlPlane, startSiteAgent, testClock } from "../harness/index.ts";
import type { ControlPlane } from "../harness/index.ts";
import { killNow, postmasterOf, processesWith } from "./campaign/processes.ts";

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

async function expectWhole(plane: ControlPlane, id: string, lines: number): Promise<void> {
  const ended = await eventually(
    "the run to end",
    async () => {
      const read = await plane.client.runRead({ params: { run_id: id } });
      return isTerminal(read.state) && read.log.complete ? read : undefined;
    },
    WAIT_MS,
  );
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

test(
  "a control plane that is gone while many runs write: nothing is lost, and it is all there when it is back",
  async () => {
    // For an hour at 20 runs of 1 MB/s each: FAULTS_AWAY_RUNS=20 FAULTS_AWAY_SECONDS=3600.
    const runs = Number(process.env["FAULTS_AWAY_RUNS"] ?? 4);
    const seconds = Number(process.env["FAULTS_AWAY_SECONDS"] ?? 6);
    let plane = await startControlPlane();
    const agent = await startSiteAgent(plane, "left alone");
    try {
      const lines = (seconds + 4) * 1_000;
      const launched = await Promise.all(
        Array.from({ length: runs }, () => launch(plane, lines, "0.09", agent.id)),
      );
      for (const { id } of launched) await running(plane, id);
      await plane.kill();
      await sleep(seconds * 1_000);
      plane = await plane.restart();
      for (const { id } of launched) await expectWhole(plane, id, lines);
      console.log(
        `control plane away: ${JSON.stringify({ runs, seconds, log_mb: (runs * lines) / 1_000, lost: 0 })}`,
      );
    } finally {
      await agent[Symbol.asyncDispose]();
      await plane[Symbol.asyncDispose]();
    }
  },
  300_000 + 4_000 * Number(process.env["FAULTS_AWAY_SECONDS"] ?? 6),
);

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
