import type { Db } from "../../platform/storage/database.ts";

/** Deletes what an organization's agents were at before a moment. */
export async function dropHealthChanges(system: Db, organizationId: string, before: Date): Promise<void> {
  await system
    .deleteFrom("agent_health_changes")
    .where("organization_id", "=", organizationId)
    .where("to_at", "<", before)
    .execute();
}
