import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isTerminal, type Run } from "@flowplane/contract";
import {
  eventually,
  startControlPlane,
  startSiteAgent,
  type ControlPlane,
  type SiteAgent,
} from "../harness/index.ts";

/**
 * Crashes of the server, of the agent and of both while 50 jobs run. Every run must end with its true exit code
 * and its complete log: nothing lost, nothing twice, nothing left behind.
 */
const JOBS = 50;
const LINES = 120;
/** Half of its lines, one every 0.1 s, before the crashes are over, and the other half after. */
const SCRIPT =
  'i=0; while [ $i -lt "$1" ]; do [ $i -lt "$(($1 / 2))" ] || while [ ! -e "$3" ]; do sleep 0.1; done; echo "out $i"; echo "err $i" >&2; i=$((i+1)); sleep 0.1; done; exit "$2"';
const WAIT_MS = 120_000;

let plane: ControlPlane;
let agent: SiteAgent;
const folder = mkdtempSync(join(tmpdir(), "flowplane-crashes-"));
const crashesAreOver = join(folder, "over");
beforeAll(async () => {
  plane = await startControlPlane();
  agent = await startSiteAgent(plane, "crash-test");
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("kill -9 of the server, of the agent and of both during 50 running jobs", async () => {
  const runs = await Promise.all(
    Array.from({ length: JOBS }, (_, index) =>
      plane.client.runCreate({
        body: {
          name: `job-${index}`,
          command: "sh",
          args: ["-c", SCRIPT, "job", String(LINES), String(index % 7), crashesAreOver],
          agent_id: agent.id,
        },
      }),
    ),
  );
  await eventually(
    "all jobs to run",
    async () => ((await states(runs)).every((state) => state === "RUNNING") ? true : undefined),
    WAIT_MS,
  );

  await plane.kill();
  plane = await plane.restart();
  await connected();

  await agent.kill();
  agent.start();
  await connected();

  await Promise.all([plane.kill(), agent.kill()]);
  plane = await plane.restart();
  agent.start();
  await connected();
  expect((await states(runs)).filter(isTerminal)).toEqual([]);
  writeFileSync(crashesAreOver, "");

  await eventually(
    "all jobs to end",
    async () => ((await states(runs)).every(isTerminal) ? true : undefined),
    WAIT_MS,
  );
  const expected = (stream: string) =>
    Array.from({ length: LINES }, (_, line) => `${stream} ${line}\n`).join("");
  const wrong: string[] = [];
  for (const [index, { id }] of runs.entries()) {
    const run = await eventually("the log to be complete", async () => {
      const read = await plane.client.runRead({ params: { run_id: id } });
      return read.log.complete ? read : undefined;
    });
    const exit = index % 7;
    if (run.exit_code !== exit || run.state !== (exit === 0 ? "SUCCEEDED" : "FAILED"))
      wrong.push(`${run.name}: ${run.state} ${run.exit_code}, not ${exit}`);
    if ((await download(id, "stdout")) !== expected("out")) wrong.push(`${run.name}: stdout differs`);
    if ((await download(id, "stderr")) !== expected("err")) wrong.push(`${run.name}: stderr differs`);
    if (run.log.lines !== 2 * LINES) wrong.push(`${run.name}: ${run.log.lines} lines`);
    const { items } = await plane.client.runEvents({ params: { run_id: id }, query: { limit: 200 } });
    const ends = items.filter(({ type }) => type === "run.ended");
    if (ends.length !== 1) wrong.push(`${run.name}: ended ${ends.length} times`);
  }
  expect(wrong).toEqual([]);
  const verdict = await plane.client.auditVerify({});
  expect(verdict).toMatchObject({ intact: true, problem: null });
}, 480_000);

async function states(runs: readonly Run[]): Promise<Run["state"][]> {
  const ids = new Set(runs.map(({ id }) => id));
  const { items } = await plane.client.runList({ query: { limit: 200 } });
  return items.filter(({ id }) => ids.has(id)).map(({ state }) => state);
}

async function connected(): Promise<void> {
  await eventually("the agent to be connected", async () => {
    const { state } = await plane.client.agentRead({ params: { agent_id: agent.id } });
    return state === "connected" ? true : undefined;
  });
}

async function download(id: string, stream: string): Promise<string> {
  const response = await fetch(`${plane.url}/api/v1/runs/${id}/logs/download?format=raw&stream=${stream}`, {
    headers: { authorization: `Bearer ${plane.key}` },
  });
  return response.text();
}
