/**
 * The mock control plane over HTTP, for development and for looking at every page with no, some and very much data.
 * Cookies choose what one sees: `mock_size` empty | small | large, `mock_role` one of the roles, `mock_out` 1 to be signed out.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { api, API_PREFIX, isTerminal, ROLES, type Endpoint, type Role, type Run } from "@flowplane/contract";
import { Bus } from "./bus.ts";
import { MockProblem, type Context } from "./answer.ts";
import { changeAgent } from "./fleet.ts";
import { handlers } from "./handlers.ts";
import { logLine } from "./log.ts";
import { seeded } from "./random.ts";
import { advance } from "./rolloutWorld.ts";
import { makeWorld, type Size, type World } from "./world.ts";

const LIVE_MS = 2_000;
const LINES_PER_TICK = 25;
const TICK_MS = 400;

export class Mock {
  readonly #worlds = new Map<Size, { world: World; bus: Bus }>();
  readonly #random = seeded(5);
  readonly #timers = [
    setInterval(() => this.#liveChanges(), LIVE_MS).unref(),
    setInterval(() => this.#growLogs(), TICK_MS).unref(),
  ];

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Answers what belongs to the API; false when the request is for somebody else. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? "/", "http://mock");
    if (url.pathname.startsWith("/api/auth/")) {
      answerAuth(url, response);
      return true;
    }
    if (!url.pathname.startsWith(`${API_PREFIX}/`)) return false;
    const cookies = new Map(
      (request.headers.cookie ?? "").split("; ").map((pair) => pair.split("=") as [string, string]),
    );
    const size =
      (["empty", "small", "large"] as const).find((name) => name === cookies.get("mock_size")) ?? "small";
    const role: Role = ROLES.find((name) => name === cookies.get("mock_role")) ?? "owner";
    try {
      if (cookies.get("mock_out") === "1") throw new MockProblem(401, "signed_out", "Sign in first.");
      await this.#answer(request, response, url, { ...this.#worldOf(size), role });
    } catch (error) {
      if (!(error instanceof MockProblem)) throw error;
      send(response, error.problem.status, error.problem);
    }
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL, ctx: Context): Promise<void> {
    const route = findRoute(request.method ?? "GET", url.pathname.slice(API_PREFIX.length));
    if (route === undefined) throw new MockProblem(404, "not_found", "There is no such endpoint.");
    const { name, endpoint, params } = route;
    const query = endpoint.query?.parse(Object.fromEntries(url.searchParams));
    if (name === "changeStream") return ctx.bus.listen(response);
    if (name === "runLogStream")
      return streamLog(
        response,
        ctx.world,
        params.run_id ?? "",
        Number(url.searchParams.get("from_seq") ?? 1),
      );
    if (endpoint.stream === "file")
      return void response.writeHead(200, { "content-disposition": "attachment" }).end("mock\n");
    const body =
      endpoint.body === undefined ? undefined : endpoint.body.parse(JSON.parse(await readBody(request)));
    // The route table pairs each name with its own endpoint, whose schemas have just parsed the parts.
    const handler = handlers[name as keyof typeof handlers] as
      | ((ctx: Context, request: unknown) => unknown)
      | undefined;
    if (handler === undefined) throw new MockProblem(404, "not_found", "No page calls this endpoint.");
    const answer = handler(ctx, { params, query, body });
    send(response, endpoint.status ?? 200, answer);
  }

  #worldOf(size: Size): { world: World; bus: Bus } {
    const known = this.#worlds.get(size) ?? { world: makeWorld(size, Date.now()), bus: new Bus() };
    this.#worlds.set(size, known);
    return known;
  }

  /** A few agents come and go, so that lists are seen changing in place. */
  #liveChanges(): void {
    for (const ctx of this.#worlds.values()) {
      for (const id of advance(ctx.world.rollouts, Date.now(), this.#random))
        ctx.bus.send({ topic: "rollout", id });
      const connected = ctx.world.agents.filter(
        ({ state, kind }) => state === "connected" && kind === "site",
      );
      for (const agent of connected.slice(0, 3)) {
        changeAgent(ctx, agent.id, { last_seen_at: new Date().toISOString() });
      }
    }
  }

  #growLogs(): void {
    for (const ctx of this.#worlds.values()) {
      for (const run of ctx.world.runs.filter(({ state }) => state === "RUNNING")) {
        const lines = run.log.lines + LINES_PER_TICK;
        const grown: Run = { ...run, log: { ...run.log, lines, bytes: lines * 83, stored_seq: lines } };
        ctx.world.runs[ctx.world.runs.indexOf(run)] = grown;
      }
    }
  }
}

/** A path said in full wins over one with a parameter in the same place. */
const routes = (Object.entries(api) as [string, Endpoint][]).toSorted(
  ([, { path: a }], [, { path: b }]) => (a.match(/\{/g)?.length ?? 0) - (b.match(/\{/g)?.length ?? 0),
);

function findRoute(
  method: string,
  path: string,
): { name: string; endpoint: Endpoint; params: Record<string, string> } | undefined {
  for (const [name, endpoint] of routes) {
    if (endpoint.method !== method) continue;
    const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, param = ""]) => param);
    const match = new RegExp(`^${endpoint.path.replace(/\{\w+\}/g, "([^/]+)")}$`).exec(path);
    if (match === null) continue;
    return {
      name,
      endpoint,
      params: Object.fromEntries(
        names.map((param, index) => [param, decodeURIComponent(match[index + 1] ?? "")]),
      ),
    };
  }
  return undefined;
}

function streamLog(response: ServerResponse, world: World, runId: string, fromSeq: number): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": hello\n\n");
  let next = fromSeq;
  const timer = setInterval(() => {
    const run = world.runs.find(({ id }) => id === runId);
    if (run === undefined) return;
    const start = Date.parse(run.started_at ?? run.created_at);
    if (run.log.lines >= next) {
      const items = Array.from({ length: Math.min(2_000, run.log.lines - next + 1) }, (_, index) =>
        logLine(next + index, start, world.loops.has(run.id)),
      );
      next += items.length;
      response.write(`id: ${next - 1}\nevent: lines\ndata: ${JSON.stringify({ items })}\n\n`);
    }
    if (isTerminal(run.state)) {
      response.end(`event: end\ndata: ${JSON.stringify({ state: run.state, exit_code: run.exit_code })}\n\n`);
      clearInterval(timer);
    }
  }, TICK_MS);
  response.on("close", () => clearInterval(timer));
}

function answerAuth(url: URL, response: ServerResponse): void {
  if (url.pathname === "/api/auth/device") {
    const code = url.searchParams.get("user_code") ?? "";
    if (code === "BAD")
      send(response, 400, { error: "invalid_request", error_description: "Invalid user code" });
    else send(response, 200, { user_code: code, status: "pending", client_id: "flowplane-cli" });
  } else send(response, 200, { status: true, success: true });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8") || "{}";
}
