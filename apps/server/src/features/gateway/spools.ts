import { createHash } from "node:crypto";
import { sql } from "kysely";
import {
  holderOf,
  judgeHello,
  PRINT_CHARS,
  printText,
  takeToken,
  type Hello,
  type LinkEvent,
  type SpoolRecord,
} from "@flowplane/link";
import { inTransaction, newId, type Ctx, type Tx } from "../../platform/context.ts";

/** Spools of one agent that are remembered, the newest ones; one that is forgotten is taken for a new one. */
const SPOOLS_MAX = 50;
/** Once another host speaks for the agent, what the former one has is waited for this long. */
export const HOLDER_AWAY_MS = 10 * 60_000;

/** The spool that speaks for an agent on a connection. */
export interface HeldSpool {
  readonly spoolId: string;
  readonly holder: string;
  readonly isCopy: boolean;
  readonly bootId: string | null;
}

/** Where events come from, for whoever applies them. */
export interface EventSource {
  /** Whose each event is; null where nobody knows. */
  readonly holderOf: (event: LinkEvent) => string | null;
  /** Other spools of the agent hold some of the same events. */
  readonly hasCopies: boolean;
}

/** Of an agent that is the only one of its name. */
export const ONLY_SOURCE: EventSource = { holderOf: () => null, hasCopies: false };

interface StoredSpool extends SpoolRecord {
  readonly eventsUpTo: number;
  /** Of the event with that number; null when there is none or it was stored before prints were. */
  readonly lastPrint: string | null;
}

/** What an event is known by in every spool that has it. */
export function printOf(event: LinkEvent): string {
  return createHash("sha256").update(printText(event)).digest("base64url").slice(0, PRINT_CHARS);
}

/** Answers a hello: the token to offer and how far the spool is stored, or null for a copy, which needs a spool of its own. */
export async function greetSpool(
  ctx: Ctx,
  agentId: string,
  hello: Hello,
): Promise<{ token: string; up_to: number; print: string | null } | null> {
  return inTransaction(ctx, async (ctx) => {
    const known = await lockSpools(ctx, agentId);
    const verdict = judgeHello(known, hello, newId());
    if (verdict.kind === "copy") return null;
    for (const record of verdict.records) await saveSpool(ctx, agentId, record, known.has(record.spoolId));
    await forgetOldSpools(ctx, agentId);
    const { eventsUpTo, lastPrint } = known.get(hello.spoolId) ?? newSpool(hello.spoolId);
    return { token: verdict.token, up_to: eventsUpTo, print: lastPrint };
  });
}

/**
 * Takes note that the agent has stored a token: from now on its spool is the one that speaks for the agent, and others are
 * waited for a while only; not at all when the agent came without what it once knew. Undefined when the token is not the last one.
 */
export async function keepToken(
  ctx: Ctx,
  agentId: string,
  spoolId: string,
  token: string,
): Promise<HeldSpool | undefined> {
  return inTransaction(ctx, async (ctx) => {
    const spool = (await lockSpools(ctx, agentId)).get(spoolId);
    const kept = spool === undefined ? null : takeToken(spool, token);
    if (kept === null) return undefined;
    await saveSpool(ctx, agentId, kept, true);
    const now = ctx.now();
    // A first token, no copy, and yet not the first spool: the records of this host are gone, and its runs with them.
    const isReinstalled = spool?.token === null && kept.copyOf === null && kept.holder === kept.spoolId;
    const from = new Date(isReinstalled ? now : now + HOLDER_AWAY_MS);
    const ofAgent = ctx.db.updateTable("agent_spools").where("agent_id", "=", agentId);
    await ofAgent.set({ given_up_at: null }).where("holder", "=", kept.holder).execute();
    await ofAgent
      .set({ given_up_at: sql<Date>`least(given_up_at, ${from})` })
      .where("holder", "<>", kept.holder)
      .execute();
    return { spoolId, holder: kept.holder, isCopy: kept.copyOf !== null, bootId: kept.bootId };
  });
}

