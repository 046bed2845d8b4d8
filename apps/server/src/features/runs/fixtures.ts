import { ONLY_SOURCE } from "../gateway/spools.ts";
import { createHash } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import { fastify as createFastify, type FastifyInstance } from "fastify";
import {
  BULK_PATH,
  encodeLines,
  EVIDENCE_CONTENT_TYPE,
  evidencePath,
  LINES_CONTENT_TYPE,
  SEGMENT_CONTENT_TYPE,
  segmentPath,
  tailPath,
  type LinkEvent,
  type LogLine as LinkLine,
} from "@flowplane/link";
import { API_PREFIX, type Run } from "@flowplane/contract";
import { AppError } from "../../platform/errors.ts";
import { installProblems } from "../../platform/http/problems.ts";
import type { Http } from "../../platform/http/route.ts";
import { createHttp } from "../../platform/http/server.ts";
import { inTransaction, newId, type Actor, type Base, type Ctx } from "../../platform/context.ts";
import { testBase, testCtx, testOrganization } from "../../testing/base.ts";
import type { Answer } from "../../testing/answer.ts";
import { INTENT_SECRET } from "../gateway/intents.ts";
import { agentActor, type AgentIdentity } from "../gateway/agent-http.ts";
import { applyRunEvents } from "./events.ts";
import { runBulkRoutes } from "./logs/bulk-routes.ts";
import { incidentRoutes } from "../incidents/routes.ts";
import { policyRoutes } from "../policies/routes.ts";
import { runRoutes } from "./routes.ts";

/** A control plane with one organization and the routes of runs, for tests; the agent's end is played by hand. */
export interface RunWorld extends AsyncDisposable {
  readonly base: Base;
  readonly ctx: Ctx;
  readonly siteId: string;
  readonly fastify: FastifyInstance;
  readonly clock: { now: number };
  /** Comparisons that wait in the queue, which the tests take out of it by themselves. */
  readonly comparisons: string[];
  /** Calls the API as the organization's owner, or as somebody else. */
  call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: object,
    actor?: Actor,
  ): Promise<Answer>;
  /** An organization beside the first, with its owner. */
  neighbour(): Promise<{ ctx: Ctx; actor: Actor; siteId: string }>;
  addAgent(values?: Partial<AgentValues>): Promise<AgentIdentity>;
  setConnected(agentId: string, isConnected: boolean): Promise<void>;
  launch(body?: object): Promise<Run>;
  readRun(id: string): Promise<Run>;
  /** Orders that an agent has not confirmed, oldest first, as they would be delivered. */
  orders(agentId: string): Promise<{ id: string; type: string; payload: Record<string, unknown> }[]>;
  confirm(orderId: string): Promise<void>;
  report(identity: AgentIdentity, ...events: readonly LinkEvent[]): Promise<void>;
  /** The agents' listener; `x-agent` names who calls. */
  readonly agents: FastifyInstance;
  upload(
    identity: AgentIdentity,
    runId: string,
    segmentSeq: number,
    lines: readonly LinkLine[],
    change?: Upload,
  ): Promise<Answer>;
  /** `body` is compressed here unless it is given as it goes out. */
  uploadEvidence(
    identity: AgentIdentity,
    runId: string,
    chunk: number,
    bytes: Uint8Array,
    change?: Upload,
  ): Promise<Answer>;
  tail(identity: AgentIdentity, runId: string, lines: readonly LinkLine[]): Promise<Answer>;
}

export interface Upload {
  readonly body?: Buffer;
  readonly headers?: Record<string, string>;
}

interface AgentValues {
  name: string;
  kind: "site" | "collector";
  approval: "pending" | "approved";
  isConnected: boolean;
  labels: Readonly<Record<string, string>>;
  isRevoked: boolean;
  organization: { organizationId: string; siteId: string };
}

export const T0 = Date.parse("2026-03-01T12:00:00.000Z");

