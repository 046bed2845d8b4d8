import { afterAll, beforeAll, expect, test } from "vitest";
import pg from "pg";
import { ServerErrorResponseType } from "@flowplane/opamp";
import {
  agentRow,
  enrolMachine,
  message,
  newVisitor,
  openMachine,
  startPlane,
  tlsOf,
  tryOpen,
  type TestPlane,
} from "../../testing/gateway.ts";
import { Admission } from "./admission.ts";

let clock = Date.now();
let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane({
    limits: { admissionsPerSecond: 1, admissionBurst: 2, pollsPerSecond: 1, pollBurst: 2 },
    now: () => clock,
  });
});
afterAll(() => plane[Symbol.asyncDispose]());

test("opamp row 61: more sockets than can be admitted are answered 503 with a jittered Retry-After, and admitted later", async () => {
  const machine = await enrolMachine(plane);
  const connect = () => tryOpen(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`, tlsOf(plane, machine));
  clock += 10_000;
  const answers = [await connect(), await connect(), await connect(), await connect()];
  const refused = answers.flatMap((answer) => ("status" in answer ? [answer] : []));
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  for (const { headers } of refused) expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(30);
  clock += 1_000;
  expect("status" in (await connect())).toBe(false);
  for (const answer of answers) if ("close" in answer) await answer.close();
});

test("opamp row 61: what cannot be processed is answered UNAVAILABLE with a time, and the socket is closed", async () => {
  const machine = await enrolMachine(plane);
  clock += 10_000;
  const socket = await openMachine(plane, machine);
  await asOwner(plane, "alter table agents rename to agents_away");
  try {
    const reply = await socket.ask(message(machine.uid, 0));
    expect(reply.errorResponse?.type).toBe(ServerErrorResponseType.ServerErrorResponseType_Unavailable);
    expect(reply.errorResponse?.details.case).toBe("retryInfo");
    expect(reply.errorResponse?.details.value?.retryAfterNanoseconds).toBeGreaterThanOrEqual(30_000_000_000n);
    expect(await socket.closed).toBe(1013);
  } finally {
    await asOwner(plane, "alter table agents_away rename to agents");
  }
});

test("opamp row 62: an overloaded server answers polls with 503 and whole seconds of at least 30, never with 500", async () => {
  const agent = await newVisitor(plane, "dashboard");
  clock += 10_000;
  const answers = [];
  for (let sequence = 0; sequence < 4; sequence += 1)
    answers.push(await agent.poll(message(agent.uid, sequence)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 503, 503]);
  for (const { headers } of answers.slice(2)) {
    expect(headers["retry-after"]).toMatch(/^\d+$/);
    expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(30);
  }
  clock += 10_000;
  await asOwner(plane, "alter table agent_reports rename to reports_away");
  try {
    const other = await newVisitor(plane, "dashboard");
    const down = await other.poll(message(other.uid, 0));
    expect(down.status).toBe(503);
    expect(Number(down.headers["retry-after"])).toBeGreaterThanOrEqual(30);
  } finally {
    await asOwner(plane, "alter table reports_away rename to agent_reports");
  }
});

test("opamp row 64: a drain closes sockets with a Close frame spread over time and turns newcomers away", async () => {
  const draining = await startPlane({ limits: { drainMs: 600 } });
  try {
    const machines = await Promise.all(Array.from({ length: 20 }, () => enrolMachine(draining)));
    const sockets = await Promise.all(machines.map((machine) => openMachine(draining, machine)));
    for (const [index, socket] of sockets.entries()) await socket.ask(message(machines[index]?.uid ?? "", 0));
    const closedAt: number[] = [];
    const codes = Promise.all(
      sockets.map(async ({ closed }) => {
        const code = await closed;
        closedAt.push(performance.now());
        return code;
      }),
    );
    const last = machines[0];
    if (last === undefined) throw new Error("no machine");
    const closing = draining.gateway.close();
    const refused = await tryOpen(`wss://127.0.0.1:${draining.agentsPort}/v1/opamp`, tlsOf(draining, last));
    expect(refused).toMatchObject({ status: 503 });
    if ("headers" in refused) expect(Number(refused.headers["retry-after"])).toBeGreaterThanOrEqual(30);
    expect(new Set(await codes)).toEqual(new Set([1001]));
    await closing;
    expect(Math.max(...closedAt) - Math.min(...closedAt)).toBeGreaterThan(5);
    expect(await agentRow(draining, last.agentId)).toMatchObject({ sequence_num: 0, disconnected_at: null });
  } finally {
    await draining[Symbol.asyncDispose]();
  }
});

test("the more are turned away, the wider those who come back are spread", () => {
  const admission = new Admission({ perSecond: 10, burst: 10, now: 0, random: () => 0.999 });
  const answers = Array.from({ length: 2_010 }, () => admission.judge(0));
  expect(answers.slice(0, 10)).toEqual(Array(10).fill(undefined));
  expect(answers[10]?.retryAfterSeconds).toBeLessThanOrEqual(60);
  expect(answers.at(-1)?.retryAfterSeconds).toBeGreaterThan(300);
  expect(admission.judge(1_000)).toBeUndefined();
});

/** Runs a statement as the owner of the tables, which no role of ours is. */
async function asOwner({ base }: TestPlane, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: base.storage.connectionString });
  await client.connect();
  await client.query(statement);
  await client.end();
}
