import { sql } from "kysely";
import { every, type Task } from "@flowplane/runtime";
import { duration, type PolicyDocument } from "@flowplane/contract";
import { inTransaction, notify, timestamp, type Base, type Tx } from "../../platform/context.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { record } from "../audit/audit.ts";
import { addIntents } from "../gateway/intents.ts";
import { lockSiteFallback, setSiteFallback } from "../identity/detection-fallback.ts";
import { DEFAULT_DOCUMENT } from "../policies/default.ts";
import { documentOf } from "../policies/resolve.ts";
import { systemContext } from "../runs/system-context.ts";
import { GUARD_AGENTS_MAX, GUARD_EVERY_MS } from "./limits.ts";

/** The run that was touched, and by which policy. */
interface TouchedRun {
  readonly site_id: string;
  readonly policy_id: string | null;
  readonly policy_version: number | null;
  readonly policy_document: PolicyDocument | null;
}

/**
 * Counts an intervention just made. More of them in the site than its policy allows within the window, and every policy there
 * acts as in shadow for a while: many runs going wrong at once is more often one cause outside of them, or a detector that is
 * wrong, than many pathologies. Times are those of the interventions, so that what an agent tells late is not taken for a storm.
 */
export async function countIntervention(ctx: Tx, run: TouchedRun, at: Date): Promise<void> {
  const limit = ((await documentOf(ctx, run)) ?? DEFAULT_DOCUMENT).rate_limit;
  const site = await lockSiteFallback(ctx, run.site_id);
  if (site === undefined) return;
  const from = new Date(at.getTime() - limit.window_ms);
  const count = await countSince(ctx, run.site_id, from, at);
  if (count <= limit.interventions_max) return;
  const now = new Date(ctx.now());
  const until = new Date(at.getTime() + limit.fallback_ms);
  if (until <= now || (site.detection_fallback_until ?? now) >= until) return;
  const reason = reasonOf(count, limit);
  const isNew = site.detection_fallback_until === null || site.detection_fallback_until <= now;
  await setSiteFallback(ctx, run.site_id, { until, since: now, reason });
  await tellAgents(ctx, run.site_id, { until: timestamp(until), reason });
  notify(ctx, { topic: "site", id: run.site_id });
  if (isNew)
    record(
      { ...ctx, actor: systemActor(ctx.actor.organization_id) },
      {
        action: "detection.fallback",
        target_type: "site",
        target_id: run.site_id,
        reason,
        metadata: { name: site.name, until: timestamp(until), interventions: count },
      },
    );
}

function reasonOf(count: number, limit: PolicyDocument["rate_limit"]): string {
  return `${count} interventions within ${duration(limit.window_ms)}, more than the ${limit.interventions_max} that are allowed; nothing is touched for ${duration(limit.fallback_ms)}`;
}

/** Interventions that touched a run of the site in a stretch of time, its end included. */
async function countSince(ctx: Tx, siteId: string, from: Date, to: Date): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from incidents, jsonb_array_elements(interventions) as made
    where site_id = ${siteId} and intervened_at > ${from}
      and made->>'action' <> 'notify' and made->>'outcome' = 'done'
      and (made->>'at')::timestamptz > ${from} and (made->>'at')::timestamptz <= ${to}`.execute(ctx.db);
  return rows[0]?.count ?? 0;
}

/** The guard's fall back is over before its time: every agent of the site is told. The site's own row is the caller's. */
export async function tellFallbackEnded(ctx: Tx, siteId: string, reason: string): Promise<void> {
  await tellAgents(ctx, siteId, { until: null, reason });
}

async function tellAgents(
  ctx: Tx,
  siteId: string,
  payload: { until: string | null; reason: string },
): Promise<void> {
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const rows = await ctx.db
      .selectFrom("agents")
      .select("id")
      .where("site_id", "=", siteId)
      .where("kind", "=", "site")
      .where("revoked_at", "is", null)
      .where("id", ">", after)
      .orderBy("id")
      .limit(GUARD_AGENTS_MAX)
      .execute();
    const ids = rows.map(({ id }) => id);
    await addIntents(ctx, ids, { type: "detection.fallback", payload });
    if (ids.length < GUARD_AGENTS_MAX) return;
    after = ids.at(-1) ?? after;
  }
}

/** The worker's task: agents that came to a site after it fell back are told, too. */
export function guardNews(base: Base): Task {
  return {
    name: "guard of interventions",
    run: (signal) =>
      every(GUARD_EVERY_MS, signal, async () => {
        try {
          await tellNewAgents(base);
        } catch (error) {
          base.log.error({ err: error }, "telling agents of their site's fall back failed");
        }
      }),
  };
}

/** Idempotent: who was told since the site fell back is left out. Gives the number of agents told. */
export async function tellNewAgents(base: Base): Promise<number> {
  const { rows } = await sql<{
    agent_id: string;
    organization_id: string;
    until: Date;
    reason: string;
  }>`
    select agents.id as agent_id, agents.organization_id, detection_fallback_until as until,
      detection_fallback_reason as reason
    from sites join agents on agents.site_id = sites.id
    where detection_fallback_until > ${new Date(base.now())} and agents.kind = 'site' and agents.revoked_at is null
      and not exists (select from intents where intents.agent_id = agents.id
        and intents.type = 'detection.fallback' and intents.created_at >= sites.detection_fallback_since)
    limit ${GUARD_AGENTS_MAX}`.execute(base.storage.system);
  for (const row of rows)
    await inTransaction(systemContext(base, row.organization_id), (ctx) =>
      addIntents(ctx, [row.agent_id], {
        type: "detection.fallback",
        payload: { until: timestamp(row.until), reason: row.reason },
      }),
    );
  return rows.length;
}
