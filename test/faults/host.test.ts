import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTerminal, type Run } from "@flowplane/contract";
import { eventually, startControlPlane, startSiteAgent, testClock } from "../harness/index.ts";
import type { ControlPlane, SiteAgent, TestClock } from "../harness/index.ts";
import { canMount, canMountFile, fileDisk, memoryDisk } from "./disk.ts";

/**
 * What can go wrong with the machine an agent runs on. Each time: what ran is told as it was, with every line; what could
 * not be done says so; and when the machine is well again the same agent goes on.
 */
const MB = 1024 * 1024;
const DAY_MS = 86_400_000;
const WAIT_MS = 60_000;
const TEST_MS = 150_000;

let plane: ControlPlane;
let serverClock: TestClock;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowplane-host-"));
  serverClock = testClock(join(folder, "server-clock"));
  plane = await startControlPlane({ env: serverClock.env });
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Prints numbered lines of about a kilobyte, with a pause now and then, and exits with 3. */
const COUNTER =
  'i=0; while [ $i -lt "$1" ]; do printf "%06d %01000d\\n" $i 0; i=$((i+1)); sleep "$2"; done; exit 3';

function launch(agent: SiteAgent, lines: number, pause = "0.02", more: object = {}): Promise<Run> {
  return plane.client.runCreate({
    body: { command: "sh", args: ["-c", COUNTER, "job", String(lines), pause], agent_id: agent.id, ...more },
  });
}

async function stateIs(id: string, ...states: readonly Run["state"][]): Promise<Run> {
  return eventually(
    `the run to be ${states.join(" or ")}`,
    async () => {
      const run = await plane.client.runRead({ params: { run_id: id } });
      return states.includes(run.state) ? run : undefined;
    },
    WAIT_MS,
  );
}

/** The end of a run, when its log has arrived, too. */
async function ended(id: string): Promise<Run> {
  let last: Run | undefined;
  return eventually(
    "the run to end",
    async () => {
      last = await plane.client.runRead({ params: { run_id: id } });
      return isTerminal(last.state) && last.log.complete ? last : undefined;
    },
    WAIT_MS,
  ).catch((cause: unknown) => {
    throw new Error(`it stands at ${JSON.stringify({ ...last, args: [] })}`, { cause });
  });
}

/** It ended by itself, with the exit code of the counter and every line. */
async function expectWhole(id: string, lines: number): Promise<void> {
  const run = await ended(id);
  expect(run, run.reason ?? "").toMatchObject({ state: "FAILED", exit_code: 3, log: { lines } });
  const response = await fetch(`${plane.url}/api/v1/runs/${id}/logs/download?format=raw`, {
    headers: { authorization: `Bearer ${plane.key}` },
  });
  const numbers = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.slice(0, 6)));
  expect(numbers).toEqual(Array.from({ length: lines }, (_, line) => line));
}

async function connected(agent: SiteAgent): Promise<void> {
  await eventually(
    "the agent to be connected",
    async () => {
      const { state } = await plane.client.agentRead({ params: { agent_id: agent.id } });
      return state === "connected" ? true : undefined;
    },
    WAIT_MS,
  );
}

function pidOf(agent: SiteAgent): number {
  const pid = agent.livePid();
  if (pid === undefined) throw new Error(`the agent ended:\n${agent.output()}`);
  return pid;
}

