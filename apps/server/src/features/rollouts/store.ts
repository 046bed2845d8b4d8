// Rollouts and their waves.

import { sql, type Insertable, type Selectable, type SqlBool, type Updateable } from "kysely";
import type { RolloutCounts, RolloutState } from "@flowplane/contract";
import type { WaveChange } from "@flowplane/rollouts";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { type NewRolloutAgent, insertAgents } from "./agents-store.ts";

export type RolloutRow = Selectable<Database["rollouts"]>;

export type ShownRolloutRow = RolloutRow & { configuration_name: string };

export type WaveRow = Selectable<Database["rollout_waves"]>;

/** A rollout with its waves and agents, in three statements. */
export async function insertRollout(
  db: Db,
  rollout: Insertable<Database["rollouts"]>,
  waves: readonly Insertable<Database["rollout_waves"]>[],
  agents: readonly NewRolloutAgent[],
  now: Date,
): Promise<void> {
  await db.insertInto("rollouts").values(rollout).execute();
  if (waves.length > 0) await db.insertInto("rollout_waves").values(waves).execute();
  await insertAgents(db, rollout.id, rollout.organization_id, now, agents);
}

export function shown(db: Db) {
  return db
    .selectFrom("rollouts")
    .innerJoin("configurations", "configurations.id", "rollouts.configuration_id")
    .selectAll("rollouts")
    .select("configurations.name as configuration_name");
}

export async function findRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).executeTakeFirst();
}

/** Locked until the transaction ends; a person waits for the worker's step. */
export async function lockRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).forUpdate("rollouts").executeTakeFirst();
}

/** Locked, or undefined when another worker is at it. */
export async function lockFreeRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).forUpdate("rollouts").skipLocked().executeTakeFirst();
}

/** Of all organizations, oldest first: who waits in a queue finds those before it already moved on. */
export async function listActiveRollouts(
  db: Db,
  limit: number,
): Promise<{ id: string; organization_id: string }[]> {
  return db
    .selectFrom("rollouts")
    .select(["id", "organization_id"])
    .where("ended_at", "is", null)
    .orderBy("created_at")
    .limit(limit)
    .execute();
}

export async function countActiveRollouts(db: Db): Promise<number> {
  const row = await db
    .selectFrom("rollouts")
    .select(sql<number>`count(*)::int`.as("count"))
    .where("ended_at", "is", null)
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function updateRollout(
  db: Db,
  id: string,
  patch: Updateable<Database["rollouts"]>,
): Promise<void> {
  await db.updateTable("rollouts").set(patch).where("id", "=", id).execute();
}

export interface RolloutPage {
  readonly state?: RolloutState | undefined;
  readonly configurationId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

/** Newest first: ids are ordered by time. */
export async function listRollouts(db: Db, page: RolloutPage): Promise<ShownRolloutRow[]> {
  let query = shown(db);
  if (page.state !== undefined) query = query.where("rollouts.state", "=", page.state);
  if (page.configurationId !== undefined)
    query = query.where("rollouts.configuration_id", "=", page.configurationId);
  if (page.agentId !== undefined)
    query = query.where(
      sql<SqlBool>`exists (select from rollout_agents where rollout_id = rollouts.id and agent_id = ${page.agentId})`,
    );
  if (page.after !== undefined) query = query.where("rollouts.id", "<", page.after);
  return query.orderBy("rollouts.id", "desc").limit(page.limit).execute();
}

export async function listWaves(db: Db, rolloutIds: readonly string[]): Promise<WaveRow[]> {
  if (rolloutIds.length === 0) return [];
  return db
    .selectFrom("rollout_waves")
    .selectAll()
    .where("rollout_id", "in", rolloutIds)
    .orderBy("rollout_id")
    .orderBy("index")
    .execute();
}

export async function setWaves(
  db: Db,
  rolloutId: string,
  waves: readonly { index: number; counts: RolloutCounts }[],
): Promise<void> {
  await sql`update rollout_waves set counts = changed.counts
    from unnest(${waves.map(({ index }) => index)}::int[], ${waves.map(({ counts }) => JSON.stringify(counts))}::jsonb[]) as changed(index, counts)
    where rollout_id = ${rolloutId} and rollout_waves.index = changed.index`.execute(db);
}

export async function changeWave(
  db: Db,
  rolloutId: string,
  { index, state }: WaveChange,
  now: Date,
): Promise<void> {
  await sql`update rollout_waves set state = ${state},
      started_at = case when ${state} = 'running' then coalesce(started_at, ${now}) else started_at end,
      ended_at = case when ${state} in ('passed', 'failed') then ${now}::timestamptz end
    where rollout_id = ${rolloutId} and index = ${index}`.execute(db);
}