/** `routes` adds those of another feature. */
export async function runWorld(routes: (http: Http) => void = () => undefined): Promise<RunWorld> {
  const clock = { now: T0 };
  const comparisons: string[] = [];
  const test = await testBase({ now: () => clock.now });
  const { base } = test;
  const { ctx, actor: owner, siteId } = await testOrganization(base);
  const actors = new Map<string, Actor>([[owner.id, owner]]);
  const http = await createHttp(base, async (request) => actors.get(String(request.headers["x-actor"])));
  runRoutes(http);
  routes(http);
  incidentRoutes(http);
  policyRoutes(http, async (_ctx, id) => void comparisons.push(id));
  await http.fastify.ready();
  const identities = new Map<string, AgentIdentity>();
  const agents = createFastify();
  installProblems(agents);
  runBulkRoutes({
    fastify: agents,
    base,
    identify: async (request) => {
      const identity = identities.get(String(request.headers["x-agent"]));
      if (identity === undefined) throw new AppError("unauthenticated", "no certificate");
      return identity;
    },
  });
  await agents.ready();

  const world: RunWorld = {
    base,
    ctx,
    siteId,
    fastify: http.fastify,
    clock,
    comparisons,
    async call(method, path, body, actor = owner) {
      const response = await http.fastify.inject({
        method,
        url: API_PREFIX + path,
        headers: { "x-actor": actor.id },
        ...(body === undefined ? {} : { payload: body }),
      });
      const isJson = /\bjson\b/.test(String(response.headers["content-type"]));
      return { status: response.statusCode, body: isJson ? response.json() : response.body };
    },
    async neighbour() {
      const other = await testOrganization(base);
      actors.set(other.actor.id, other.actor);
      return other;
    },
    async addAgent(values = {}) {
      const id = newId();
      const organizationId = values.organization?.organizationId ?? ctx.actor.organization_id;
      const name = values.name ?? "edge-1";
      const site = values.organization?.siteId ?? siteId;
      await base.storage.system
        .insertInto("agents")
        .values({
          id,
          organization_id: organizationId,
          site_id: site,
          kind: values.kind ?? "site",
          name,
          instance_uid: id,
          approval: values.approval ?? "approved",
          labels: JSON.stringify(values.labels ?? {}),
          version: null,
          os: "linux",
          hostname: name,
          healthy: true,
          health_status: null,
          sequence_num: 1,
          transport: "websocket",
          credential: "certificate",
          remote_address: null,
          connection_id: null,
          connected_at: null,
          disconnected_at: null,
          last_seen_at: null,
          enrolment_token_id: null,
          public_key_hash: null,
          certificate_expires_at: null,
          revoked_at: values.isRevoked === true ? new Date(clock.now) : null,
          revoked_reason: values.isRevoked === true ? "stolen" : null,
          created_at: new Date(clock.now),
        })
        .execute();
      await world.setConnected(id, values.isConnected ?? true);
      const identity: AgentIdentity = {
        agent_id: id,
        organization_id: organizationId,
        site_id: site,
        name,
        credential: "certificate",
      };
      identities.set(id, identity);
      return identity;
    },
    async setConnected(agentId, isConnected) {
      const now = new Date(clock.now);
      await base.storage.system
        .updateTable("agents")
        .set(
          isConnected
            ? { connection_id: newId(), connected_at: now, disconnected_at: null, last_seen_at: now }
            : { connection_id: null, disconnected_at: now },
        )
        .where("id", "=", agentId)
        .execute();
    },
    async launch(body = {}) {
      const { status, body: run } = await world.call("POST", "/runs", { command: "/bin/sh", ...body });
      if (status !== 201) throw new Error(`launch answered ${status}: ${JSON.stringify(run)}`);
      return run as Run;
    },
    async readRun(id) {
      return (await world.call("GET", `/runs/${id}`)).body as Run;
    },
    async orders(agentId) {
      const rows = await base.storage.system
        .selectFrom("intents")
        .selectAll()
        .where("agent_id", "=", agentId)
        .where("acknowledged_at", "is", null)
        .orderBy("id")
        .execute();
      return rows.map((row) => ({
        id: row.id,
        type: row.type,
        payload: JSON.parse(base.secrets.open(INTENT_SECRET, row.payload_sealed).toString()) as Record<
          string,
          unknown
        >,
      }));
    },
    async confirm(orderId) {
      await base.storage.system
        .updateTable("intents")
        .set({ acknowledged_at: new Date(clock.now) })
        .where("id", "=", orderId)
        .execute();
    },
    async report(identity, ...events) {
      await inTransaction(testCtx(base, agentActor(identity)), (ctx) =>
        applyRunEvents(ctx, identity, events, ONLY_SOURCE),
      );
    },
    agents,
    async upload(identity, runId, segmentSeq, lines, change = {}) {
      const body = change.body ?? segmentBody(lines);
      const response = await agents.inject({
        method: "PUT",
        url: BULK_PATH + segmentPath(runId, segmentSeq),
        headers: {
          "content-type": SEGMENT_CONTENT_TYPE,
          "x-agent": identity.agent_id,
          "x-flowplane-sha256": createHash("sha256").update(body).digest("hex"),
          "x-flowplane-first-seq": String(lines[0]?.seq),
          "x-flowplane-last-seq": String(lines.at(-1)?.seq),
          ...change.headers,
        },
        payload: body,
      });
      return { status: response.statusCode, body: response.body === "" ? null : response.json() };
    },
    async uploadEvidence(identity, runId, chunk, bytes, change = {}) {
      const body = change.body ?? zstdCompressSync(bytes);
      const response = await agents.inject({
        method: "PUT",
        url: BULK_PATH + evidencePath(runId, chunk),
        headers: {
          "content-type": EVIDENCE_CONTENT_TYPE,
          "x-agent": identity.agent_id,
          "x-flowplane-sha256": createHash("sha256").update(body).digest("hex"),
          ...change.headers,
        },
        payload: body,
      });
      return { status: response.statusCode, body: response.body === "" ? null : response.json() };
    },
    async tail(identity, runId, lines) {
      const response = await agents.inject({
        method: "POST",
        url: BULK_PATH + tailPath(runId),
        headers: { "content-type": LINES_CONTENT_TYPE, "x-agent": identity.agent_id },
        payload: Buffer.from(encodeLines(lines)),
      });
      return { status: response.statusCode, body: response.body === "" ? null : response.json() };
    },
    async [Symbol.asyncDispose]() {
      await agents.close();
      await http.fastify.close();
      await test[Symbol.asyncDispose]();
    },
  };
  return world;
}

