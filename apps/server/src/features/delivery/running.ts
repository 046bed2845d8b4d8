import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { writeReports } from "../fleet/status.ts";
import { writeAttempts } from "./attempts.ts";

/** What an agent that fetches its configuration says it runs. `at` is ms since the epoch. */
export interface RunningReport {
  readonly agentId: string;
  readonly at: number;
  readonly version: number | null;
  /** As it was told with the content; it says more than the version does. */
  readonly hash: string | null;
}

interface News {
  agent_id: string;
  organization_id: string;
  offer_hash: string;
  at: number;
  status: "applied" | "rolled_itself_back";
  rolled_back_to: string | null;
}

/**
 * Keeps what agents of any organization say they run, and returns those of which that is news. A hash names a content. A
 * version alone does so only when the agent fetched what is assigned to it, and said another version before: after a change
 * from version 3 of one configuration to version 3 of another, "3" may be either. To be called before the versions said are
 * stored. An agent that applied its content and then names an older one went back by itself, and so did one that never names a
 * content, said the version it applied, and then says an older version.
 */
export async function noteRunning(
  system: Db,
  reports: readonly RunningReport[],
): Promise<{ agent_id: string; organization_id: string }[]> {
  const said = reports.filter(({ version, hash }) => version !== null || hash !== null);
  if (said.length === 0) return [];
  const news = await findNews(system, said);
  await writeAttempts(
    system,
    news.map((row) => ({
      agentId: row.agent_id,
      attempts: new Map([
        [
          row.offer_hash,
          {
            status: row.status,
            at: row.at,
            offeredAt: null,
            error: row.status === "applied" ? "" : "It says that it runs an older configuration again.",
            rolledBackTo: row.rolled_back_to,
          },
        ],
      ]),
    })),
  );
  // As a supervisor's own report would stand there: a content that it is given again is known to run already.
  const applied = news.filter(({ status }) => status === "applied");
  if (applied.length > 0)
    await writeReports(
      system,
      applied.map(({ agent_id: agentId, offer_hash: hash }) => ({
        agentId,
        report: { remote_config_status: { status: "applied", hash, error_message: "" } },
        session: null,
      })),
    );
  return news;
}

async function findNews(system: Db, said: readonly RunningReport[]): Promise<News[]> {
  const { rows } = await sql<News>`
    with said as (
      select * from unnest(
        ${said.map(({ agentId }) => agentId)}::uuid[], ${said.map(({ at }) => at)}::float8[],
        ${said.map(({ version }) => version)}::int[], ${said.map(({ hash }) => hash)}::text[]
      ) as s(agent_id, at, version, hash)
    )
    select t.agent_id, t.organization_id, t.offer_hash, s.at, 'applied' as status, null as rolled_back_to
    from said s
    join agent_assignments a on a.agent_id = s.agent_id
    join configuration_attempts t on t.agent_id = s.agent_id
    left join gateway_reports g on g.agent_id = s.agent_id
    left join agent_reports r on r.agent_id = s.agent_id
    where (t.status <> 'applied' or r.remote_config_status->>'hash' is distinct from t.offer_hash)
      and case when s.hash is not null then t.offer_hash = s.hash
        else t.offer_hash = a.offer_hash and t.status = 'offered' and s.version = coalesce(a.version, 0)
          and s.version is distinct from g.config_version end
    union all
    select t.agent_id, t.organization_id, t.offer_hash, s.at, 'rolled_itself_back', s.hash
    from said s
    join agent_assignments a on a.agent_id = s.agent_id
    join configuration_attempts t on t.agent_id = s.agent_id and t.offer_hash = a.offer_hash
    join configuration_attempts older on older.agent_id = s.agent_id and older.offer_hash = s.hash
    where t.status = 'applied' and s.hash <> a.offer_hash
    union all
    select t.agent_id, t.organization_id, t.offer_hash, s.at, 'rolled_itself_back', null
    from said s
    join agent_assignments a on a.agent_id = s.agent_id
    join configuration_attempts t on t.agent_id = s.agent_id and t.offer_hash = a.offer_hash
    join gateway_reports g on g.agent_id = s.agent_id and g.config_version = a.version
    where t.status = 'applied' and s.hash is null and s.version < a.version`.execute(system);
  return rows;
}
