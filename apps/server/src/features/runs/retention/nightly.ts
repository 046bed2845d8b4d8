import type { Retention } from "@flowplane/contract";
import { inTransaction, notify, type Base, type Ctx, type Tx } from "../../../platform/context.ts";
import { cleanIntents } from "../../gateway/intents.ts";
import { retentionOf } from "../../identity/retention.ts";
import { dropIncidents } from "../../incidents/retention.ts";
import { systemContext } from "../system-context.ts";
import { GARBAGE_KEPT_MS, ORDERS_KEPT_DAYS, ROWS_PER_BATCH, RUNS_PER_BATCH, TURN_MS_MAX } from "./limits.ts";
import { EVIDENCE, expireBeginnings, LOG, TIMELINE } from "./beginnings.ts";
import { packLog } from "./pack.ts";
import {
  dropRows,
  dropRuns,
  dropSamples,
  forgetGarbage,
  garbageBefore,
  markExpired,
  runsDue,
  runsToPack,
  type Due,
} from "./store.ts";

const DAY_MS = 24 * 3_600_000;

/** What a night did, for the log. */
export interface Kept {
  packed: number;
  logs: number;
  evidence: number;
  /** Of runs under way: segments of logs, chunks of evidence, entries of timelines. */
  segments: number;
  chunks: number;
  entries: number;
  samples: number;
  runs: number;
  incidents: number;
  objects: number;
}

/**
 * Deletes what each organization keeps no longer, packs what is no longer hot, and deletes the objects that nothing names any more.
 * In small transactions, each leaving everything whole; cut off anywhere, the next night goes on. Of runs that
 * have not ended the oldest of log, evidence and timeline goes, from the beginning.
 */
export async function keepRetention(base: Base): Promise<Kept> {
  const kept: Kept = {
    packed: 0,
    logs: 0,
    evidence: 0,
    segments: 0,
    chunks: 0,
    entries: 0,
    samples: 0,
    runs: 0,
    incidents: 0,
    objects: 0,
  };
  const isOver = turn();
  const organizations = await base.storage.system
    .selectFrom("organizations")
    .select(["id", "retention"])
    .execute();
  for (const { id, retention } of organizations) {
    const ctx = systemContext(base, id);
    try {
      await keepOrganization(ctx, retentionOf({ retention }), kept, isOver);
    } catch (error) {
      // One organization's trouble is not the others'.
      base.log.error(
        { err: error, tenant_id: id },
        "keeping what is due failed; it is tried again next night",
      );
    }
  }
  await cleanIntents(base, new Date(base.now() - ORDERS_KEPT_DAYS * DAY_MS));
  kept.objects = await collectGarbage(base);
  base.log.info({ event_type: "retention.kept", ...kept }, "what was due is deleted");
  return kept;
}

async function keepOrganization(
  ctx: Ctx,
  retention: Retention,
  kept: Kept,
  isOver: () => boolean,
): Promise<void> {
  const before = (days: number) => new Date(ctx.now() - days * DAY_MS);
  const due = (days: number): Due => ({
    plain: before(days),
    withIncidents: before(Math.max(days, retention.incident_days)),
  });
  const drain = drainUntil(isOver);
  kept.logs += await expire(ctx, "log_expired_at", due(retention.log_days), isOver);
  kept.evidence += await expire(ctx, "evidence_expired_at", due(retention.evidence_days), isOver);
  await drain(ctx, (ctx) =>
    dropRows(ctx.db, id(ctx), "log_segments", "log_expired_at", now(ctx), ROWS_PER_BATCH),
  );
  await drain(ctx, (ctx) =>
    dropRows(ctx.db, id(ctx), "evidence_chunks", "evidence_expired_at", now(ctx), ROWS_PER_BATCH),
  );
  kept.segments += await expireBeginnings(ctx, LOG, due(retention.log_days), isOver);
  kept.chunks += await expireBeginnings(ctx, EVIDENCE, due(retention.evidence_days), isOver);
  kept.entries += await expireBeginnings(ctx, TIMELINE, due(retention.run_days), isOver);
  kept.samples += await drain(ctx, (ctx) =>
    dropSamples(ctx.db, id(ctx), due(retention.samples_days), ROWS_PER_BATCH),
  );
  kept.runs += await drain(
    ctx,
    (ctx) => dropRuns(ctx.db, id(ctx), due(retention.run_days), RUNS_PER_BATCH),
    RUNS_PER_BATCH,
  );
  kept.incidents += await drain(ctx, (ctx) =>
    dropIncidents(ctx, before(retention.incident_days), ROWS_PER_BATCH),
  );
  for (;;) {
    const hot = before(retention.log_hot_days);
    const runs = await inTransaction(ctx, (ctx) => runsToPack(ctx.db, id(ctx), hot, RUNS_PER_BATCH));
    for (const runId of runs) {
      if (isOver()) return;
      kept.packed += await packLog(ctx, runId);
    }
    if (runs.length < RUNS_PER_BATCH) return;
  }
}

/** From here on nobody reads them; the rows follow. */
async function expire(
  ctx: Ctx,
  what: "log_expired_at" | "evidence_expired_at",
  due: Due,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  for (;;) {
    const runs = await inTransaction(ctx, async (ctx) => {
      const ids = await runsDue(ctx.db, id(ctx), what, due, RUNS_PER_BATCH);
      await markExpired(ctx.db, what, ids, now(ctx));
      if (what === "log_expired_at") for (const runId of ids) notify(ctx, { topic: "run", id: runId });
      return ids;
    });
    count += runs.length;
    if (runs.length < RUNS_PER_BATCH || isOver()) return count;
  }
}

/** Batch after batch, each its own transaction, until one is not full. */
function drainUntil(isOver: () => boolean) {
  return async (ctx: Ctx, batch: (ctx: Tx) => Promise<number>, size = ROWS_PER_BATCH): Promise<number> => {
    let count = 0;
    for (;;) {
      const done = await inTransaction(ctx, batch);
      count += done;
      if (done < size || isOver()) return count;
    }
  };
}

function turn(): () => boolean {
  const began = performance.now();
  return () => performance.now() - began > TURN_MS_MAX;
}

/** Objects first, then their names: cut off between, they are deleted once more, which is no error. */
export async function collectGarbage(base: Base): Promise<number> {
  const before = new Date(base.now() - GARBAGE_KEPT_MS);
  let count = 0;
  for (;;) {
    const keys = await garbageBefore(base.storage.system, before, RUNS_PER_BATCH);
    for (const key of keys) await base.objects.delete(key);
    if (keys.length > 0) await forgetGarbage(base.storage.system, keys);
    count += keys.length;
    if (keys.length < RUNS_PER_BATCH) return count;
  }
}

function id(ctx: Tx): string {
  return ctx.actor.organization_id;
}

function now(ctx: Tx): Date {
  return new Date(ctx.now());
}
