import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Agent, LogLine, Rollout, RolloutCounts, RolloutWave, Run } from "@flowplane/contract";

/** One request the fake control plane got. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

/** Answers one request: a JSON body, or everything by itself. */
export type Answer = (seen: Seen, response: ServerResponse) => unknown;

export interface FakeControlPlane extends AsyncDisposable {
  readonly origin: string;
  readonly seen: readonly Seen[];
  /** Resolves with the first request that matches `METHOD /path`, past or to come. */
  waitFor(route: string): Promise<Seen>;
}

/** Marks an answer as written by the handler itself. */
export const ANSWERED = Symbol("answered");

/** A control plane that knows only the routes a test gives it: `"GET /api/v1/runs": () => page([run()])`. */
export async function startFakeControlPlane(
  routes: Readonly<Record<string, Answer>>,
): Promise<FakeControlPlane> {
  const seen: Seen[] = [];
  const waiters: { route: string; resolve: (seen: Seen) => void }[] = [];
  const answerOne = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://fake");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const one: Seen = {
      method: request.method ?? "",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    seen.push(one);
    const route = `${one.method} ${one.path}`;
    for (const waiter of waiters) if (waiter.route === route) waiter.resolve(one);
    const answer = routes[route];
    if (answer === undefined) {
      refuse(response, 404, "not_found", `There is nothing at ${route}.`);
      return;
    }
    const body = answer(one, response);
    if (body === ANSWERED) return;
    if (body === undefined) response.writeHead(204).end();
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    answerOne(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    waitFor: (route) => {
      const past = seen.find((each) => `${each.method} ${each.path}` === route);
      if (past !== undefined) return Promise.resolve(past);
      return new Promise((resolve) => waiters.push({ route, resolve }));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Writes problem details, as every refusal of the real one is. */
export function refuse(response: ServerResponse, status: number, code: string, detail: string) {
  const problem = {
    type: "about:blank",
    title: code,
    status,
    detail,
    instance: "/",
    code,
    request_id: "req-42",
  };
  response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
  return ANSWERED;
}

export function page<Row>(items: readonly Row[], nextCursor: string | null = null) {
  return { items, next_cursor: nextCursor, total: null };
}

export const RUN_ID = "019b8d7a-2da8-7657-b52d-492a9de33319";
export const AGENT_ID = "019b8d7a-0000-7000-8000-00000000a9e7";
const AT = "2026-01-02T03:04:05.678Z";

export function someRun(changes: Partial<Run> = {}): Run {
  return {
    id: RUN_ID,
    kind: "process",
    job_id: null,
    site_id: "019b8d7a-0000-7000-8000-0000000005e1",
    agent_id: AGENT_ID,
    agent_name: "local",
    name: "sh",
    command: "sh",
    args: ["-c", "exit 3"],
    cwd: null,
    env_names: [],
    grace_ms: 10_000,
    max_runtime_ms: null,
    origin: "api",
    attempt: 1,
    retry_of: null,
    scheduled_for: null,
    resource_policy: {},
    isolation: null,
    user: null,
    group: null,
    retry: null,
    progress: null,
    policy: null,
    incidents: { open: 0, total: 0 },
    intervention: null,
    frozen_since: null,
    usage: null,
    state: "FAILED",
    state_since: AT,
    waiting: null,
    sentence: "It failed with exit code 3.",
    pid: 4711,
    exit_code: 3,
    signal: null,
    reason: null,
    stop: null,
    restart_of: null,
    created_by: { type: "user", id: "u1", name: "Ada" },
    created_at: AT,
    started_at: AT,
    ended_at: "2026-01-02T03:04:08.678Z",
    log: {
      bytes: 21,
      lines: 3,
      stored_seq: 3,
      complete: true,
      redactions: 0,
      expired: false,
      first_seq: 1,
      expired_until: null,
      sentence: null,
    },
    ...changes,
  };
}

export function someAgent(changes: Partial<Agent> = {}): Agent {
  return {
    id: AGENT_ID,
    site_id: "019b8d7a-0000-7000-8000-0000000005e1",
    kind: "site",
    name: "local",
    instance_uid: null,
    state: "connected",
    state_since: AT,
    waiting: null,
    healthy: true,
    health_status: "",
    version: "0.1.0",
    os: "linux",
    hostname: "box",
    labels: {},
    transport: "websocket",
    last_seen_at: AT,
    certificate_expires_at: AT,
    created_at: AT,
    ...changes,
  };
}

export const ROLLOUT_ID = "019b8d7a-0000-7000-8000-00000000b011";
export const CONFIGURATION_ID = "019b8d7a-0000-7000-8000-0000000c0f16";

export function someCounts(counts: Partial<RolloutCounts> = {}): RolloutCounts {
  return {
    waiting: 0,
    offered: 0,
    applying: 0,
    soaking: 0,
    passed: 0,
    failed: 0,
    unreachable: 0,
    skipped: 0,
    reverting: 0,
    reverted: 0,
    ...counts,
  };
}

export function someWave(
  index: number,
  state: RolloutWave["state"],
  counts: Partial<RolloutCounts>,
): RolloutWave {
  const agents = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { index, state, agents, counts: someCounts(counts), waiting: null, started_at: AT, ended_at: null };
}

export function someRollout(changes: Partial<Rollout> = {}): Rollout {
  return {
    id: ROLLOUT_ID,
    kind: "configuration",
    configuration_id: CONFIGURATION_ID,
    configuration_name: "edge",
    version: 4,
    split: null,
    selector: 'labels.env == "prod"',
    plan: {
      waves: [{ count: 1 }, { percent: 100 }],
      max_unavailable: 100,
      verdict_timeout_seconds: 300,
      soak_seconds: 60,
      gate: { min_pass_percent: 100, max_failures: 0, on_failure: "roll_back" },
      approval: false,
      window: null,
      telemetry: null,
      include_new_agents: true,
    },
    message: "Friday",
    state: "running",
    state_since: AT,
    reason: null,
    waiting: null,
    sentence: "Wave 1 of 2 is under way.",
    agents: 4,
    counts: someCounts({ waiting: 4 }),
    wave: 0,
    waves: [someWave(0, "waiting", { waiting: 1 }), someWave(1, "waiting", { waiting: 3 })],
    created_by: { type: "user", id: "u1", name: "Ada" },
    created_at: AT,
    started_at: AT,
    ended_at: null,
    ...changes,
  };
}

export function someLine(seq: number, text: string, changes: Partial<LogLine> = {}): LogLine {
  return { seq, at: AT, stream: "stdout", text, partial: false, ...changes };
}

/** An event stream with these events, left open unless `end`. */
export function streamEvents(
  response: ServerResponse,
  events: readonly { event: string; id?: string; data: unknown }[],
  end = true,
): typeof ANSWERED {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const { event, id, data } of events) {
    response.write(
      `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    );
  }
  if (end) response.end();
  return ANSWERED;
}
