import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { API_PREFIX, createSseDecoder, type LogLine, type ServerSentEvent } from "@flowplane/contract";
import { subjects } from "../../../platform/bus/bus.ts";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { ended, linesOf, running, runWorld, starting, T0, type RunWorld } from "../fixtures.ts";
import { WATCH_RENEW_MS, WATCH_TTL_MS } from "./limits.ts";

let world: RunWorld;
let origin: string;
const open = new Set<AbortController>();
beforeAll(async () => {
  world = await runWorld();
  origin = await world.fastify.listen({ port: 0, host: "127.0.0.1" });
});
beforeEach(() => {
  world.clock.now = T0;
});
afterEach(() => {
  for (const controller of open) controller.abort();
  open.clear();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Watching {
  readonly run_id: string;
  readonly from_seq: number;
  readonly ttl_ms: number;
}

/** A running run whose agent notes down what it is asked to watch. */
async function watchedRun(): Promise<{ agent: AgentIdentity; id: string; asked: Watching[] }> {
  const agent = await world.addAgent();
  const { id } = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, starting(id), running(id));
  const asked: Watching[] = [];
  world.base.bus.subscribe(subjects.agentWatch(agent.agent_id), ({ data }) => asked.push(data as Watching));
  return { agent, id, asked };
}

test("stored lines come first, live ones as they are sent, then the end", async () => {
  const { agent, id, asked } = await watchedRun();
  await world.upload(agent, id, 1, linesOf(1, 5));
  const log = await follow(id);
  expect(await log.lines(5)).toEqual([1, 2, 3, 4, 5]);
  expect(asked).toMatchObject([{ run_id: id, agent_id: agent.agent_id, from_seq: 6, ttl_ms: WATCH_TTL_MS }]);

  await world.tail(agent, id, linesOf(6, 7));
  expect(await log.lines(2)).toEqual([6, 7]);
  await world.tail(agent, id, linesOf(8, 8));
  expect(await log.lines(1)).toEqual([8]);
  // What was live is stored later, and the agent ends: nothing comes twice.
  await world.upload(agent, id, 2, linesOf(6, 10));
  expect(await log.lines(2)).toEqual([9, 10]);
  await world.report(agent, ended(id, { state: "FAILED", exit_code: 3 }, T0, 10));
  expect(await log.event()).toMatchObject({
    event: "end",
    id: "10",
    data: '{"state":"FAILED","exit_code":3}',
  });
  expect(await log.event()).toBeUndefined();
  await vi.waitUntil(() => asked.at(-1)?.ttl_ms === 0);
});

test("the end waits for the last line", async () => {
  const { agent, id } = await watchedRun();
  const log = await follow(id);
  await world.report(agent, ended(id, {}, T0, 3));
  await world.tail(agent, id, linesOf(1, 2));
  expect(await log.lines(2)).toEqual([1, 2]);
  await world.upload(agent, id, 1, linesOf(1, 3));
  expect(await log.lines(1)).toEqual([3]);
  expect((await log.event())?.event).toBe("end");
});

test("an ended run, an empty log and a withdrawn run are sent and ended at once", async () => {
  const { agent, id, asked } = await watchedRun();
  await world.upload(agent, id, 1, linesOf(1, 4_000));
  await world.report(agent, ended(id, {}, T0, 4_000));
  const whole = await follow(id);
  expect((await whole.lines(4_000)).at(-1)).toBe(4_000);
  expect((await whole.event())?.event).toBe("end");
  expect(asked.filter((watch) => watch.ttl_ms > 0)).toEqual([]);

  const empty = await watchedRun();
  await world.report(empty.agent, ended(empty.id));
  expect((await (await follow(empty.id)).event())?.event).toBe("end");

  const away = await world.addAgent({ isConnected: false });
  const withdrawn = await world.launch({ agent_id: away.agent_id });
  await world.call("POST", `/runs/${withdrawn.id}/stop`, { reason: "never mind" });
  expect((await (await follow(withdrawn.id)).event())?.data).toBe('{"state":"STOPPED","exit_code":null}');
});

test("a client resumes behind the last line it has, whatever its query says", async () => {
  const { agent, id } = await watchedRun();
  await world.upload(agent, id, 1, linesOf(1, 20));
  expect(await (await follow(id, "?from_seq=18")).lines(3)).toEqual([18, 19, 20]);
  const resumed = await follow(id, "?from_seq=1", { "last-event-id": "19" });
  expect(await resumed.lines(1)).toEqual([20]);
  expect(await (await follow(id, "", { "last-event-id": "nonsense" })).lines(2)).toEqual([1, 2]);
  const ahead = await follow(id, "?from_seq=30");
  await world.tail(agent, id, linesOf(21, 31));
  expect(await ahead.lines(2)).toEqual([30, 31]);
});

test("a gap is closed by asking the agent again from there", async () => {
  const { agent, id, asked } = await watchedRun();
  const log = await follow(id);
  await world.tail(agent, id, linesOf(1, 2));
  expect(await log.lines(2)).toEqual([1, 2]);
  await world.tail(agent, id, linesOf(5, 6));
  // A lease that is renewed goes on where it is, so the agent is asked for a new one.
  await vi.waitUntil(() => asked.length >= 3);
  expect(asked.map((watch) => [watch.from_seq, watch.ttl_ms > 0])).toEqual([
    [1, true],
    [3, false],
    [3, true],
  ]);
  await world.tail(agent, id, linesOf(3, 8));
  expect(await log.lines(6)).toEqual([3, 4, 5, 6, 7, 8]);
});

test("a gap is closed by the stored segments when the agent stays silent", async () => {
  const { agent, id } = await watchedRun();
  const log = await follow(id);
  await world.tail(agent, id, linesOf(3, 4));
  await world.upload(agent, id, 2, linesOf(3, 4));
  await world.upload(agent, id, 1, linesOf(1, 2));
  expect(await log.lines(4)).toEqual([1, 2, 3, 4]);
});

test("repeated and reordered tails are sent once and in order", async () => {
  const { agent, id } = await watchedRun();
  const log = await follow(id);
  for (const [from, to] of [
    [1, 3],
    [1, 3],
    [2, 5],
    [4, 4],
    [6, 9],
    [7, 8],
    [10, 10],
  ] as const)
    await world.tail(agent, id, linesOf(from, to));
  expect(await log.lines(10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("many watchers share one lease; it ends with the last of them", async () => {
  const { agent, id, asked } = await watchedRun();
  const logs = await Promise.all(Array.from({ length: 30 }, () => follow(id)));
  await world.tail(agent, id, linesOf(1, 3));
  for (const log of logs) expect(await log.lines(3)).toEqual([1, 2, 3]);
  expect(asked).toHaveLength(1);
  for (const log of logs.slice(1)) log.close();
  await world.tail(agent, id, linesOf(4, 4));
  expect(await logs[0]?.lines(1)).toEqual([4]);
  expect(asked).toHaveLength(1);
  logs[0]?.close();
  await vi.waitUntil(() => asked.at(-1)?.ttl_ms === 0);
});

test("the lease is renewed while somebody watches, and at once when the agent comes back", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const { agent, id, asked } = await watchedRun();
    const log = await follow(id);
    await world.tail(agent, id, linesOf(1, 4));
    await log.lines(4);
    vi.advanceTimersByTime(WATCH_RENEW_MS);
    expect(asked.map((watch) => watch.from_seq)).toEqual([1, 5]);
    world.base.bus.publish(subjects.changes(world.ctx.actor.organization_id), {
      topic: "agent",
      id: agent.agent_id,
    });
    expect(asked).toHaveLength(3);
    // Another process of the control plane stops watching; this one goes on.
    world.base.bus.publish(subjects.agentWatch(agent.agent_id), { run_id: id, from_seq: 1, ttl_ms: 0 });
    expect(asked.filter((watch) => watch.ttl_ms > 0)).toHaveLength(4);
    log.close();
    await vi.waitUntil(() => asked.at(-1)?.ttl_ms === 0);
    const { length } = asked;
    vi.advanceTimersByTime(10 * WATCH_RENEW_MS);
    expect(asked).toHaveLength(length);
  } finally {
    vi.useRealTimers();
  }
});

test("a lost notice costs only until the next renewal", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const { agent, id } = await watchedRun();
    const log = await follow(id);
    await world.tail(agent, id, linesOf(1, 1));
    await log.lines(1);
    const { publish } = world.base.bus;
    world.base.bus.publish = () => undefined;
    await world.upload(agent, id, 1, linesOf(1, 2));
    await world.report(agent, ended(id, {}, T0, 2));
    world.base.bus.publish = publish;
    vi.advanceTimersByTime(WATCH_RENEW_MS);
    expect(await log.lines(1)).toEqual([2]);
    expect((await log.event())?.event).toBe("end");
  } finally {
    vi.useRealTimers();
  }
});

test("binary output and lines at their longest pass, in events of bounded size", async () => {
  const { agent, id } = await watchedRun();
  const control = "\u0001".repeat(64 * 1024);
  await world.upload(
    agent,
    id,
    1,
    linesOf(1, 40, () => control),
  );
  const log = await follow(id);
  expect(await log.lines(40)).toHaveLength(40);
  expect(log.longest).toBeLessThan(1024 * 1024);
});

test("a client that reads nothing holds up nobody and is fed from the segments later", async () => {
  const { agent, id } = await watchedRun();
  const request = get(`${origin}${API_PREFIX}/runs/${id}/logs/stream`, {
    headers: { "x-actor": world.ctx.actor.id },
  });
  const [slow] = (await once(request, "response")) as [IncomingMessage];
  const quick = await follow(id);
  const text = "x".repeat(10_000);
  let next = 1;
  // More than sockets and buffers hold: 24 MB.
  for (let segment = 1; segment <= 8; segment += 1) {
    const lines = linesOf(next, next + 299, () => text);
    for (let at = 0; at < lines.length; at += 100) await world.tail(agent, id, lines.slice(at, at + 100));
    await world.upload(agent, id, segment, lines);
    expect((await quick.lines(300)).at(-1)).toBe(next + 299);
    next += 300;
  }
  await world.report(agent, ended(id, {}, T0, next - 1));
  expect((await quick.event())?.event).toBe("end");

  const decoder = createSseDecoder();
  const seqs: number[] = [];
  slow.setEncoding("utf8");
  for await (const chunk of slow)
    for (const event of decoder.push(String(chunk)))
      if (event.event === "lines")
        seqs.push(...(JSON.parse(event.data) as { items: LogLine[] }).items.map((line) => line.seq));
  expect(seqs).toEqual(Array.from({ length: next - 1 }, (_, index) => index + 1));
});

interface Follower {
  /** The sequence numbers of the next lines, at least `count` of them. */
  lines(count: number): Promise<number[]>;
  /** The next event; undefined when the stream has ended. */
  event(): Promise<ServerSentEvent | undefined>;
  close(): void;
  readonly longest: number;
}

async function follow(id: string, query = "", headers: Record<string, string> = {}): Promise<Follower> {
  const controller = new AbortController();
  open.add(controller);
  const response = await fetch(`${origin}${API_PREFIX}/runs/${id}/logs/stream${query}`, {
    headers: { "x-actor": world.ctx.actor.id, ...headers },
    signal: controller.signal,
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const decoder = createSseDecoder();
  const pending: ServerSentEvent[] = [];
  let rest: number[] = [];
  let longest = 0;
  const event = async (): Promise<ServerSentEvent | undefined> => {
    while (pending.length === 0) {
      const chunk = await reader?.read();
      if (chunk?.value === undefined) return undefined;
      pending.push(...decoder.push(chunk.value));
    }
    const next = pending.shift();
    longest = Math.max(longest, next?.data.length ?? 0);
    return next;
  };
  return {
    event,
    async lines(count) {
      while (rest.length < count) {
        const next = await event();
        if (next?.event !== "lines") throw new Error(`expected lines, got ${JSON.stringify(next)}`);
        const { items } = JSON.parse(next.data) as { items: LogLine[] };
        expect(next.id).toBe(String(items.at(-1)?.seq));
        rest.push(...items.map((line) => line.seq));
      }
      const taken = rest.slice(0, count);
      rest = rest.slice(count);
      return taken;
    },
    close() {
      controller.abort();
      open.delete(controller);
    },
    get longest() {
      return longest;
    },
  };
}
