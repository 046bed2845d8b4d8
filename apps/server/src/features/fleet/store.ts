import { sql, type ExpressionBuilder, type RawBuilder, type Selectable, type SqlBool } from "kysely";
import type { AgentState, DeliveryState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { containing } from "../../platform/storage/names.ts";
import { deliveryStateSql } from "../delivery/state.ts";
import type { AgentQuery } from "./query.ts";
import { stateSql } from "./state.ts";

export type AgentRow = Selectable<Database["agents"]>;
export type ReportRow = Selectable<Database["agent_reports"]>;
export type CertificateRow = Selectable<Database["agent_certificates"]>;

export type AgentSort = "name" | "last_seen_at" | "created_at" | "version" | "state";

export interface AgentFilter {
  readonly query: AgentQuery;
  readonly kind?: string | undefined;
  readonly state?: AgentState | undefined;
  readonly siteId?: string | undefined;
}

export interface AgentPage {
  readonly filter: AgentFilter;
  readonly sort: AgentSort;
  readonly order: "asc" | "desc";
  /** Sort value and id of the last row of the page before. */
  readonly after: readonly [string | number, string] | undefined;
  readonly limit: number;
}

/** `limit + 1` rows, so that the caller knows whether there are more; `sort_value` is what the cursor holds. */
export async function listAgents(
  db: Db,
  page: AgentPage,
  now: number,
): Promise<(AgentRow & { sort_value: string | number })[]> {
  const { value: sortValue, type } = sortSql(page.sort, now);
  const direction = sql.raw(page.order);
  let select = db
    .selectFrom("agents")
    .selectAll("agents")
    .select(sql<string | number>`${sortValue}`.as("sort_value"))
    .where((eb) => matching(eb, page.filter, now));
  if (page.after !== undefined) {
    const [value, id] = page.after;
    const comparison = sql.raw(page.order === "asc" ? ">" : "<");
    select = select.where(
      sql<SqlBool>`(${sortValue}, agents.id) ${comparison} (${value}::${sql.raw(type)}, ${id}::uuid)`,
    );
  }
  return select
    .orderBy(sql`${sortValue} ${direction}`)
    .orderBy("agents.id", page.order)
    .limit(page.limit + 1)
    .execute();
}

export interface AssignedRow {
  readonly agent_id: string;
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly state: DeliveryState;
}

/** Which version of which configuration these agents are assigned, and how far it has come; none for those without. */
export async function listAssigned(db: Db, agentIds: readonly string[]): Promise<AssignedRow[]> {
  return db
    .selectFrom("agent_assignments as x")
    .innerJoin("configurations as c", "c.id", "x.configuration_id")
    .leftJoin("configuration_attempts as t", (join) =>
      join.onRef("t.agent_id", "=", "x.agent_id").onRef("t.offer_hash", "=", "x.offer_hash"),
    )
    .select(["x.agent_id", "c.id", "c.name", "x.version", deliveryStateSql("x", "t").as("state")])
    .where(sql<SqlBool>`x.agent_id = any(${agentIds}::uuid[])`)
    .where("x.version", "is not", null)
    .$narrowType<{ version: number }>()
    .execute();
}

export async function countAgents(db: Db, filter: AgentFilter, now: number): Promise<number> {
  const row = await db
    .selectFrom("agents")
    .select(sql<number>`count(*)::int`.as("count"))
    .where((eb) => matching(eb, filter, now))
    .executeTakeFirstOrThrow();
  return row.count;
}

/** The ids of matching agents, to be used inside another statement. */
export function matchingIds(db: Db, filter: AgentFilter, now: number) {
  return db
    .selectFrom("agents")
    .select("agents.id")
    .where((eb) => matching(eb, filter, now));
}

/** Counts by every facet in one pass over the matching agents. */
export function countFacets(db: Db, filter: AgentFilter, now: number) {
  return facetCounts(db, filter, now).execute();
}

/**
 * Level and configuration of an agent are looked up by its id, one by one. Joined, they would be at the mercy of what the planner
 * believes: of tables that have just been filled it believes too little, and compares every row of one with every row of the other.
 */
export function facetCounts(db: Db, filter: AgentFilter, now: number) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom("agents")
        .innerJoin("sites", "sites.id", "agents.site_id")
        .select([
          sql<string | null>`(select level from agent_health where agent_health.agent_id = agents.id)`.as(
            "health_level",
          ),
          stateSql(now).as("state"),
          "agents.kind",
          "sites.name as site",
          "agents.version",
          "agents.os",
          sql<
            string | null
          >`(select c.name from agent_assignments x join configurations c on c.id = x.configuration_id
            where x.agent_id = agents.id)`.as("configuration"),
        ])
        .where((eb) => matching(eb, filter, now))
        .as("matched"),
    )
    .select([
      sql<number>`grouping(state, kind, site, version, os, health_level, configuration)::int`.as("facet"),
      sql<AgentState | null>`state`.as("state"),
      "kind",
      "site",
      "version",
      "os",
      "health_level",
      "configuration",
      sql<number>`count(*)::int`.as("count"),
    ])
    .groupBy(sql`grouping sets ((state), (kind), (site), (version), (os), (health_level), (configuration))`);
}

/** Agents by the set of components they report; agents that report none are counted together. */
export async function countComponentSets(db: Db, filter: AgentFilter, now: number) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom("agents")
        .select([
          sql<Buffer | null>`(select available_components_hash from agent_reports where agent_id = agents.id)`.as(
            "hash",
          ),
          sql<number>`count(*)::int`.as("agents"),
        ])
        .where((eb) => matching(eb, filter, now))
        .groupBy("hash")
        .as("sets"),
    )
    .leftJoin("available_components", "available_components.hash", "sets.hash")
    .select(["sets.agents", "available_components.components"])
    .execute();
}

