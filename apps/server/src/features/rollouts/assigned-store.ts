// What agents are assigned now, as the delivery keeps it.

import { sql, type SqlBool } from "kysely";
import type { Db } from "../../platform/storage/database.ts";

export interface Assigned {
  readonly configuration_id: string | null;
  readonly version: number | null;
  readonly rollout_id: string | null;
  readonly offer_hash: string;
  /** The agent said that it runs this content. */
  readonly is_applied: boolean;
}

/** What agents are assigned now, read from where the delivery keeps it. */
export async function readAssigned(db: Db, agentIds: readonly string[]): Promise<Map<string, Assigned>> {
  const rows = await db
    .selectFrom("agent_assignments")
    .leftJoin("configuration_attempts", (join) =>
      join
        .onRef("configuration_attempts.agent_id", "=", "agent_assignments.agent_id")
        .onRef("configuration_attempts.offer_hash", "=", "agent_assignments.offer_hash"),
    )
    .select([
      "agent_assignments.agent_id",
      "agent_assignments.configuration_id",
      "agent_assignments.version",
      "agent_assignments.rollout_id",
      "agent_assignments.offer_hash",
      sql<boolean>`coalesce(configuration_attempts.status = 'applied', false)`.as("is_applied"),
    ])
    .where(sql<SqlBool>`agent_assignments.agent_id = any(${agentIds}::uuid[])`)
    .execute();
  return new Map(rows.map(({ agent_id, ...assigned }) => [agent_id, assigned]));
}
