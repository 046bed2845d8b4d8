// A rollout's agents as people look at them: a list, squares, failures by their own words.

import { sql } from "kysely";
import type { RolloutAgentState, RolloutReason } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { AgentRow } from "./agents-store.ts";

export type ShownAgentRow = AgentRow & { name: string; site_id: string };

/** Agents in the order of the waves, behind a wave and position. */
export async function listAgents(
  db: Db,
  rolloutId: string,
  page: {
    state?: RolloutAgentState | undefined;
    wave?: number | undefined;
    reasonCode?: RolloutReason | undefined;
    after: readonly [number, number] | undefined;
    limit: number;
  },
): Promise<ShownAgentRow[]> {
  let query = db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.id", "rollout_agents.agent_id")
    .selectAll("rollout_agents")
    .select(["agents.name", "agents.site_id"])
    .where("rollout_id", "=", rolloutId);
  if (page.state !== undefined) query = query.where("rollout_agents.state", "=", page.state);
  if (page.wave !== undefined) query = query.where("wave", "=", page.wave);
  if (page.reasonCode !== undefined) query = query.where("reason_code", "=", page.reasonCode);
  if (page.after !== undefined) {
    const [wave, position] = page.after;
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple("wave", "position"), ">", tuple(wave, position)),
    );
  }
  return query.orderBy("wave").orderBy("position").limit(page.limit).execute();
}

/** The states of all agents of each wave, in order, as one text a wave: one letter an agent. */
export async function readSquares(
  db: Db,
  rolloutId: string,
  letters: Readonly<Record<RolloutAgentState, string>>,
): Promise<{ wave: number; squares: string }[]> {
  const { rows } = await sql<{ wave: number; squares: string }>`select wave,
      string_agg(${JSON.stringify(letters)}::jsonb ->> state, '' order by position) as squares
    from rollout_agents where rollout_id = ${rolloutId} group by wave order by wave`.execute(db);
  return rows;
}

export interface FailureRow {
  readonly reason_code: RolloutReason;
  readonly reason: string;
  readonly agents: number;
  readonly examples: { agent_id: string; name: string }[];
}

/** A supervisor names the process that fell over; but for its number many say the same. */
const PROCESS_IDS = String.raw`(\mpid[=: ]*)\d+`;

/** Failed agents by reason and by their own words, most first. Agents given back what they had keep why they failed. */
export async function listFailures(
  db: Db,
  rolloutId: string,
  { groups, examples }: { groups: number; examples: number },
): Promise<FailureRow[]> {
  const { rows } = await sql<FailureRow>`with failed as (
      select agent_id, reason_code, regexp_replace(coalesce(reason, ''), ${PROCESS_IDS}, '\\1…', 'gi') as reason, name, wave, position
      from rollout_agents join agents on agents.id = agent_id
      where rollout_id = ${rolloutId} and reason_code is not null and rollout_agents.state in ('failed', 'reverting', 'reverted'))
    select reason_code, reason, count(*)::int as agents,
      to_jsonb((array_agg(jsonb_build_object('agent_id', agent_id, 'name', name) order by wave, position))[1:${sql.lit(examples)}]) as examples
    from failed group by reason_code, reason order by count(*) desc, reason_code, reason limit ${groups}`.execute(
    db,
  );
  return rows;
}
