// Which agents of a rollout can be reached, and which of those that were away are back.

import { sql, type SqlBool } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { stateSql } from "../fleet/state.ts";
import type { WaitingRow } from "./agents-store.ts";
import type { Look } from "./looks.ts";

/** Which of these agents can be reached now, and how they are. */
export async function readPresence(
  db: Db,
  agentIds: readonly string[],
  now: number,
): Promise<Map<string, { isReachable: boolean; healthy: boolean | null }>> {
  const rows = await db
    .selectFrom("agents")
    .select(["id", "healthy", isReachable(now).as("is_reachable")])
    .where(sql<SqlBool>`id = any(${agentIds}::uuid[])`)
    .execute();
  return new Map(rows.map(({ id, is_reachable, healthy }) => [id, { isReachable: is_reachable, healthy }]));
}

function isReachable(now: number) {
  return sql<boolean>`(${stateSql(now)}) in ('connected', 'stale')`;
}

/**
 * Agents that could not be reached and can be now; `is_assigned` are those that have been given the version meanwhile, and alone
 * asked for with `onlyAssigned`. It costs what has connected since, by the index on `connected_at`; among all it costs every agent that is
 * away, and finds those whose connection was written late, and those that poll and were merely silent.
 */
export async function listReturned(
  db: Db,
  rolloutId: string,
  { since }: Look,
  { now, limit, onlyAssigned }: { now: number; limit: number; onlyAssigned: boolean },
): Promise<{ agent_id: string; wave: number; is_assigned: boolean }[]> {
  return db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.id", "rollout_agents.agent_id")
    .select([
      "rollout_agents.agent_id",
      "rollout_agents.wave",
      sql<boolean>`rollout_agents.assigned_at is not null`.as("is_assigned"),
    ])
    .where("rollout_id", "=", rolloutId)
    .where("rollout_agents.state", "=", "unreachable")
    .where("rollout_agents.state", "in", ["offered", "applying", "soaking", "unreachable", "reverting"])
    .where(isReachable(now))
    .$if(since !== null, (query) => query.where("agents.connected_at", ">=", since))
    .$if(onlyAssigned, (query) => query.where("rollout_agents.assigned_at", "is not", null))
    .limit(limit)
    .execute();
}

/** Agents that could not be reached and were not given anything. */
export async function listAway(db: Db, rolloutId: string, limit: number): Promise<WaitingRow[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["agent_id", "wave", "variant", "attempts"])
    .where("rollout_id", "=", rolloutId)
    .where("state", "=", "unreachable")
    .where("state", "in", ["offered", "applying", "soaking", "unreachable", "reverting"])
    .where("assigned_at", "is", null)
    .limit(limit)
    .execute();
}
