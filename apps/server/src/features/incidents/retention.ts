import { sql } from "kysely";
import type { Tx } from "../../platform/context.ts";

/** Deletes closed incidents that were opened before a moment, at most so many; their runs may be kept longer. */
export async function dropIncidents(ctx: Tx, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from incidents where ctid in (
      select ctid from incidents where organization_id = ${ctx.actor.organization_id}
        and state = 'closed' and opened_at < ${before} limit ${limit})`.execute(ctx.db);
  return Number(numAffectedRows ?? 0);
}
