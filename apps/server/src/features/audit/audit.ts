import type { AuditEvent, AuditVerdict } from "@flowplane/contract";
import { actorRef, inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { readTraceparent } from "../../platform/traces/traceparent.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { countChange } from "../figures/changes.ts";
import { CHAIN_START, follow, hashOf, type ChainedEvent, type ChainLink } from "./chain.ts";
import {
  appendEvents,
  eventsAfter,
  eventsBefore,
  findEnds,
  lockHead,
  type AuditRow,
  type NewLink,
} from "./store.ts";

/** Rows read at a time by what goes through the whole chain. */
const BATCH_ROWS = 1_000;

export interface NewAuditEvent {
  /** What was done, `NOUN.VERB`: `run.stop`. */
  readonly action: string;
  readonly target_type: string;
  readonly target_id: string;
  readonly reason?: string | null;
  /** Small and without secrets. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Whose request an event is of, where one transaction serves several. */
type Asker = Pick<Ctx, "requestId" | "remoteAddress">;

/**
 * Writes down who did what, in the transaction of the change. The event is added as its last statements, because the
 * organization's chain is locked from there to the commit.
 */
export function record(ctx: Tx, event: NewAuditEvent): void {
  recordAll(ctx, [event]);
}

/** As `record`, for what many asked for and one transaction does: in their order, by as few statements as for one. */
export function recordAll(ctx: Tx, events: readonly (NewAuditEvent & Partial<Asker>)[]): void {
  if (events.length === 0) return;
  const at = timestamp(new Date(ctx.now()));
  const traceId = readTraceparent(ctx.traceparent)?.traceId;
  // As the database will give it back: what JSON cannot hold must not be hashed either.
  const metadata = events.map(
    (event) =>
      JSON.parse(
        JSON.stringify({ ...event.metadata, ...(traceId === undefined ? {} : { trace_id: traceId }) }),
      ) as Record<string, unknown>,
  );
  ctx.afterCommit(() => {
    for (const { action } of events) countChange(ctx.actor.type, action);
  });
  ctx.beforeCommit(async () => {
    let head = await lockHead(ctx.db, ctx.actor.organization_id);
    const links = events.map((event, index): NewLink => {
      const chained: ChainedEvent = {
        organization_id: ctx.actor.organization_id,
        seq: head.seq + 1,
        at,
        actor: actorRef(ctx.actor),
        action: event.action,
        target_type: event.target_type,
        target_id: event.target_id,
        reason: event.reason ?? null,
        request_id: event.requestId ?? ctx.requestId,
        remote_address: event.remoteAddress === undefined ? ctx.remoteAddress : event.remoteAddress,
        metadata: metadata[index] ?? {},
      };
      const link = { event: chained, previousHash: head.hash, hash: hashOf(head.hash, chained) };
      head = { seq: chained.seq, hash: link.hash };
      return link;
    });
    await appendEvents(ctx.db, links);
    notify(ctx, { topic: "audit", id: String(head.seq) });
  });
}

export async function listAuditEvents(
  ctx: Ctx,
  query: {
    cursor?: string | undefined;
    limit: number;
    action?: string | undefined;
    actor_id?: string | undefined;
    target_id?: string | undefined;
  },
) {
  const before = readCursor(query.cursor, 1)?.[0];
  if (before !== undefined && !Number.isSafeInteger(before))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return inTransaction(ctx, async (ctx) => {
    const rows = await eventsBefore(ctx.db, before as number | undefined, query, query.limit + 1);
    return pageOf(rows, query.limit, (row) => [row.seq], auditEventOf);
  });
}

/**
 * Goes through the organization's whole chain. It finds an event that was edited, removed, moved or slipped in, at the
 * end too. Only somebody who rewrites every later event and the head goes unseen, and then the head kept elsewhere differs.
 */
export async function verifyChain(ctx: Ctx): Promise<AuditVerdict> {
  const { head, newest_seq } = await inTransaction(ctx, (ctx) => findEnds(ctx.db, ctx.actor.organization_id));
  const verdict = (link: ChainLink, problem: AuditVerdict["problem"]): AuditVerdict => ({
    intact: problem === null,
    checked: link.seq,
    head: head?.hash ?? CHAIN_START.hash,
    problem,
  });
  if (head === undefined || head.seq === 0)
    return verdict(CHAIN_START, {
      seq: 1,
      what: "every event is missing: the first one is the organization's creation",
    });

  let link: ChainLink = CHAIN_START;
  while (link.seq < head.seq) {
    const from = link.seq;
    const rows = await inTransaction(ctx, (ctx) =>
      eventsAfter(ctx.db, from, Math.min(BATCH_ROWS, head.seq - from)),
    );
    for (const row of rows) {
      const next = follow(link, chainedOf(row));
      if ("what" in next) return verdict(link, next);
      link = next;
    }
    if (rows.length === 0)
      return verdict(link, { seq: link.seq + 1, what: `event ${link.seq + 1} is missing` });
  }
  if (link.hash !== head.hash)
    return verdict(link, { seq: link.seq, what: `event ${link.seq} is not the one the chain's head names` });
  if (newest_seq > head.seq)
    return verdict(link, {
      seq: head.seq + 1,
      what: `event ${head.seq + 1} was added behind the chain's head`,
    });
  return verdict(link, null);
}

/** All events, oldest first, in batches. */
export async function* exportAuditEvents(ctx: Ctx): AsyncGenerator<AuditEvent[]> {
  let seq = 0;
  for (;;) {
    const from = seq;
    const rows = await inTransaction(ctx, (ctx) => eventsAfter(ctx.db, from, BATCH_ROWS));
    if (rows.length > 0) yield rows.map(auditEventOf);
    seq = rows.at(-1)?.seq ?? seq;
    if (rows.length < BATCH_ROWS) return;
  }
}

function chainedOf(row: AuditRow): ChainedEvent & { previous_hash: string; hash: string } {
  return { ...auditEventOf(row), organization_id: row.organization_id };
}

function auditEventOf(row: AuditRow): AuditEvent {
  const { organization_id: _organizationId, ...event } = row;
  return { ...event, at: timestamp(row.at) };
}
