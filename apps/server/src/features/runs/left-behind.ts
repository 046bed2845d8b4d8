import { sql, type RawBuilder } from "kysely";
import type { Base, Tx } from "../../platform/context.ts";
import { RECONCILE_RUNS_MAX } from "./limits.ts";

// Active runs that nobody will report about, although their agent is there: it is another host, or another data folder, than
// the one that has the run or was given the order to start it (see packages/link/src/tenure.ts).

type Found = { id: string; organization_id: string };

export async function findLeftBehind(base: Base, now: number): Promise<Found[]> {
  const { rows } = await query(sql`limit ${RECONCILE_RUNS_MAX}`, sql`true`, new Date(now)).execute(
    base.storage.system,
  );
  return rows;
}

export async function isLeftBehind(ctx: Tx, runId: string): Promise<boolean> {
  const only = sql`r.id = ${runId}`;
  const { rows } = await query(sql`limit 1`, only, new Date(ctx.now())).execute(ctx.db);
  return rows.length > 0;
}

/**
 * Of holders that are given up, and orders that were on the way when their host was started anew: those are not sent again,
 * and neither do they come to anything unless the agent had stored them.
 */
function query(limit: RawBuilder<unknown>, only: RawBuilder<unknown>, now: Date) {
  return sql<Found>`
    select r.id, r.organization_id
    from agent_spools s join runs r on r.agent_id = s.agent_id
      left join intents i on i.run_id = r.id and i.type = 'run.start'
    where s.given_up_at <= ${now} and r.state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING')
      and s.holder = coalesce(r.holder, i.holder) and ${only}
    union
    select r.id, r.organization_id
    from intents i join runs r on r.id = i.run_id
      join agent_spools s on s.agent_id = i.agent_id and s.holder = i.holder
    where i.type = 'run.start' and i.acknowledged_at is null and i.boot_id <> s.boot_id
      and s.followed_by is null and r.state = 'QUEUED' and ${only}
    ${limit}`;
}
