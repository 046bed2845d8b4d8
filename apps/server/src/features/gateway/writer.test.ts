import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  agentRow,
  enrolMachine,
  message,
  openMachine,
  reportRow,
  startPlane,
  until,
  type Machine,
  type TestPlane,
} from "../../testing/gateway.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { markLost } from "../fleet/status.ts";
import { metrics } from "../../platform/metrics.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const health = (text: string) => ({ health: { healthy: false, lastError: text } });

test("what agents report while the database is away is written when it is back", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  await socket.ask(message(machine.uid, 0));
  await plane.gateway.flush();
  const before = await figure("flowplane_status_write_failures_total");
  const lock = await lockOut(plane);
  await socket.ask(message(machine.uid, 1, health("first")));
  await until("a failed write", async () =>
    (await figure("flowplane_status_write_failures_total")) > before ? true : undefined,
  );
  await socket.ask(message(machine.uid, 2, health("second")));
  await lock.release();
  await until("the report", async () => {
    const row = await plane.base.storage.system
      .selectFrom("agents")
      .selectAll()
      .where("id", "=", machine.agentId)
      .executeTakeFirstOrThrow();
    return row.health_status === "second" && row.sequence_num === 2 ? row : undefined;
  });
  expect((await reportRow(plane, machine.agentId)).health).toMatchObject({ last_error: "second" });
  await socket.close();
});

test("connections broken by a database restart are replaced, and nothing is lost", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  await socket.ask(message(machine.uid, 0));
  const client = new pg.Client({ connectionString: plane.base.storage.connectionString });
  await client.connect();
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  await client.end();
  await socket.ask(message(machine.uid, 1, health("after")));
  await until("the report", () =>
    agentRow(plane, machine.agentId).then(
      (row) => (row.health_status === "after" ? true : undefined),
      // This test's own reads may meet a broken connection, too.
      () => undefined,
    ),
  );
  await socket.close();
});

test("what one message says is in the database as a whole or not at all", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  await socket.ask(message(machine.uid, 0, health("whole")));
  await plane.gateway.flush();
  const reports = await lockOut(plane, "agent_reports");
  await socket.ask(message(machine.uid, 1, health("half")));
  await plane.gateway.flush();
  expect(await agentRow(plane, machine.agentId)).toMatchObject({ health_status: "whole", sequence_num: 0 });
  await reports.release();
  await until("the whole message", async () =>
    (await agentRow(plane, machine.agentId)).health_status === "half" ? true : undefined,
  );
  await socket.close();
});

test("unchanged reports are not written again; heartbeats move only counters and are no change to anybody", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  await socket.ask(message(machine.uid, 0, health("same")));
  await plane.gateway.flush();
  const versionOf = async () => {
    const { rows } = await plane.base.storage.systemPool.query<{ xmin: string }>(
      "select xmin::text from agent_reports where agent_id = $1",
      [machine.agentId],
    );
    return rows[0]?.xmin;
  };
  const notices: unknown[] = [];
  const subscription = plane.base.bus.subscribe(subjects.changes(plane.organizationId), ({ data }) =>
    notices.push(data),
  );
  const before = await versionOf();
  await socket.ask(message(machine.uid, 1, health("same")));
  await socket.ask(message(machine.uid, 2));
  expect(await agentRow(plane, machine.agentId)).toMatchObject({ sequence_num: 2 });
  expect(await versionOf()).toBe(before);
  subscription.close();
  expect(notices.filter((notice) => (notice as { id: string }).id === machine.agentId)).toEqual([]);
  await socket.close();
});

test("a crowd of agents is written in a few statements", async () => {
  const machines: Machine[] = [];
  for (let count = 0; count < 25; count += 1) machines.push(await enrolMachine(plane));
  const sockets = await Promise.all(machines.map((machine) => openMachine(plane, machine)));
  for (const [index, socket] of sockets.entries()) await socket.ask(message(machines[index]?.uid ?? "", 0));
  await plane.gateway.flush();
  const before = {
    writes: await figure("flowplane_status_writes_total"),
    batches: await figure("flowplane_status_write_duration_seconds_count"),
  };
  await Promise.all(sockets.map((socket, index) => socket.ask(message(machines[index]?.uid ?? "", 1))));
  await plane.gateway.flush();
  expect((await figure("flowplane_status_writes_total")) - before.writes).toBe(25);
  expect(
    (await figure("flowplane_status_write_duration_seconds_count")) - before.batches,
  ).toBeLessThanOrEqual(3);
  await Promise.all(sockets.map((socket) => socket.close()));
});

test("agents whose gateway crashed are gone after the time in which they could have come back", async () => {
  const machine = await enrolMachine(plane);
  const socket = await openMachine(plane, machine);
  await socket.ask(message(machine.uid, 0));
  const row = await agentRow(plane, machine.agentId);
  const at = (ms: number) => new Date((row.last_seen_at?.getTime() ?? 0) + ms);
  const lost = async (ms: number) =>
    (await markLost(plane.base.storage.system, at(ms), 100_000)).map(({ id }) => id);
  expect(await lost(90_000)).not.toContain(machine.agentId);
  expect(await lost(110_000)).toContain(machine.agentId);
  expect((await agentRow(plane, machine.agentId)).disconnected_at).not.toBeNull();
  // It was only silent: its next word brings it back.
  await socket.ask(message(machine.uid, 1));
  expect(await agentRow(plane, machine.agentId)).toMatchObject({ disconnected_at: null, sequence_num: 1 });
  await socket.close();
});

async function figure(name: string): Promise<number> {
  const line = (await metrics.metrics()).split("\n").find((row) => row.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** Makes every change of a table fail at once, as a database that is away does. */
async function lockOut({ base }: TestPlane, table = "agents") {
  const client = new pg.Client({ connectionString: base.storage.connectionString });
  await client.connect();
  await client.query(`revoke update on ${table} from flowplane_system`);
  return {
    async release() {
      await client.query(`grant update on ${table} to flowplane_system`);
      await client.end();
    },
  };
}