/** Reports as an agent makes them; `at` is the agent's clock. */
export function starting(runId: string, at = T0): LinkEvent {
  return { seq: 1, type: "run.starting", run_id: runId, at: iso(at), payload: {} };
}

export function running(runId: string, at = T0, pid = 4_321): LinkEvent {
  return { seq: 1, type: "run.running", run_id: runId, at: iso(at), payload: { pid, started_at: iso(at) } };
}

export function stopping(runId: string, at = T0): LinkEvent {
  return {
    seq: 1,
    type: "run.stopping",
    run_id: runId,
    at: iso(at),
    payload: { reason: "asked to", actor: "owner" },
  };
}

export function ended(runId: string, end: Record<string, unknown> = {}, at = T0, lastSeq = 0): LinkEvent {
  return {
    seq: 1,
    type: "run.ended",
    run_id: runId,
    at: iso(at),
    payload: {
      state: "SUCCEEDED",
      exit_code: 0,
      signal: null,
      ended_at: iso(at),
      reason: null,
      log: { stdout_bytes: 0, stderr_bytes: 0, lines: lastSeq, last_seq: lastSeq, last_segment: 0 },
      ...end,
    },
  };
}

/** Lines `from` to `to`, each with its number in it unless `text` says otherwise; every third on stderr. */
export function linesOf(from: number, to: number, text = (seq: number) => `line ${seq}`): LinkLine[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    atMs: T0 + from + index,
    stream: (from + index) % 3 === 0 ? ("stderr" as const) : ("stdout" as const),
    bytes: Buffer.from(text(from + index)),
    partial: false,
  }));
}

export function segmentBody(lines: readonly LinkLine[]): Buffer {
  return zstdCompressSync(encodeLines(lines));
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
