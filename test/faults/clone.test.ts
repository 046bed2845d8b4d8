import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isTerminal, type Run } from "@flowplane/contract";
import { eventually, startControlPlane, startSiteAgent } from "../harness/index.ts";
import type { ControlPlane, SiteAgent } from "../harness/index.ts";

// Two agents with one identity and one spool, as after cloning a virtual machine: the jobs' own marks say how often each
// began, whatever Flowplane makes of it.

const WAIT_MS = 120_000;
const ROUNDS = Number(process.env["FAULTS_CLONES"] ?? 2);

/** A place where jobs leave their marks. */
class Marks implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "flowplane-marks-"));
  readonly file = join(this.folder, "began");

  constructor() {
    writeFileSync(this.file, "");
  }

  /** How often each run began. */
  count(): Map<string, number> {
    const began = new Map<string, number>();
    for (const id of readFileSync(this.file, "utf8").split("\n").filter(Boolean))
      began.set(id, (began.get(id) ?? 0) + 1);
    return began;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function launch(plane: ControlPlane, agent: SiteAgent, marks: Marks, seconds: string, retries = 0) {
  return plane.client.runCreate({
    body: {
      command: "sh",
      args: ["-c", `echo $FLOWPLANE_RUN_ID >> ${marks.file}; sleep ${seconds}; exit ${retries > 0 ? 3 : 0}`],
      agent_id: agent.id,
      ...(retries === 0 ? {} : { retry: { retries_max: retries, backoff_ms: 2_000, backoff_max_ms: 2_000 } }),
    },
  });
}

/** The folder as a snapshot of the disk has it: nothing is written while it is copied. */
function snapshot(agent: SiteAgent, to: string): void {
  process.kill(agent.pid(), "SIGSTOP");
  cpSync(agent.dataDir, to, { recursive: true });
  process.kill(agent.pid(), "SIGCONT");
}

async function allEnded(plane: ControlPlane, agent: SiteAgent, count: number): Promise<Run[]> {
  let seen: Run[] = [];
  return eventually(
    "all runs to end",
    async () => {
      const { items } = await plane.client.runList({ query: { agent_id: agent.id, limit: 200 } });
      seen = items;
      return items.length === count && items.every(({ state }) => isTerminal(state)) ? items : undefined;
    },
    WAIT_MS,
  ).catch((error: unknown) => {
    const left = seen.filter(({ state }) => !isTerminal(state)).map(({ id, state }) => ({ id, state }));
    throw new Error(`${seen.length} of ${count} runs are known, not over: ${JSON.stringify(left)}`, {
      cause: error,
    });
  });
}

async function uidOf(plane: ControlPlane, agent: SiteAgent): Promise<string | null> {
  const { state, instance_uid } = await plane.client.agentRead({ params: { agent_id: agent.id } });
  return state === "connected" ? instance_uid : null;
}

async function expectOnce(plane: ControlPlane, runs: readonly Run[], marks: Marks): Promise<void> {
  const began = marks.count();
  expect([...began].filter(([, times]) => times > 1)).toEqual([]);
  for (const run of runs) {
    expect({ id: run.id, state: run.state, began: began.get(run.id) }).toMatchObject({ began: 1 });
    const { items } = await plane.client.runEvents({ params: { run_id: run.id }, query: { limit: 200 } });
    for (const type of ["run.starting", "run.running", "run.ended"])
      expect({
        run: run.id,
        type,
        times: items.filter((item) => item.type === type).length,
      }).toEqual({ run: run.id, type, times: 1 });
  }
}

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

test("a cloned host: no run begins twice, and what each host did is known", async () => {
  let began = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    using marks = new Marks();
    await using agent = await startSiteAgent(plane, `original ${round}`);
    const copyDir = mkdtempSync(join(tmpdir(), "flowplane-copy-"));
    try {
      // Orders on their way, runs under way, over, and to be tried again: whatever the moment finds.
      const launching = Promise.all([
        launch(plane, agent, marks, "0"),
        launch(plane, agent, marks, "3"),
        launch(plane, agent, marks, "0", 2),
        ...Array.from({ length: 6 }, () => launch(plane, agent, marks, "0.2")),
      ]);
      await sleep(round * 120);
      snapshot(agent, copyDir);
      await launching;
      await using _copy = await startSiteAgent(plane, `original ${round}`, {
        dataDir: copyDir,
        isEnrolled: true,
      });
      for (let count = 0; count < 5; count += 1) {
        await launch(plane, agent, marks, "0.1");
        await sleep(100);
      }
      // Nine, two more attempts of the one that fails, and five.
      await allEnded(plane, agent, 16);
      const original = await uidOf(plane, agent);
      expect(original).not.toBeNull();
      // Now the copy alone, and the original again.
      await agent.stop();
      await eventually(
        "the copy to be let in",
        async () => {
          const uid = await uidOf(plane, agent);
          return uid !== null && uid !== original ? true : undefined;
        },
        WAIT_MS,
      );
      for (let count = 0; count < 3; count += 1) await launch(plane, agent, marks, "0.1");
      await allEnded(plane, agent, 19);
      agent.start();
      await eventually(
        "the original to be back",
        async () => ((await uidOf(plane, agent)) === original ? true : undefined),
        WAIT_MS,
      );
      for (let count = 0; count < 3; count += 1) await launch(plane, agent, marks, "0.1");
      const runs = await allEnded(plane, agent, 22);
      await expectOnce(plane, runs, marks);
      began += runs.length;
    } finally {
      rmSync(copyDir, { recursive: true, force: true });
    }
  }
  console.log(`clones: ${JSON.stringify({ clones: ROUNDS, runs: began, begun_twice: 0 })}`);
}, 600_000);

