import { replayRefusal, type PolicyDocument, type ReplayResult } from "@flowplane/contract";
import { refusedReport, type Policy, type ReplayReport } from "@flowplane/detection";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { AppError, notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { resolvePolicy } from "../../policies/resolve.ts";
import { REPLAYS_MAX, REPLAYS_WAITING_MAX } from "./limits.ts";
import { startReplayThread, type ReplayThread } from "./replay-thread.ts";
import { storedChunks, storedSegments } from "./source.ts";
import { findEvidenceRun, type EvidenceRun } from "./store.ts";

/** Repeats the decisions of one run from what is stored; under another policy, what it would have done. */
export async function replayRun(
  ctx: Ctx,
  runId: string,
  input: {
    policy?: { policy_id: string; version?: number | undefined } | undefined;
    policy_document?: PolicyDocument | undefined;
  },
): Promise<ReplayResult> {
  if (input.policy !== undefined && input.policy_document !== undefined)
    throw new AppError("invalid_input", "Name a policy, or give a document; not both.", {
      fields: [{ pointer: "/policy_document", message: "not beside policy" }],
    });
  const policy = await inTransaction(ctx, async (ctx) =>
    input.policy === undefined ? input.policy_document : (await resolvePolicy(ctx, input.policy)).document,
  );
  return withThread(async (thread) => resultOf(runId, await replayOn(ctx, thread, runId, policy)));
}

/** One replay on a thread that is there already. Throws `not_found` for a run of nobody. */
export async function replayOn(
  ctx: Ctx,
  thread: ReplayThread,
  runId: string,
  policy: Policy | undefined,
): Promise<ReplayReport> {
  const run = isUuid(runId) ? await inTransaction(ctx, (ctx) => findEvidenceRun(ctx.db, runId)) : undefined;
  if (run === undefined) throw notFound("run", runId);
  const refusal = refusalOf(run);
  if (refusal !== null) return refusedReport(refusal);
  const source = { chunks: storedChunks(ctx, run), segments: storedSegments(ctx, run) };
  const report = await thread.replay(source, policy);
  if (run.log_expired_at === null || report.problem === null) return report;
  return { ...report, problem: `${report.problem} The log was deleted when its time was over.` };
}

/**
 * Why decisions cannot be repeated of which the beginning has expired; null when they can. Each follows from the detector's state, and
 * that from every line and measurement before: what is left would give others, or equal ones by chance.
 */
export function refusalOf(run: EvidenceRun): string | null {
  // What is gone as a whole is told where it is missed.
  const isAllGone = run.evidence_expired_at !== null;
  if (isAllGone) return null;
  return replayRefusal(
    {
      expired: run.log_expired_at !== null,
      first_seq: run.log_expired_seq + 1,
      expired_until: run.log_expired_until,
    },
    { expiredChunk: run.evidence_expired_chunk, expiredUntil: run.evidence_expired_until },
  );
}

let running = 0;
const waiting: (() => void)[] = [];

/** A few at a time: each takes a core. */
async function withThread<T>(work: (thread: ReplayThread) => Promise<T>): Promise<T> {
  if (running >= REPLAYS_MAX) {
    if (waiting.length >= REPLAYS_WAITING_MAX)
      throw new AppError("unavailable", "Too many replays are waiting. Ask again in a moment.", {
        retryAfterSeconds: 5,
      });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  const thread = startReplayThread();
  try {
    return await work(thread);
  } finally {
    await thread.close();
    // Its place goes to the next in line, or is free.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/** The last moment that a date can be. */
const TIME_MAX = 8.64e15;

function resultOf(runId: string, report: ReplayReport): ReplayResult {
  return {
    run_id: runId,
    equal: report.equal,
    intact: report.intact,
    problem: report.problem,
    events: report.events,
    decisions: report.decisions.map(
      ({ at, line, kind, category, score, action, outcome, recorded, replayed }) => ({
        at: new Date(Math.min(Math.max(at, 0), TIME_MAX)).toISOString(),
        line,
        kind,
        category,
        score,
        action,
        outcome,
        recorded,
        replayed,
      }),
    ),
    sentence: report.sentence,
  };
}
