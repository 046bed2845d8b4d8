// Who else is at the same agents: rollouts that overlap, and what still uses a configuration.

import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";

/** One at a time makes rollouts in an organization, so that no two that overlap are made at once. */
export async function lockRollouts(db: Db, organizationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('rollouts'), hashtext(${organizationId}))`.execute(db);
}

export interface Overlap {
  readonly rollout_id: string;
  readonly agents: number;
}

/** Active rollouts that some of these agents are in, with how many; `before` leaves out those made after it. */
export async function listOverlaps(
  db: Db,
  agentIds: readonly string[],
  except: string | null = null,
): Promise<Overlap[]> {
  const { rows } = await sql<Overlap>`select rollout_id, count(*)::int as agents from rollout_agents
    where agent_id = any(${agentIds}::uuid[]) and state <> 'skipped'
      and rollout_id in (select id from rollouts where ended_at is null and id is distinct from ${except}::uuid)
    group by rollout_id order by rollout_id`.execute(db);
  return rows;
}

/** The first active rollout made before this one that has some of its agents. */
export async function findBefore(
  db: Db,
  rolloutId: string,
): Promise<{ id: string; agents: number } | undefined> {
  const { rows } = await sql<{ id: string; agents: number }>`select before.id, (
      select count(*)::int from rollout_agents mine join rollout_agents theirs using (agent_id)
      where mine.rollout_id = ${rolloutId} and mine.state <> 'skipped' and theirs.rollout_id = before.id and theirs.state <> 'skipped') as agents
    from rollouts before
    where before.ended_at is null and before.id < ${rolloutId}::uuid and exists (
      select from rollout_agents mine join rollout_agents theirs using (agent_id)
      where mine.rollout_id = ${rolloutId} and mine.state <> 'skipped' and theirs.rollout_id = before.id and theirs.state <> 'skipped')
    order by before.id limit 1`.execute(db);
  return rows[0];
}

/** Active rollouts of a configuration, and agents that are assigned a version of it. */
export async function countUses(
  db: Db,
  configurationId: string,
): Promise<{ rollouts: number; agents: number }> {
  const { rows } = await sql<{ rollouts: number; agents: number }>`select
    (select count(*)::int from rollouts where configuration_id = ${configurationId} and ended_at is null) as rollouts,
    (select count(*)::int from agent_assignments where configuration_id = ${configurationId}) as agents`.execute(
    db,
  );
  return rows[0] ?? { rollouts: 0, agents: 0 };
}
