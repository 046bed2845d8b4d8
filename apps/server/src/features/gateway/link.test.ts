import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  decodeDown,
  encodeLink,
  LINK_CAPABILITY,
  TENURE_CAPABILITY,
  type DownMessage,
  type LinkEvent,
  type UpMessage,
} from "@flowplane/link";
import type { ServerToAgent } from "@flowplane/opamp";
import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, newId } from "../../platform/context.ts";
import { addIntent, INTENT_SECRET, withdrawStart } from "./intents.ts";
import {
  enrolMachine,
  message,
  openMachine,
  startPlane,
  until,
  type Machine,
  type OpampSocket,
  type TestPlane,
} from "../../testing/gateway.ts";

let plane: TestPlane;
let applied: { agent: string; events: LinkEvent[] }[] = [];
let failNext = false;
beforeAll(async () => {
  plane = await startPlane({
    applyEvents: async (_ctx, identity, events) => {
      if (failNext) {
        failNext = false;
        throw new Error("the transaction is rolled back");
      }
      applied.push({ agent: identity.agent_id, events: [...events] });
    },
  });
});
afterAll(() => plane[Symbol.asyncDispose]());
beforeEach(() => {
  applied = [];
});

/** A site agent's socket after its greeting, with its counter. */
async function connect(machine: Machine, sequence = 0, capabilities = [LINK_CAPABILITY]) {
  const socket = await openMachine(plane, machine);
  let next = sequence;
  const send = (more = {}) => socket.send(message(machine.uid, next++, more));
  send({ customCapabilities: { capabilities } });
  if (!capabilities.includes(TENURE_CAPABILITY)) await socket.next();
  const say = (up: UpMessage) => {
    const { type, data } = encodeLink(up);
    send({ customMessage: { capability: LINK_CAPABILITY, type, data } });
  };
  return { socket, say, sequence: () => next };
}

/** The next link message of a type; replies that carry none are passed over. */
async function nextOf<T extends DownMessage["type"]>(
  socket: OpampSocket,
  type: T,
): Promise<Extract<DownMessage, { type: T }>["body"]> {
  for (;;) {
    const { customMessage }: ServerToAgent = await socket.next();
    if (customMessage === undefined) continue;
    const decoded = decodeDown({ type: customMessage.type, data: customMessage.data });
    if (!decoded.ok) throw new Error(decoded.issue);
    if (decoded.value.type === type) return decoded.value.body as never; // just compared
  }
}

function ask(agentId: string, payload: Record<string, unknown> = { run_id: "r" }): Promise<string> {
  return inTransaction(plane.ctx(), (ctx) =>
    addIntent(ctx, { agent_id: agentId, type: "run.stop", run_id: null, payload }),
  );
}

const outstanding = async (id: string) =>
  (
    await plane.base.storage.system
      .selectFrom("intents")
      .select("acknowledged_at")
      .where("id", "=", id)
      .executeTakeFirstOrThrow()
  ).acknowledged_at === null;

test("an intent goes out the moment it is written, opened for the agent alone", async () => {
  const machine = await enrolMachine(plane);
  const { socket, say } = await connect(machine);
  const id = await ask(machine.agentId, { secret: "payload" });
  const { intents } = await nextOf(socket, "intents");
  expect(intents).toMatchObject([{ id, type: "run.stop", payload: { secret: "payload" } }]);
  expect(await outstanding(id)).toBe(true);
  say({ type: "intents_ack", body: { ids: [id] } });
  await until("the acknowledgement", async () => ((await outstanding(id)) ? undefined : true));
  await socket.close();
});

test("what was written while the agent was away is delivered when it comes, and again until acknowledged", async () => {
  const machine = await enrolMachine(plane);
  const ids = [await ask(machine.agentId), await ask(machine.agentId)];
  const first = await connect(machine);
  expect((await nextOf(first.socket, "intents")).intents.map(({ id }) => id)).toEqual(ids);
  await first.socket.close();
  const second = await connect(machine, first.sequence());
  expect((await nextOf(second.socket, "intents")).intents.map(({ id }) => id)).toEqual(ids);
  second.say({ type: "intents_ack", body: { ids } });
  await until("the acknowledgement", async () => ((await outstanding(ids[1] ?? "")) ? undefined : true));
  await second.socket.close();
});

test("more intents than a window holds all arrive", async () => {
  const machine = await enrolMachine(plane);
  const ids = await inTransaction(plane.ctx(), async (ctx) => {
    const made: string[] = [];
    for (let count = 0; count < 450; count += 1)
      made.push(
        await addIntent(ctx, { agent_id: machine.agentId, type: "run.stop", run_id: null, payload: {} }),
      );
    return made;
  });
  const { socket, say } = await connect(machine);
  const received = new Set<string>();
  while (received.size < ids.length) {
    const { intents } = await nextOf(socket, "intents");
    for (const { id } of intents) received.add(id);
    say({ type: "intents_ack", body: { ids: intents.map(({ id }) => id) } });
  }
  expect([...received].toSorted()).toEqual(ids.toSorted());
  await socket.close();
});