describe.runIf(canMount())("the disk of the agent", () => {
  test(
    "almost full: what writes is paused before anything is lost, and goes on when there is room",
    async () => {
      using disk = memoryDisk(192 * MB);
      await using agent = await startSiteAgent(plane, "almost-full", { dataDir: disk.path });
      const run = await launch(agent, 300);
      await stateIs(run.id, "RUNNING");
      disk.fill(32 * MB);
      await eventually(
        "the run to be paused",
        async () => {
          const { items } = await plane.client.runEvents({
            params: { run_id: run.id },
            query: { limit: 200 },
          });
          return items.some(({ title, reason }) => /disk is almost full/.test(`${title} ${reason}`))
            ? true
            : undefined;
        },
        WAIT_MS,
      );
      disk.free();
      await expectWhole(run.id, 300);
      expect(agent.livePid()).toBeDefined();
    },
    TEST_MS,
  );

  test(
    "full: the agent lives, and what was asked of it meanwhile is done when there is room",
    async () => {
      using disk = memoryDisk(192 * MB);
      await using agent = await startSiteAgent(plane, "full", { dataDir: disk.path });
      const before = await launch(agent, 5);
      await expectWhole(before.id, 5);
      disk.fill(0);
      const asked = await launch(agent, 5);
      await sleep(3_000);
      pidOf(agent);
      disk.free();
      const end = await ended(asked.id);
      // It was started late, or refused with the reason; never both, and never nothing.
      if (end.exit_code === 3) await expectWhole(asked.id, 5);
      else
        expect(end).toMatchObject({
          state: "FAILED",
          reason: expect.stringMatching(/space|disk|ENOSPC/i) as string,
        });
      const after = await launch(agent, 5);
      await expectWhole(after.id, 5);
    },
    TEST_MS,
  );

  test(
    "without inodes: the same",
    async () => {
      using disk = memoryDisk(192 * MB, 400);
      await using agent = await startSiteAgent(plane, "no-inodes", { dataDir: disk.path });
      const running = await launch(agent, 200);
      await stateIs(running.id, "RUNNING");
      disk.useUpInodes();
      const asked = await launch(agent, 5);
      await sleep(3_000);
      pidOf(agent);
      disk.free();
      await expectWhole(running.id, 200);
      const end = await ended(asked.id);
      if (end.exit_code === 3) await expectWhole(asked.id, 5);
      else
        expect(end).toMatchObject({
          state: "FAILED",
          reason: expect.stringMatching(/space|disk|ENOSPC/i) as string,
        });
      const after = await launch(agent, 5);
      await expectWhole(after.id, 5);
    },
    TEST_MS,
  );
});

describe.runIf(canMountFile())("a disk with errors", () => {
  test(
    "made read-only under the agent: it says so, and goes on when the disk is repaired",
    async () => {
      using disk = fileDisk(192 * MB);
      const agent = await startSiteAgent(plane, "read-only", { dataDir: disk.path });
      try {
        const before = await launch(agent, 5);
        await expectWhole(before.id, 5);
        disk.breakWrites();
        const asked = await launch(agent, 5);
        await eventually(
          "the agent to say so",
          async () => {
            if (agent.livePid() === undefined) return true;
            const { health } = await plane.client.agentRead({ params: { agent_id: agent.id } });
            return JSON.stringify(health).includes('"healthy":false') ? true : undefined;
          },
          WAIT_MS,
        );
        await agent.kill();
        disk.repair();
        agent.start();
        await connected(agent);
        await expectWhole(asked.id, 5);
      } finally {
        await agent[Symbol.asyncDispose]();
      }
    },
    TEST_MS,
  );
});