test("a clone that differs in nothing from its original is found out by what it says, and starts nothing twice", async () => {
  using marks = new Marks();
  await using agent = await startSiteAgent(plane, "twin");
  const folder = mkdtempSync(join(tmpdir(), "flowplane-copy-"));
  const copyDir = join(folder, "data");
  try {
    await launch(plane, agent, marks, "0");
    await allEnded(plane, agent, 1);
    snapshot(agent, copyDir);
    // The only thing by which it would know here: where its folder is.
    {
      using db = new DatabaseSync(join(copyDir, "spool.db"));
      const { description } = db.prepare("SELECT description FROM host").get() as { description: string };
      const twin = { ...(JSON.parse(description) as object), folder: statSync(copyDir).ino };
      db.prepare("UPDATE host SET description = ?").run(JSON.stringify(twin));
    }
    // Under way on the original while the copy takes the line over.
    const before = await launch(plane, agent, marks, "20");
    await using copy = await startSiteAgent(plane, "twin", { dataDir: copyDir, isEnrolled: true });
    const isRefused = () => /belongs to the agent twin/.test(copy.output());
    const over = async (id: string) => {
      const run = await plane.client.runRead({ params: { run_id: id } });
      return isTerminal(run.state) ? run : undefined;
    };
    // One at a time, so that each may find another one of the two.
    const launched: string[] = [];
    while (!isRefused()) {
      const { id } = await launch(plane, agent, marks, "0");
      launched.push(id);
      await eventually(
        "the run to end, or the copy to be refused",
        async () => isRefused() || (await over(id)),
        WAIT_MS,
      );
    }
    const last = launched.pop() ?? "";
    const ended = [];
    for (const id of [before.id, ...launched]) ended.push(await eventually("the run to end", () => over(id)));
    await expectOnce(plane, ended, marks);
    // What the copy was doing when it was refused is known to it alone, and given to nobody else.
    const after = await launch(plane, agent, marks, "0");
    await eventually("the run to end", () => over(after.id));
    expect(marks.count().get(last) ?? 0).toBeLessThanOrEqual(1);
    expect(marks.count().get(after.id)).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 300_000);

test("an agent that comes without its records leaves its runs LOST, with a sentence, and goes on", async () => {
  using marks = new Marks();
  await using agent = await startSiteAgent(plane, "without records");
  const { id } = await launch(plane, agent, marks, "600");
  const read = () => plane.client.runRead({ params: { run_id: id } });
  const job = await eventually("the run to run", async () => (await read()).pid ?? undefined);
  await agent.stop();
  for (const name of ["spool.db", "spool.db-wal", "spool.db-shm", "runs"])
    rmSync(join(agent.dataDir, name), { recursive: true, force: true });
  agent.start();
  try {
    const lost = await eventually(
      "the run to be given up",
      async () => {
        const run = await read();
        return isTerminal(run.state) ? run : undefined;
      },
      WAIT_MS,
    );
    expect(lost.state).toBe("LOST");
    expect(lost.sentence).toMatch(
      /The agent without records came back without its records of this run: .* Look for process \d+/,
    );
  } finally {
    // Nobody else knows of it any more.
    process.kill(job, "SIGKILL");
  }
  await launch(plane, agent, marks, "0");
  const [next] = await allEnded(plane, agent, 2);
  expect(next?.state).toBe("SUCCEEDED");
}, 240_000);