/** Agents by the set of components they report. */
export async function listComponentSets(
  db: Db,
  agentIds: readonly string[],
): Promise<{ components: Record<string, unknown>; agent_ids: string[] }[]> {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom("agent_reports")
        .select([
          "organization_id",
          "available_components_hash as hash",
          sql<string[]>`array_agg(agent_id::text)`.as("agent_ids"),
        ])
        .where(sql<SqlBool>`agent_id = any(${agentIds}::uuid[])`)
        .where("available_components_hash", "is not", null)
        .groupBy(["organization_id", "available_components_hash"])
        .as("sets"),
    )
    .innerJoin("available_components", (join) =>
      join
        .onRef("available_components.organization_id", "=", "sets.organization_id")
        .onRef("available_components.hash", "=", "sets.hash"),
    )
    .select(["available_components.components", "sets.agent_ids"])
    .execute();
}

export async function findAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findAgentForUpdate(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function findReport(db: Db, agentId: string): Promise<ReportRow | undefined> {
  return db.selectFrom("agent_reports").selectAll().where("agent_id", "=", agentId).executeTakeFirst();
}

export const CERTIFICATES_SHOWN_MAX = 20;

export async function listCertificates(db: Db, agentId: string): Promise<CertificateRow[]> {
  return db
    .selectFrom("agent_certificates")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("not_after", "desc")
    .limit(CERTIFICATES_SHOWN_MAX)
    .execute();
}

export async function changeAgent(
  db: Db,
  id: string,
  change: { name?: string; labels?: Record<string, string> },
): Promise<AgentRow> {
  return db
    .updateTable("agents")
    .set({
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.labels === undefined ? {} : { labels: JSON.stringify(change.labels) }),
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteAgent(db: Db, id: string): Promise<void> {
  await db.deleteFrom("agents").where("id", "=", id).execute();
}

/**
 * The value rows are sorted by, and the type in which a cursor's comes back. It is never null: nulls would make the
 * cursor's comparison unknown. Times are whole microseconds, which sort far faster than their text.
 */
function sortSql(sort: AgentSort, now: number): { value: RawBuilder<unknown>; type: "text" | "bigint" } {
  switch (sort) {
    case "name":
      return { value: sql`agents.name`, type: "text" };
    case "created_at":
      return { value: microseconds(sql`agents.created_at`), type: "bigint" };
    case "last_seen_at":
      return { value: microseconds(sql`agents.last_seen_at`), type: "bigint" };
    case "version":
      return { value: sql`coalesce(agents.version, '')`, type: "text" };
    case "state":
      return { value: stateSql(now), type: "text" };
  }
}

function microseconds(time: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`coalesce((extract(epoch from ${time}) * 1000000)::bigint, 0)`;
}

function matching<T extends "agents" | "sites">(
  eb: ExpressionBuilder<Database, T>,
  filter: AgentFilter,
  now: number,
) {
  const { query } = filter;
  const states = filter.state === undefined ? query.states : [...query.states, filter.state];
  const kinds = filter.kind === undefined ? query.kinds : [...query.kinds, filter.kind];
  const conditions = [
    ...(states.length === 0 ? [] : [sql<SqlBool>`${stateSql(now)} = any(${states})`]),
    ...(query.healths.length === 0
      ? []
      : [
          sql<SqlBool>`case agents.healthy when true then 'good' when false then 'bad' else 'unknown' end = any(${query.healths})`,
        ]),
    ...(query.healthLevels.length === 0
      ? []
      : [
          sql<SqlBool>`exists (select from agent_health h where h.agent_id = agents.id and h.level = any(${query.healthLevels}))`,
        ]),
    ...(kinds.length === 0 ? [] : [sql<SqlBool>`agents.kind = any(${kinds})`]),
    ...(filter.siteId === undefined ? [] : [sql<SqlBool>`agents.site_id = ${filter.siteId}::uuid`]),
    ...(query.sites.length === 0
      ? []
      : [sql<SqlBool>`agents.site_id in (select id from sites where name = any(${query.sites}))`]),
    ...(query.configurations.length === 0
      ? []
      : [
          sql<SqlBool>`exists (select from agent_assignments x join configurations c on c.id = x.configuration_id
            where x.agent_id = agents.id and c.name = any(${query.configurations}))`,
        ]),
    ...(query.configStates.length === 0
      ? []
      : [sql<SqlBool>`${assignmentStateSql} = any(${query.configStates})`]),
    ...(query.os.length === 0 ? [] : [sql<SqlBool>`agents.os ilike any(${query.os.map(containing)})`]),
    ...query.labels.map(
      ({ key, value }) => sql<SqlBool>`agents.labels @> ${JSON.stringify({ [key]: value })}::jsonb`,
    ),
    ...query.versions.map(
      ({ operator, version }) =>
        sql<SqlBool>`${versionSql(sql`agents.version`)} ${sql.raw(operator)} ${versionSql(sql`${version}::text`)}`,
    ),
    ...query.words.map((word) => sql<SqlBool>`agents.search like ${containing(word.toLowerCase())}`),
  ];
  return eb.and(conditions);
}

/** How far an agent's assigned configuration has come; `none` when nothing is assigned. */
const assignmentStateSql = sql`coalesce((select ${deliveryStateSql("x", "t")}
  from agent_assignments x left join configuration_attempts t on t.agent_id = x.agent_id and t.offer_hash = x.offer_hash
  where x.agent_id = agents.id), 'none')`;

/** The leading numbers of a version as an array, which compares element by element. */
function versionSql(value: ReturnType<typeof sql>) {
  return sql`string_to_array(substring(${value} from '^v?(\\d{1,9}(?:\\.\\d{1,9})*)'), '.')::int[]`;
}