describe("limits of the agent's process", () => {
  test(
    "no more open files: what can't be started says so, what runs is whole, and it goes on after",
    async () => {
      await using agent = await startSiteAgent(plane, "few-files");
      const running = await launch(agent, 100);
      await stateIs(running.id, "RUNNING");
      const pid = pidOf(agent);
      const open = readdirSync(`/proc/${pid}/fd`).length;
      execFileSync("prlimit", ["--pid", String(pid), `--nofile=${open + 2}:`]);
      const asked = await Promise.all(Array.from({ length: 6 }, () => launch(agent, 3)));
      await sleep(4_000);
      pidOf(agent);
      execFileSync("prlimit", ["--pid", String(pid), "--nofile=4096:"]);
      await expectWhole(running.id, 100);
      for (const { id } of asked) {
        const end = await ended(id);
        if (end.exit_code === 3) await expectWhole(id, 3);
        else
          expect(end).toMatchObject({
            state: "FAILED",
            reason: expect.stringMatching(/open files|EMFILE/) as string,
          });
      }
      await expectWhole((await launch(agent, 3)).id, 3);
      expect(pidOf(agent)).toBe(pid);
    },
    TEST_MS,
  );

  test.runIf(process.getuid?.() === 0 && spawnSync("setpriv", ["--version"]).status === 0)(
    "no more processes: what can't be started says so, and it goes on after",
    async () => {
      // Root may start as many as it likes.
      const user = "54321";
      const dataDir = mkdtempSync(join(tmpdir(), "flowplane-agent-"));
      const as = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--"];
      // Enrolling is root's; then the folder is given to the other user.
      const agent = await startSiteAgent(plane, "few-processes", {
        dataDir,
        through: ["sh", "-c", `chown -R ${user}:${user} "$0" && exec "$@"`, dataDir, "setpriv", ...as],
        env: { HOME: dataDir },
      });
      try {
        await expectWhole((await launch(agent, 3)).id, 3);
        const pid = pidOf(agent);
        const limit = (processes: number) =>
          execFileSync("setpriv", [...as, "prlimit", "--pid", String(pid), `--nproc=${processes}:`]);
        limit(1);
        const refused = await ended((await launch(agent, 3)).id);
        expect(refused).toMatchObject({
          state: "FAILED",
          exit_code: 126,
          reason: expect.stringMatching(/no more processes/) as string,
        });
        limit(4096);
        await expectWhole((await launch(agent, 3)).id, 3);
        expect(pidOf(agent)).toBe(pid);
      } finally {
        await agent[Symbol.asyncDispose]();
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
    TEST_MS,
  );
});

describe("time", () => {
  test(
    "an agent that is stopped for a while finds what happened meanwhile",
    async () => {
      await using agent = await startSiteAgent(plane, "paused");
      const [short, long] = [await launch(agent, 20), await launch(agent, 300, "0.05")];
      await stateIs(short.id, "RUNNING");
      await stateIs(long.id, "RUNNING");
      const pid = pidOf(agent);
      process.kill(pid, "SIGSTOP");
      try {
        await eventually("the short run to be over", () =>
          existsSync(join(agent.dataDir, "runs", short.id, "exit")) ? true : undefined,
        );
        await sleep(Number(process.env["FAULTS_STOPPED_MS"] ?? 5_000));
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await expectWhole(short.id, 20);
      await expectWhole(long.id, 300);
      await connected(agent);
      expect(pidOf(agent)).toBe(pid);
    },
    TEST_MS + Number(process.env["FAULTS_STOPPED_MS"] ?? 0),
  );

  test.each([
    ["the agent's clock", "agent"],
    ["the control plane's clock", "server"],
    ["both clocks", "both"],
  ])(
    "%s jumps a day ahead and back: nothing ends, starts or is lost by that",
    async (_, which) => {
      const clock = testClock(join(folder, `clock-${which}`));
      await using agent = await startSiteAgent(plane, `jumping-${which}`, { env: clock.env });
      const run = await launch(agent, 200, "0.05", { max_runtime_ms: 3_600_000 });
      await stateIs(run.id, "RUNNING");
      const jump = async (ms: number) => {
        if (which !== "server") clock.set(ms);
        if (which !== "agent") serverClock.set(ms);
        await sleep(2_500);
      };
      try {
        await jump(DAY_MS);
        expect((await plane.client.runRead({ params: { run_id: run.id } })).state).toBe("RUNNING");
        await jump(-DAY_MS);
        expect((await plane.client.runRead({ params: { run_id: run.id } })).state).toBe("RUNNING");
      } finally {
        await jump(0);
      }
      await expectWhole(run.id, 200);
      await expectWhole((await launch(agent, 3)).id, 3);
    },
    TEST_MS,
  );
});
