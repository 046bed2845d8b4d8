// Agents that came after a rollout was made.

import { sql, type SqlBool } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { insertAgents } from "./agents-store.ts";
import { type RolloutRow, type ShownRolloutRow, shown } from "./store.ts";

export async function listOrganizationsWithCompleted(db: Db): Promise<string[]> {
  const { rows } = await sql<{ organization_id: string }>`select distinct organization_id from rollouts
    where state = 'completed' and (plan ->> 'include_new_agents')::boolean`.execute(db);
  return rows.map(({ organization_id }) => organization_id);
}

/** Completed rollouts that take new agents, newest first. */
export async function listForNewAgents(db: Db, limit: number): Promise<ShownRolloutRow[]> {
  return shown(db)
    .where("rollouts.state", "=", "completed")
    .where(sql<SqlBool>`(plan ->> 'include_new_agents')::boolean`)
    .where("configurations.archived_at", "is", null)
    .orderBy("rollouts.id", "desc")
    .limit(limit)
    .execute();
}

/** Of these agents, each with a rollout: those that neither it nor any later one knows. */
export async function filterUnknown(
  db: Db,
  pairs: readonly { agent_id: string; rollout_id: string }[],
): Promise<Set<string>> {
  const { rows } = await sql<{ agent_id: string }>`select pair.agent_id
    from unnest(${pairs.map(({ agent_id }) => agent_id)}::uuid[], ${pairs.map(({ rollout_id }) => rollout_id)}::uuid[]) as pair(agent_id, rollout_id)
    where not exists (
      select from rollout_agents where rollout_agents.agent_id = pair.agent_id and rollout_agents.rollout_id >= pair.rollout_id)`.execute(
    db,
  );
  return new Set(rows.map(({ agent_id }) => agent_id));
}

/** Agents that came to a rollout after it was made; they stand behind the others of its last wave. */
export async function addAgents(
  db: Db,
  { id, organization_id }: Pick<RolloutRow, "id" | "organization_id">,
  wave: number,
  agents: readonly { agent_id: string; variant: "version" | "baseline" }[],
  now: Date,
): Promise<void> {
  const last = await db
    .selectFrom("rollout_agents")
    .select(sql<number>`coalesce(max(position), -1)::int`.as("position"))
    .where("rollout_id", "=", id)
    .executeTakeFirstOrThrow();
  await insertAgents(
    db,
    id,
    organization_id,
    now,
    agents.map((agent, index) => ({
      ...agent,
      wave,
      position: last.position + 1 + index,
      state: "waiting",
      reason_code: null,
      reason: null,
    })),
  );
  await sql`update rollout_waves set agents = agents + ${agents.length} where rollout_id = ${id} and index = ${wave}`.execute(
    db,
  );
}
