import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { EVIDENCE_CONTENT_TYPE, LINES_CONTENT_TYPE, SEGMENT_CONTENT_TYPE } from "@flowplane/link";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { agentActor, type AgentHttp, type AgentIdentity } from "../gateway/agent-http.ts";
import { OWNERS_REMEMBERED_MAX, UPLOADS_MAX } from "./logs/limits.ts";
import { findRunLog } from "./store.ts";

/** What every upload of an agent goes through: who it is, how many are at work, whose run it is about. */
export interface BulkDoor extends AgentHttp {
  readonly hooks: {
    readonly onRequest: (request: FastifyRequest) => Promise<void>;
    readonly onResponse: (request: FastifyRequest) => Promise<void>;
    readonly onRequestAbort: (request: FastifyRequest) => Promise<void>;
  };
  readonly contextOf: (request: FastifyRequest) => { ctx: Ctx; identity: AgentIdentity };
  readonly isOwner: (ctx: Ctx, identity: AgentIdentity, runId: string) => Promise<boolean>;
}

export function bulkDoor(agentHttp: AgentHttp): BulkDoor {
  const { base } = agentHttp;
  const { identities, admit, leave } = admission(agentHttp);
  return {
    ...agentHttp,
    hooks: { onRequest: admit, onResponse: leave, onRequestAbort: leave },
    contextOf(request) {
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
    },
    isOwner: ownership(),
  };
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
        throw new AppError("unavailable", "Too many uploads are under way. Send this one again.", {
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

export function bodyOf(request: FastifyRequest): Buffer {
  if (Buffer.isBuffer(request.body)) return request.body;
  throw new AppError(
    "unsupported_media_type",
    `Send the body as ${SEGMENT_CONTENT_TYPE}, ${LINES_CONTENT_TYPE} or ${EVIDENCE_CONTENT_TYPE}.`,
  );
}

export function check<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
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

export function invalid(message: string): AppError {
  return new AppError("invalid_input", message);
}

/** EXPIRED_HEADER: so many whole numbers. */
export function expiredNumbers(count: number) {
  return z
    .string()
    .regex(/^\d{1,16}( \d{1,16})*$/, "numbers, a space between")
    .transform((text) => text.split(" ").map(Number))
    .refine(
      (numbers) => numbers.length === count && numbers.every((number) => number <= MOMENT_MAX),
      `${count} numbers up to ${MOMENT_MAX}`,
    );
}

/** The last moment that a date can be; more lines than a run can have. */
const MOMENT_MAX = 8.64e15;
