import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import {
  BULK_PATH,
  decodeLines,
  FIRST_SEQ_HEADER,
  LAST_SEQ_HEADER,
  LINES_CONTENT_TYPE,
  SEGMENT_BYTES_MAX,
  SEGMENT_CONTENT_TYPE,
  SHA256_HEADER,
  tailPath,
} from "@flowplane/link";
import { Id } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { AppError, notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { agentActor, type AgentHttp, type AgentIdentity } from "../../gateway/agent-http.ts";
import { findRunLog } from "../store.ts";
import { observeTail } from "../metrics.ts";
import { decodeSegment } from "./decode.ts";
import { storeSegment } from "./intake.ts";
import { OWNERS_REMEMBERED_MAX, SEGMENT_BODY_BYTES_MAX, UPLOADS_MAX } from "./limits.ts";
import { publishLines } from "./tail-messages.ts";

const seq = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const SegmentParams = z.object({ run_id: Id, segment_seq: seq });
const SegmentHeaders = z.object({
  [SHA256_HEADER]: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
  [FIRST_SEQ_HEADER]: seq,
  [LAST_SEQ_HEADER]: seq,
});
const TailParams = z.object({ run_id: Id });

/** The agents' side of logs: segments, which are the truth, and live tails, which may be lost. */
export function runBulkRoutes(agentHttp: AgentHttp): void {
  const { fastify, base } = agentHttp;
  fastify.addContentTypeParser(
    [SEGMENT_CONTENT_TYPE, LINES_CONTENT_TYPE],
    { parseAs: "buffer", bodyLimit: SEGMENT_BODY_BYTES_MAX },
    (_request: FastifyRequest, body: Buffer, done) => done(null, body),
  );
  const { identities, admit, leave } = admission(agentHttp);
  const contextOf = (request: FastifyRequest): { ctx: Ctx; identity: AgentIdentity } => {
    const identity = identities.get(request);
    if (identity === undefined) throw new Error("a bulk request that was not admitted");
    const ctx = {
      ...base,
      log: base.log.child({ request_id: request.id, agent_id: identity.agent_id }),
      actor: agentActor(identity),
      requestId: request.id,
      remoteAddress: request.ip,
    };
    return { ctx, identity };
  };
  const isOwner = ownership();
  const hooks = { onRequest: admit, onResponse: leave, onRequestAbort: leave };

  fastify.put(
    `${BULK_PATH}/runs/:run_id/segments/:segment_seq`,
    { bodyLimit: SEGMENT_BODY_BYTES_MAX, ...hooks },
    async (request, reply) => {
      const { ctx, identity } = contextOf(request);
      const params = check(SegmentParams, request.params, "params");
      const headers = check(SegmentHeaders, request.headers, "headers");
      const body = bodyOf(request);
      if (!(await isOwner(ctx, identity, params.run_id))) throw notFound("run", params.run_id);
      const checksum = createHash("sha256").update(body).digest("hex");
      if (checksum !== headers[SHA256_HEADER])
        throw invalid(`The body does not match ${SHA256_HEADER}; it was damaged on its way. Send it again.`);
      const decoded = await decodeSegment(body);
      if (!decoded.ok) throw invalid(`The body is no segment: ${decoded.issue}.`);
      const { lines } = decoded;
      const [first, last] = [lines[0]?.seq, lines.at(-1)?.seq];
      if (first !== headers[FIRST_SEQ_HEADER] || last !== headers[LAST_SEQ_HEADER])
        throw invalid(
          `The body holds lines ${first ?? "none"} to ${last ?? "none"}, not those its headers name.`,
        );
      await storeSegment(ctx, {
        runId: params.run_id.toLowerCase(),
        segmentSeq: params.segment_seq,
        body,
        checksum,
        lines,
      });
      return reply.code(204).send();
    },
  );

  fastify.post(
    `${BULK_PATH}${tailPath(":run_id")}`,
    { bodyLimit: SEGMENT_BYTES_MAX, ...hooks },
    async (request, reply) => {
      const { ctx, identity } = contextOf(request);
      const { run_id } = check(TailParams, request.params, "params");
      const body = bodyOf(request);
      const decoded = decodeLines(body);
      if (!decoded.ok) throw invalid(`The body holds no lines: ${decoded.issue}.`);
      if (!(await isOwner(ctx, identity, run_id))) throw notFound("run", run_id);
      const newest = decoded.value.at(-1);
      if (newest !== undefined) {
        publishLines(ctx.bus, run_id.toLowerCase(), body);
        observeTail(ctx.now() - newest.atMs);
      }
      return reply.code(204).send();
    },
  );
}

/** Who a request is, judged before its body is read; and how many bodies are held at a time. */
function admission(agentHttp: AgentHttp) {
  const identities = new WeakMap<FastifyRequest, AgentIdentity>();
  const admitted = new WeakSet<FastifyRequest>();
  let count = 0;
  return {
    identities,
    async admit(request: FastifyRequest): Promise<void> {
      identities.set(request, await agentHttp.identify(request.raw));
      if (count >= UPLOADS_MAX)
        throw new AppError("unavailable", "Too many log uploads are under way. Send this one again.", {
          retryAfterSeconds: 1,
        });
      count += 1;
      admitted.add(request);
    },
    async leave(request: FastifyRequest): Promise<void> {
      // An aborted request may still be answered: it is counted out once.
      if (admitted.delete(request)) count -= 1;
    },
  };
}

/** Whether a run is an agent's. A run never changes its agent, so what was found once is remembered. */
function ownership() {
  const agentOfRun = new Map<string, string>();
  return async (ctx: Ctx, identity: AgentIdentity, runId: string): Promise<boolean> => {
    const known = agentOfRun.get(runId);
    if (known !== undefined) return known === identity.agent_id;
    if (!isUuid(runId)) return false;
    const run = await inTransaction(ctx, (ctx) => findRunLog(ctx.db, runId));
    if (run?.agent_id == null) return false;
    if (agentOfRun.size >= OWNERS_REMEMBERED_MAX) agentOfRun.clear();
    agentOfRun.set(runId, run.agent_id);
    return run.agent_id === identity.agent_id;
  };
}

function bodyOf(request: FastifyRequest): Buffer {
  if (Buffer.isBuffer(request.body)) return request.body;
  throw new AppError(
    "unsupported_media_type",
    `Send the body as ${SEGMENT_CONTENT_TYPE} or ${LINES_CONTENT_TYPE}.`,
  );
}

function check<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({
    pointer: `${where}/${issue.path.join("/")}`,
    message: issue.message,
  }));
  const [first] = fields;
  throw new AppError("invalid_input", `${first?.pointer ?? where}: ${first?.message ?? "not valid"}.`, {
    fields,
  });
}

function invalid(message: string): AppError {
  return new AppError("invalid_input", message);
}