/** How far this spool is stored, and whose its events are. Locked until the commit: one message of an agent after the other. */
export async function lockSpool(
  ctx: Tx,
  agentId: string,
  spoolId: string,
): Promise<{ eventsUpTo: number; source: EventSource }> {
  const known = await lockSpools(ctx, agentId);
  const spool = known.get(spoolId) ?? newSpool(spoolId);
  if (!known.has(spoolId)) await saveSpool(ctx, agentId, spool, false);
  // An agent that does not say which spool it has is taken for the only one.
  if (spool.token === null && spool.offered === null)
    return { eventsUpTo: spool.eventsUpTo, source: ONLY_SOURCE };
  const hasCopies = [...known.values()].some(({ copyOf }) => copyOf !== null);
  return {
    eventsUpTo: spool.eventsUpTo,
    source: { holderOf: (event) => holderOf(spool, event.seq), hasCopies },
  };
}

/** Notes how far the spool is stored: up to this event. */
export async function noteStored(ctx: Tx, agentId: string, spoolId: string, last: LinkEvent): Promise<void> {
  await ctx.db
    .updateTable("agent_spools")
    .set({ events_up_to: last.seq, last_print: printOf(last) })
    .where("agent_id", "=", agentId)
    .where("spool_id", "=", spoolId)
    .execute();
}

function newSpool(spoolId: string): StoredSpool {
  return {
    spoolId,
    holder: spoolId,
    token: null,
    offered: null,
    followedBy: null,
    copyOf: null,
    inheritedUpTo: 0,
    bootId: null,
    eventsUpTo: 0,
    lastPrint: null,
  };
}

/** All of an agent's spools. Whoever else looks at them waits, also when there are none yet. */
async function lockSpools(ctx: Tx, agentId: string): Promise<ReadonlyMap<string, StoredSpool>> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`spools of ${agentId}`}, 0))`.execute(ctx.db);
  const rows = await ctx.db
    .selectFrom("agent_spools")
    .selectAll()
    .where("agent_id", "=", agentId)
    .limit(2 * SPOOLS_MAX)
    .execute();
  return new Map(
    rows.map((row) => [
      row.spool_id,
      {
        spoolId: row.spool_id,
        holder: row.holder,
        token: row.token,
        offered: row.offered,
        followedBy: row.followed_by,
        copyOf: row.copy_of,
        inheritedUpTo: row.inherited_up_to,
        bootId: row.boot_id,
        eventsUpTo: row.events_up_to,
        lastPrint: row.last_print,
      },
    ]),
  );
}

async function saveSpool(ctx: Tx, agentId: string, spool: SpoolRecord, isKnown: boolean): Promise<void> {
  const { spoolId, holder, token, offered, followedBy, copyOf, inheritedUpTo, bootId } = spool;
  const columns = {
    holder,
    token,
    offered,
    followed_by: followedBy,
    copy_of: copyOf,
    inherited_up_to: inheritedUpTo,
    boot_id: bootId,
  };
  if (isKnown)
    await ctx.db
      .updateTable("agent_spools")
      .set(columns)
      .where("agent_id", "=", agentId)
      .where("spool_id", "=", spoolId)
      .execute();
  else
    await ctx.db
      .insertInto("agent_spools")
      .values({
        agent_id: agentId,
        organization_id: ctx.actor.organization_id,
        spool_id: spoolId,
        events_up_to: 0,
        created_at: new Date(ctx.now()),
        ...columns,
      })
      .execute();
}

async function forgetOldSpools(ctx: Tx, agentId: string): Promise<void> {
  await sql`
    delete from agent_spools where agent_id = ${agentId} and spool_id in (
      select spool_id from agent_spools where agent_id = ${agentId} order by created_at desc offset ${SPOOLS_MAX})`.execute(
    ctx.db,
  );
}
