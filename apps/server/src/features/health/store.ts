import { sql, type RawBuilder } from "kysely";
import type { HealthLevel } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import { HEALTH_THRESHOLDS } from "../fleet/health-score.ts";
import { levelSql, type HealthColumns } from "./levels.ts";

export interface ChangedHealth {
  readonly id: string;
  readonly organization_id: string;
}

const healthyMs = thresholdSql("healthy_ms", HEALTH_THRESHOLDS.healthyMs);
const warningMs = thresholdSql("warning_ms", HEALTH_THRESHOLDS.warningMs);
/** The first unhealthy component in an agent's tree, by its name. */
const component = sql`(select min(c.key) from jsonb_each(r.health->'components') c where c.value->'healthy' = 'false')`;

/** Agents `a` with what their level depends on beside their own columns. */
const FROM = sql`agents a
  left join agent_assignments s on s.agent_id = a.id
  left join configurations c on c.id = s.configuration_id
  left join agent_reports r on r.agent_id = a.id and a.healthy = false`;

/**
 * Writes what changed since the last sweep, and nothing else: the level and reason of each agent that has others now, and
 * for those that changed level what they were, from when to when. One pass over the fleet. Gives who changed level.
 */
export async function sweepHealth(system: Db, now: number): Promise<ChangedHealth[]> {
  const { level, reason } = levelSql(now, { healthyMs, warningMs, component });
  const at = sql`${new Date(now)}::timestamptz`;
  const { rows } = await sql<ChangedHealth & { moved: boolean }>`
    with changed as (
      select n.id, n.organization_id, n.level, n.reason, h.level as old_level, h.reason as old_reason, h.since
      from (select a.id, a.organization_id, ${level} as level, ${reason} as reason from ${FROM}) n
      left join agent_health h on h.agent_id = n.id
      where h.agent_id is null or h.level <> n.level or h.reason <> n.reason
    ), ended as (
      insert into agent_health_changes (agent_id, organization_id, from_at, to_at, level, reason)
      select id, organization_id, since, ${at}, old_level, old_reason from changed
      where old_level <> level and since < ${at}
      on conflict do nothing
    ), written as (
      insert into agent_health (agent_id, organization_id, level, reason, since)
      select id, organization_id, level, reason, ${at} from changed order by id
      on conflict (agent_id) do update set level = excluded.level, reason = excluded.reason,
        since = case when agent_health.level = excluded.level then agent_health.since else excluded.since end
    )
    select id, organization_id, old_level is distinct from level as moved from changed`.execute(system);
  return rows.filter(({ moved }) => moved);
}

export interface CurrentHealth extends HealthColumns {
  readonly healthy_ms: number;
  readonly warning_ms: number;
  readonly component: string | null;
  /** As last swept; null when it was not yet. */
  readonly level: HealthLevel | null;
  readonly since: Date | null;
  readonly created_at: Date;
}

export async function findHealth(db: Db, agentId: string): Promise<CurrentHealth | undefined> {
  const { rows } = await sql<CurrentHealth>`
    select a.revoked_at, a.disconnected_at, a.last_seen_at, a.healthy, a.health_status, a.health_at,
      a.settings_offered_at, a.created_at, ${healthyMs} as healthy_ms, ${warningMs} as warning_ms, ${component} as component,
      h.level, h.since
    from ${FROM} left join agent_health h on h.agent_id = a.id
    where a.id = ${agentId}`.execute(db);
  return rows[0];
}

export interface HealthSpan {
  readonly from_at: Date;
  readonly to_at: Date;
  readonly level: HealthLevel;
  readonly reason: string;
}

/** What an agent was at, that ended within a time or after it, oldest first. */
export async function listHealthChanges(
  db: Db,
  agentId: string,
  from: Date,
  to: Date,
  limit: number,
): Promise<HealthSpan[]> {
  const rows = await db
    .selectFrom("agent_health_changes")
    .select(["from_at", "to_at", "level", "reason"])
    .where("agent_id", "=", agentId)
    .where("to_at", ">", from)
    .where("from_at", "<", to)
    .orderBy("from_at", "desc")
    .limit(limit)
    .execute();
  return rows.toReversed();
}

function thresholdSql(name: string, standard: number): RawBuilder<unknown> {
  return sql`coalesce((c.health_thresholds->>${sql.lit(name)})::float8, ${sql.lit(standard)})`;
}
