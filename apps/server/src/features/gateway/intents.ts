import { sql } from "kysely";
import type { Intent } from "@flowplane/link";
import { newId, type Base, type Tx } from "../../platform/context.ts";
import type { Db } from "../../platform/storage/database.ts";
import { subjects } from "../../platform/bus/bus.ts";

/** Purpose under which payloads are sealed. */
export const INTENT_SECRET = "intent";

export interface NewIntent {
  readonly agent_id: string;
  readonly type: "run.start" | "run.stop" | "run.freeze" | "detection.fallback";
  readonly run_id: string | null;
  readonly payload: Record<string, unknown>;
}

/**
 * Asks an agent for something, in the transaction of the change that causes it. The gateway delivers the row
 * until the agent has stored it; the nudge after the commit only makes that soon.
 */
export async function addIntent(ctx: Tx, intent: NewIntent): Promise<string> {
  const [id = ""] = await addOrders(ctx, [intent]);
  return id;
}

/** Whether the agent was asked for this about the run before, carried out or not. */
export async function wasAsked(
  ctx: Tx,
  agentId: string,
  runId: string,
  type: NewIntent["type"],
): Promise<boolean> {
  const row = await ctx.db
    .selectFrom("intents")
    .select("id")
    .where("agent_id", "=", agentId)
    .where("run_id", "=", runId)
    .where("type", "=", type)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** As `addIntent` for several, in one statement; gives their ids in the same order. */
export async function addOrders(ctx: Tx, intents: readonly NewIntent[]): Promise<string[]> {
  if (intents.length === 0) return [];
  const rows = intents.map((intent) => ({
    id: newId(),
    organization_id: ctx.actor.organization_id,
    agent_id: intent.agent_id,
    type: intent.type,
    run_id: intent.run_id,
    payload_sealed: ctx.secrets.seal(INTENT_SECRET, JSON.stringify(intent.payload)),
    created_at: new Date(ctx.now()),
    acknowledged_at: null,
  }));
  await ctx.db.insertInto("intents").values(rows).execute();
  ctx.afterCommit(() => {
    for (const agentId of new Set(intents.map((intent) => intent.agent_id)))
      ctx.bus.publish(subjects.agentNudge(agentId), {});
  });
  return rows.map(({ id }) => id);
}

/** Asks many agents for the same, which is about no run. */
export async function addIntents(
  ctx: Tx,
  agentIds: readonly string[],
  intent: Omit<NewIntent, "agent_id" | "run_id">,
): Promise<void> {
  if (agentIds.length === 0) return;
  const payload_sealed = ctx.secrets.seal(INTENT_SECRET, JSON.stringify(intent.payload));
  await ctx.db
    .insertInto("intents")
    .values(
      agentIds.map((agent_id) => ({
        id: newId(),
        organization_id: ctx.actor.organization_id,
        agent_id,
        type: intent.type,
        run_id: null,
        payload_sealed,
        created_at: new Date(ctx.now()),
        acknowledged_at: null,
      })),
    )
    .execute();
  ctx.afterCommit(() => {
    for (const id of agentIds) ctx.bus.publish(subjects.agentNudge(id), {});
  });
}

/**
 * What an agent is still to be given, oldest first. An order to start becomes the holder's with that and is never given to another
 * one, nor to this one after its host was started anew, since it may have been carried out; other orders go to the holder of the
 * run they are about. Null: an agent that does not say which spool it has; it gets every order but the starts that were given to one
 * who does.
 */
export async function claimIntents(
  base: Base,
  agentId: string,
  spool: { readonly holder: string; readonly bootId: string | null } | null,
  limit: number,
): Promise<Intent[]> {
  const [holder, boot] = [spool?.holder ?? null, spool?.bootId ?? ""];
  const { rows } = await sql<{ id: string; type: string; payload_sealed: Buffer; created_at: Date }>`
    with open as (
      select i.id, i.type, i.holder is null as is_free, case when i.type = 'run.start' then i.holder else coalesce(
          (select r.holder from runs r where r.id = i.run_id),
          (select s.holder from intents s where s.run_id = i.run_id and s.type = 'run.start' limit 1)
        ) end as holder, i.boot_id
      from intents i where i.agent_id = ${agentId} and i.acknowledged_at is null
    ), mine as (
      select id, is_free, type from open
      where holder is null or (holder = ${holder} and (type <> 'run.start' or boot_id = ${boot})) or (${holder}::text is null and type <> 'run.start')
      order by id limit ${limit}
    ), claimed as (
      update intents i set holder = ${holder}, boot_id = ${boot} from mine
      where i.id = mine.id and mine.is_free and i.type = 'run.start' and i.holder is null and ${holder}::text is not null
      returning i.id
    )
    select i.id, i.type, i.payload_sealed, i.created_at from intents i join mine on mine.id = i.id
    where i.type <> 'run.start' or not mine.is_free or ${holder}::text is null or i.id in (select id from claimed)
    order by i.id`.execute(base.storage.system);
  return rows.map((row) => ({
    id: row.id,
    type: row.type,
    payload: JSON.parse(base.secrets.open(INTENT_SECRET, row.payload_sealed).toString("utf8")) as Record<
      string,
      unknown
    >, // written by addIntent
    created_at: row.created_at.toISOString(),
  }));
}

/** Most agents looked for at once; the next look finds the others. */
const AWAITED_MAX = 10_000;

/** Agents that have not yet confirmed everything they were asked. */
export async function findAgentsAwaited(system: Db): Promise<string[]> {
  const rows = await system
    .selectFrom("intents")
    .select("agent_id")
    .distinct()
    .where("acknowledged_at", "is", null)
    .limit(AWAITED_MAX)
    .execute();
  return rows.map(({ agent_id }) => agent_id);
}

/**
 * Takes the order to start a run back while no agent has confirmed that it stored it; its stop goes with it.
 * False when there is nothing to take back. The agent may have it all the same, if its confirmation is on the way.
 */
export async function withdrawStart(ctx: Tx, agentId: string, runId: string): Promise<boolean> {
  const remove = async (type: NewIntent["type"]) =>
    ctx.db
      .deleteFrom("intents")
      .where("agent_id", "=", agentId)
      .where("acknowledged_at", "is", null)
      .where("run_id", "=", runId)
      .where("type", "=", type)
      .returning("id")
      .execute();
  if ((await remove("run.start")).length === 0) return false;
  await remove("run.stop");
  ctx.afterCommit(() => ctx.bus.publish(subjects.agentNudge(agentId), {}));
  return true;
}

/** The runs that orders to an agent are about, by the order's id. */
export async function findIntentRuns(
  ctx: Tx,
  agentId: string,
  intentIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (intentIds.length === 0) return new Map();
  const rows = await ctx.db
    .selectFrom("intents")
    .select(["id", "run_id"])
    .where("id", "in", intentIds)
    .where("agent_id", "=", agentId)
    .execute();
  return new Map(rows.flatMap((row) => (row.run_id === null ? [] : [[row.id, row.run_id] as const])));
}

/** When each run's start was ordered of an agent that was there then; the other starts waited for their agent. */
export async function findPromptStarts(
  ctx: Tx,
  agentId: string,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, Date>> {
  if (runIds.length === 0) return new Map();
  const rows = await ctx.db
    .selectFrom("intents")
    .innerJoin("agents", "agents.id", "intents.agent_id")
    .select(["intents.run_id", "intents.created_at"])
    .where("intents.agent_id", "=", agentId)
    .where("intents.type", "=", "run.start")
    .where("intents.run_id", "in", runIds)
    .whereRef("agents.connected_at", "<=", "intents.created_at")
    .execute();
  return new Map(rows.flatMap((row) => (row.run_id === null ? [] : [[row.run_id, row.created_at] as const])));
}

/** Orders deleted by one statement. */
const CLEANED_MAX = 5_000;

/** Forgets orders that agents confirmed before a moment. */
export async function cleanIntents(base: Base, before: Date): Promise<void> {
  for (;;) {
    const { numAffectedRows } = await sql`
      delete from intents where ctid in (
        select ctid from intents where acknowledged_at < ${before} limit ${CLEANED_MAX})`.execute(
      base.storage.system,
    );
    if (Number(numAffectedRows ?? 0) < CLEANED_MAX) return;
  }
}