test("events are stored once, whatever is sent again, and acknowledged only when stored", async () => {
  const machine = await enrolMachine(plane);
  const { socket, say } = await connect(machine);
  const event = (seq: number): LinkEvent => ({
    seq,
    type: "run.note",
    run_id: "r",
    at: new Date().toISOString(),
    payload: {},
  });
  const events = (...seqs: number[]): UpMessage => ({
    type: "events",
    body: { spool_id: "spool-1", events: seqs.map(event) },
  });
  say(events(1, 2));
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-1", up_to: 2 });
  say(events(1, 2, 3));
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-1", up_to: 3 });
  // After a gap nothing is taken: order is kept.
  say(events(5));
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-1", up_to: 3 });
  // What cannot be stored at once, and what comes behind it, is acknowledged without being sent again.
  failNext = true;
  say(events(4));
  say(events(5));
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-1", up_to: 4 });
  expect(failNext).toBe(false);
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-1", up_to: 5 });
  expect(applied.flatMap(({ events }) => events.map(({ seq }) => seq))).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(applied.map(({ agent }) => agent))).toEqual(new Set([machine.agentId]));
  say({ type: "events", body: { spool_id: "spool-2", events: [event(1)] } });
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "spool-2", up_to: 1 });
  await socket.close();
});

test("an agent that says which spool it has gets and gives nothing before it has proven that", async () => {
  const machine = await enrolMachine(plane);
  const id = await ask(machine.agentId);
  const { socket, say } = await connect(machine, 0, [LINK_CAPABILITY, TENURE_CAPABILITY]);
  await nextOf(socket, "greet");
  const events: UpMessage = {
    type: "events",
    body: {
      spool_id: "s",
      events: [{ seq: 1, type: "run.note", at: new Date().toISOString(), payload: {} }],
    },
  };
  say(events);
  const hello: UpMessage = { type: "hello", body: { spool_id: "s", boot_id: "b", tokens: [], from: null } };
  say(hello);
  const { token, up_to } = await nextOf(socket, "token");
  expect(up_to).toBe(0);
  say({ type: "token_stored", body: { spool_id: "s", token } });
  expect(await nextOf(socket, "token_kept")).toEqual({ spool_id: "s" });
  expect((await nextOf(socket, "intents")).intents.map((intent) => intent.id)).toEqual([id]);
  say(events);
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "s", up_to: 1 });
  expect(applied.flatMap((batch) => batch.events)).toHaveLength(1);
  // The same spool on another machine, without the token.
  const clone = await connect(machine, 50, [LINK_CAPABILITY, TENURE_CAPABILITY]);
  await nextOf(clone.socket, "greet");
  clone.say(hello);
  expect(await nextOf(clone.socket, "spool_copied")).toEqual({ spool_id: "s" });
  await clone.socket.close();
  await socket.close();
});

test("an intent that was withdrawn is not sent again", async () => {
  const machine = await enrolMachine(plane);
  const run_id = newId();
  await inTransaction(plane.ctx(), (ctx) =>
    addIntent(ctx, { agent_id: machine.agentId, type: "run.start", run_id, payload: { run_id } }),
  );
  const first = await connect(machine);
  await nextOf(first.socket, "intents");
  expect(await inTransaction(plane.ctx(), (ctx) => withdrawStart(ctx, machine.agentId, run_id))).toBe(true);
  const id = await ask(machine.agentId);
  await first.socket.close();
  const second = await connect(machine, first.sequence());
  expect((await nextOf(second.socket, "intents")).intents.map((intent) => intent.id)).toEqual([id]);
  await second.socket.close();
});

test("an intent is found without the nudge that makes it soon", async () => {
  const machine = await enrolMachine(plane);
  const { socket } = await connect(machine);
  const id = newId();
  const sealed = plane.base.secrets.seal(INTENT_SECRET, JSON.stringify({ run_id: "r" }));
  await plane.base.storage.system
    .insertInto("intents")
    .values({
      id,
      organization_id: plane.organizationId,
      agent_id: machine.agentId,
      type: "run.stop",
      run_id: null,
      payload_sealed: sealed,
      acknowledged_at: null,
    })
    .execute();
  await plane.gateway.catchUp();
  expect((await nextOf(socket, "intents")).intents.map((intent) => intent.id)).toEqual([id]);
  await socket.close();
});

test("a lease on a live log is forwarded, and ended", async () => {
  const machine = await enrolMachine(plane);
  const { socket } = await connect(machine);
  const run_id = newId();
  plane.base.bus.publish(subjects.agentWatch(machine.agentId), {
    run_id,
    agent_id: machine.agentId,
    from_seq: 5,
    ttl_ms: 30_000,
  });
  expect(await nextOf(socket, "watch")).toEqual({ run_id, from_seq: 5, ttl_ms: 30_000 });
  plane.base.bus.publish(subjects.agentWatch(machine.agentId), {
    run_id,
    agent_id: machine.agentId,
    from_seq: 5,
    ttl_ms: 0,
  });
  expect(await nextOf(socket, "unwatch")).toEqual({ run_id });
  await socket.close();
});

test("link messages that make no sense cost nothing but a line in our log", async () => {
  const machine = await enrolMachine(plane);
  const { socket, say, sequence } = await connect(machine);
  for (const [type, data] of [
    ["nonsense", "{}"],
    ["events", "not json"],
    ["intents_ack", "{}"],
  ] as const) {
    socket.send(
      message(machine.uid, sequence(), {
        customMessage: { capability: LINK_CAPABILITY, type, data: Buffer.from(data) },
      }),
    );
    await socket.next();
  }
  say({ type: "intents_ack", body: { ids: ["unknown"] } });
  say({
    type: "events",
    body: {
      spool_id: "s",
      events: [{ seq: 1, type: "run.note", at: new Date().toISOString(), payload: {} }],
    },
  });
  expect(await nextOf(socket, "events_ack")).toEqual({ spool_id: "s", up_to: 1 });
  await socket.close();
});
