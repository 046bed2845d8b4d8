// The fleet as selectors see it, and who they matched.

import { sql, type RawBuilder, type SqlBool } from "kysely";
import type { AgentState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import { isUuid } from "../../platform/ids.ts";
import type { Called, SelectableAgent } from "./selector.ts";
import { stateSql } from "./state.ts";

/** Agents that look the same to whoever looks at `parts` of them. */
export interface Profile {
  /** What they look like; what is not among the parts is empty. */
  readonly seen: SelectableAgent;
  readonly ids: readonly string[];
}

/** These agents, whatever state they are in; or, of those that are let in, the next behind an id. */
export type Scope =
  | { readonly ids: readonly string[] }
  | {
      readonly after: string | undefined;
      readonly limit: number;
      /** Of which something changed since then that is looked at. */
      readonly changedSince?: Date | undefined;
      /** None but those that are called one of these ways. */
      readonly called?: readonly Called[] | undefined;
      readonly kind?: "collector";
      readonly siteId?: string | undefined;
    };

/**
 * The agents of a scope, those that look the same together: a fleet has few looks, and the database finds them in a fraction of the time
 * that it takes to hand each agent over. `parts` are those of a `CompiledSelector`, or of several.
 */
export async function listProfiles(
  db: Db,
  scope: Scope,
  { parts, now }: { parts: ReadonlySet<string>; now: number },
): Promise<Profile[]> {
  const columns = columnsFor(parts, now);
  let fleet = db
    .selectFrom("agents")
    .select([
      "agents.id",
      sql<string[]>`array[${sql.join(columns.map((column) => column.sql))}]::text[]`.as("seen"),
    ])
    .$if(parts.has("site"), (query) => query.innerJoin("sites", "sites.id", "agents.site_id"));
  if ("ids" in scope) fleet = fleet.where(sql<SqlBool>`agents.id = any(${scope.ids}::uuid[])`);
  else {
    const { after, limit, changedSince, called, kind, siteId } = scope;
    fleet = fleet.where(IS_LET_IN).orderBy("agents.id").limit(limit);
    if (after !== undefined) fleet = fleet.where("agents.id", ">", after);
    if (changedSince !== undefined)
      fleet = fleet.where(
        sql<SqlBool>`agents.id = any(${await listChanged(db, changedSince, parts)}::uuid[])`,
      );
    if (called !== undefined)
      fleet = fleet.where(sql<SqlBool>`(${sql.join(called.map(isCalled), sql` or `)})`);
    if (kind !== undefined) fleet = fleet.where("agents.kind", "=", kind);
    if (siteId !== undefined) fleet = fleet.where("agents.site_id", "=", siteId);
  }
  const rows = await db
    .selectFrom(fleet.as("fleet"))
    .select([
      sql<(string | null)[]>`to_jsonb(seen)`.as("seen"),
      sql<string>`string_agg(id::text, ' ')`.as("ids"),
    ])
    .groupBy("seen")
    .execute();
  return rows.map(({ seen, ids }) => {
    const agent = unseen();
    for (const [index, { put }] of columns.entries()) put(agent, seen[index] ?? null);
    return { seen: agent, ids: ids.split(" ") };
  });
}

/** How many agents are let in. */
export async function countLetIn(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("agents")
    .select(sql<number>`count(*)::int`.as("count"))
    .where(IS_LET_IN)
    .executeTakeFirstOrThrow();
  return count;
}

/** An agent that a selector matches, with what decides whether it can be given something. */
export interface SelectedAgent {
  readonly id: string;
  readonly name: string;
  readonly site_id: string;
  readonly kind: "site" | "collector" | "gateway";
  readonly state: AgentState;
  readonly healthy: boolean | null;
  /** OpAMP capability bits as it reported them. */
  readonly capabilities: number;
}

/** Those of `ids` that are let in, in the order of ids. */
export async function listSelected(db: Db, ids: readonly string[], now: number): Promise<SelectedAgent[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom("agents")
    .select(["id", "name", "kind", "site_id", "healthy", "capabilities", stateSql(now).as("state")])
    .where(sql<SqlBool>`id = any(${ids}::uuid[])`)
    .where(IS_LET_IN)
    .orderBy("id")
    .execute();
}

/**
 * Agents of which something changed. Where state or health are looked at, those too that connected, and those that are at another level
 * of health, by what they say or by silence, which is written down within seconds. It costs those.
 */
async function listChanged(db: Db, since: Date, parts: ReadonlySet<string>): Promise<string[]> {
  const changed = sql`select id from agents where changed_at >= ${since}`;
  const { rows } = await sql<{ id: string }>`${
    TIMELY.some((part) => parts.has(part))
      ? sql`${changed} union select id from agents where connected_at >= ${since}
          union select agent_id from agent_health_changes where to_at >= ${since}`
      : changed
  }`.execute(db);
  return rows.map(({ id }) => id);
}

/** Parts that change while nobody changes anything of an agent. */
const TIMELY = ["state", "health", "healthy"];

/** As the states say it that are neither expected, pending nor revoked. */
const IS_LET_IN = sql<SqlBool>`agents.approval = 'approved' and agents.revoked_at is null`;

type Draft = { -readonly [Field in keyof SelectableAgent]: SelectableAgent[Field] } & {
  readonly labels: Map<string, string>;
  readonly attributes: Map<string, string>;
};

interface Column {
  /** Text, or null. Agents with equal texts are equal to selectors. */
  readonly sql: RawBuilder<unknown>;
  readonly put: (agent: Draft, text: string | null) => void;
}

/** Keys that are read one by one; where more of a map are looked at, it is read whole. */
const KEYS_MAX = 10;

function columnsFor(parts: ReadonlySet<string>, now: number): Column[] {
  const columns = [...parts].flatMap((part) => columnFor(part, now) ?? []);
  const labels = keysOf("labels", parts);
  if (labels === "all")
    columns.push({
      sql: sql`agents.labels`,
      put: (agent, text) => {
        for (const [key, value] of Object.entries<string>(JSON.parse(text ?? "{}")))
          agent.labels.set(key, value);
      },
    });
  else
    for (const key of labels)
      columns.push({
        sql: sql`agents.labels ->> ${key}::text`,
        put: (agent, text) => void (text === null || agent.labels.set(key, text)),
      });
  const attributes = keysOf("attributes", parts);
  if (attributes === "all") columns.push(ALL_ATTRIBUTES);
  else if (attributes.length > 0) columns.push(someAttributes(attributes));
  return columns;
}

function columnFor(part: string, now: number): Column | undefined {
  switch (part) {
    case "id":
    case "name":
    case "kind":
    case "version":
    case "os":
    case "hostname":
      return { sql: sql.ref(`agents.${part}`), put: (agent, text) => void (agent[part] = text ?? "") };
    case "site":
      return { sql: sql`sites.name`, put: (agent, text) => void (agent.site = text ?? "") };
    case "state":
      return { sql: stateSql(now), put: (agent, text) => void (agent.state = text as AgentState) };
    case "health":
      return {
        sql: sql`agents.healthy`,
        put: (agent, text) =>
          void (agent.health = text === null ? "unknown" : text === "true" ? "good" : "bad"),
      };
    case "healthy":
      return { sql: sql`agents.healthy`, put: (agent, text) => void (agent.healthy = text === "true") };
    default:
      return undefined;
  }
}

/** The keys of a map that are looked at, or all. */
function keysOf(map: "labels" | "attributes", parts: ReadonlySet<string>): readonly string[] | "all" {
  if (parts.has(map)) return "all";
  const keys = [...parts].flatMap((part) => (part.startsWith(`${map}.`) ? [part.slice(map.length + 1)] : []));
  if (keys.length > KEYS_MAX) return "all";
  // What PostgreSQL cannot store as text no agent has, and it cannot be asked for either.
  return keys.filter(isStorable);
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

function isCalled({ field, values }: Called): RawBuilder<unknown> {
  return field === "name"
    ? sql`agents.name = any(${values.filter(isStorable)}::text[])`
    : sql`agents.id = any(${values.filter(isUuid)}::uuid[])`;
}

const ALL_ATTRIBUTES: Column = {
  sql: sql`(select non_identifying_attributes || identifying_attributes from agent_reports where agent_id = agents.id)`,
  put: (agent, text) => {
    for (const [key, value] of Object.entries(JSON.parse(text ?? "{}")))
      agent.attributes.set(key, attributeText(value));
  },
};

/** One column for all of them, so that an agent's report is looked up once: their JSON, or null for those it lacks. */
function someAttributes(keys: readonly string[]): Column {
  const values = keys.map(
    (key) =>
      sql`coalesce(identifying_attributes -> ${key}::text, non_identifying_attributes -> ${key}::text)::text`,
  );
  return {
    sql: sql`(select to_jsonb(array[${sql.join(values)}]) from agent_reports where agent_id = agents.id)`,
    put: (agent, text) => {
      for (const [index, value] of (JSON.parse(text ?? "[]") as (string | null)[]).entries())
        if (value !== null) agent.attributes.set(keys[index] ?? "", attributeText(JSON.parse(value)));
    },
  };
}

function attributeText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function unseen(): Draft {
  return {
    id: "",
    name: "",
    kind: "",
    site: "",
    version: "",
    os: "",
    hostname: "",
    state: "offline",
    health: "unknown",
    healthy: false,
    labels: new Map(),
    attributes: new Map(),
  };
}
