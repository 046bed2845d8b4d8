import { sql } from "kysely";
import {
  availableOf,
  profileOf,
  readConfig,
  mergeFragments,
  type Available,
  type Client,
  type Profile,
  type Section,
  type VariableAgent,
} from "@flowplane/collector-config";
import { AGENT_CAPABILITY, AGENT_CAPABILITY_NAMES, hasCapability } from "@flowplane/opamp";
import type { Db } from "../../platform/storage/database.ts";
import { AGENTS_READ_MAX, COMPONENT_SETS_KEPT_MAX } from "./limits.ts";
import { Kept } from "./kept.ts";

/** An agent as it is to be composed for. */
export interface ComposedFor extends VariableAgent {
  readonly siteId: string;
  readonly profile: Profile;
  readonly available: Available | null;
  /** Names its set of components; "" when it reported none. */
  readonly componentsKey: string;
  /** What it runs, where that decides whether something may be sent. */
  readonly effective: Section | null;
}

interface ClientRow {
  id: string;
  name: string;
  kind: Client["kind"];
  site_id: string;
  site: string;
  hostname: string | null;
  os: string | null;
  version: string | null;
  labels: Record<string, string>;
  capabilities: number;
  attributes: Record<string, unknown> | null;
  custom_capabilities: string[] | null;
  components_hash: Buffer | null;
  effective_names: string[] | null;
  effective_config: { name: string; body: string }[] | null;
}

/** A client with one of these is a supervisor: it is never connected by the extension of the Collector it runs. */
const OWN_TELEMETRY = Number(
  AGENT_CAPABILITY.ReportsOwnMetrics | AGENT_CAPABILITY.ReportsOwnLogs | AGENT_CAPABILITY.ReportsOwnTraces,
);
/** Attributes that tell one client from another. */
const TELLING = ["service.name", "telemetry.sdk.language", "telemetry.distro.name"];

/** Component sets are the same for thousands of agents, and named by their hash. */
const components = new Kept<{ readonly available: Available | null }>(COMPONENT_SETS_KEPT_MAX);

/**
 * Agents by id; those that are not of the organization of `db` are absent. `capabilities` are what is known to be newer than the database,
 * as a live session's.
 */
export async function readClients(
  db: Db,
  ids: readonly string[],
  capabilities?: ReadonlyMap<string, bigint>,
): Promise<Map<string, ComposedFor>> {
  const clients = new Map<string, ComposedFor>();
  for (let at = 0; at < ids.length; at += AGENTS_READ_MAX) {
    const rows = await readRows(db, ids.slice(at, at + AGENTS_READ_MAX));
    await readComponents(db, rows);
    for (const row of rows)
      clients.set(row.id, clientOf(row, capabilities?.get(row.id) ?? BigInt(row.capabilities)));
  }
  return clients;
}

async function readRows(db: Db, ids: readonly string[]): Promise<ClientRow[]> {
  const telling = sql.join(
    TELLING.map(
      (key) =>
        sql`${sql.lit(key)}::text, (r.non_identifying_attributes || r.identifying_attributes)->${sql.lit(key)}`,
    ),
  );
  const { rows } = await sql<ClientRow>`
    select a.id, a.name, a.kind, a.site_id, s.name as site, a.hostname, a.os, a.version, a.labels, a.capabilities,
      jsonb_strip_nulls(jsonb_build_object(${telling})) as attributes,
      r.custom_capabilities, r.available_components_hash as components_hash,
      case when a.capabilities & ${OWN_TELEMETRY} = 0
        then jsonb_path_query_array(r.effective_config, '$[*].name') end as effective_names,
      case when a.capabilities & ${OWN_TELEMETRY} = 0 then r.effective_config end as effective_config
    from agents a join sites s on s.id = a.site_id left join agent_reports r on r.agent_id = a.id
    where a.id = any(${ids}::uuid[])`.execute(db);
  return rows;
}

async function readComponents(db: Db, rows: readonly ClientRow[]): Promise<void> {
  const wanted = new Map<string, Buffer>();
  for (const { components_hash: hash } of rows)
    if (hash !== null && components.get(hash.toString("hex")) === undefined)
      wanted.set(hash.toString("hex"), hash);
  if (wanted.size === 0) return;
  const found = await db
    .selectFrom("available_components")
    .select(["hash", "components"])
    .where("hash", "in", [...wanted.values()])
    .execute();
  for (const { hash, components: report } of found)
    components.set(hash.toString("hex"), { available: availableOf(report) });
}

function clientOf(row: ClientRow, capabilities: bigint): ComposedFor {
  const componentsKey = row.components_hash?.toString("hex") ?? "";
  return {
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    os: row.os,
    version: row.version,
    site: row.site,
    siteId: row.site_id,
    labels: row.labels,
    profile: profileOf({
      kind: row.kind,
      capabilities: new Set(AGENT_CAPABILITY_NAMES.filter((name) => hasCapability(capabilities, name))),
      attributes: row.attributes ?? {},
      customCapabilities: row.custom_capabilities ?? [],
      effectiveNames: row.effective_names ?? [],
    }),
    available: components.get(componentsKey)?.available ?? null,
    componentsKey,
    effective: row.effective_config === null ? null : effectiveOf(row.effective_config),
  };
}

/** What an agent runs as one configuration; null when it cannot be read. */
export function effectiveOf(entries: readonly { name: string; body: string }[]): Section | null {
  const fragments: { name: string; value: Section }[] = [];
  for (const { name, body } of entries) {
    const { read } = readConfig(body);
    if (read === null) return null;
    fragments.push({ name, value: read.value });
  }
  return fragments.length === 0 ? null : mergeFragments(fragments);
}
