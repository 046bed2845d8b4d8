import { sql, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import type { AgentRow } from "../fleet/agents.ts";
import type { OfferFile, ReportedPlatform, SetPackage } from "./offer.ts";
import type { FileRow } from "./store.ts";

export type SetRow = Selectable<Database["package_sets"]>;

/** A package of a set, and which release of it. */
export interface WantedPackage extends SetPackage<WantedFile> {
  readonly package_id: string;
  readonly release_id: string;
  readonly channel: "stable" | "canary";
}
export type WantedFile = OfferFile & Pick<FileRow, "bytes">;

/** What an agent is to have, and what it says it runs on. */
export interface WantedSet extends ReportedPlatform {
  readonly agent_id: string;
  readonly organization_id: string;
  /** Null also once a retry has come to a good end: who restarts then is not to try again. */
  readonly retry_id: string | null;
  readonly changed_at: Date;
  readonly packages: readonly WantedPackage[];
}

export function findAgents(db: Db, ids: readonly string[]): Promise<AgentRow[]> {
  return db
    .selectFrom("agents")
    .selectAll()
    .where("id", "in", [...ids])
    .execute();
}

export interface ChosenRelease {
  readonly id: string;
  readonly package_id: string;
  readonly name: string;
  readonly version: string;
  readonly published_at: Date | null;
}

/** Releases by id, kept from being deleted until the transaction ends. */
export function findChosen(db: Db, ids: readonly string[]): Promise<ChosenRelease[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return db
    .selectFrom("releases")
    .innerJoin("packages", "packages.id", "releases.package_id")
    .select([
      "releases.id",
      "releases.package_id",
      "releases.version",
      "releases.published_at",
      "packages.name",
    ])
    .where("releases.id", "in", [...ids])
    .forKeyShare()
    .execute();
}

/** Names of packages by agent: those they say they have, and those they are to have now. */
export async function findHeld(db: Db, agentIds: readonly string[]): Promise<Map<string, Set<string>>> {
  const { rows } = await sql<{ agent_id: string; name: string }>`
    select agent_id, name from reported_packages where agent_id = any(${agentIds}::uuid[]) and has_version <> ''
    union
    select s.agent_id, p.name from package_set_releases s join packages p on p.id = s.package_id
    where s.agent_id = any(${agentIds}::uuid[])`.execute(db);
  return new Map(
    [...Map.groupBy(rows, ({ agent_id }) => agent_id)].map(([id, of]) => [
      id,
      new Set(of.map(({ name }) => name)),
    ]),
  );
}

/** Gives agents a set in place of the one they had. */
export async function replaceSets(
  db: Db,
  set: Omit<SetRow, "agent_id" | "retry_id" | "withdrawn_at" | "set_by"> & { readonly set_by: string },
  agentIds: readonly string[],
  releases: readonly Pick<ChosenRelease, "id" | "package_id">[],
): Promise<void> {
  const { organization_id, reason, set_by, set_at, changed_at } = set;
  await sql`
    insert into package_sets (agent_id, organization_id, reason, set_by, set_at, changed_at)
    select id, ${organization_id}, ${reason}, ${set_by}::jsonb, ${set_at}, ${changed_at}
    from unnest(${agentIds}::uuid[]) id
    on conflict (agent_id) do update set reason = excluded.reason, set_by = excluded.set_by, set_at = excluded.set_at,
      changed_at = excluded.changed_at, retry_id = null, withdrawn_at = null`.execute(db);
  await deleteEntries(db, agentIds);
  await sql`
    insert into package_set_releases (organization_id, agent_id, package_id, release_id)
    select ${organization_id}, a, p, r from unnest(${agentIds}::uuid[]) a,
      unnest(${releases.map(({ package_id }) => package_id)}::uuid[], ${releases.map(({ id }) => id)}::uuid[]) x(p, r)`.execute(
    db,
  );
}

/** The set that is offered; undefined when nobody said any, or it was withdrawn. */
export function findSet(db: Db, agentId: string): Promise<SetRow | undefined> {
  return db
    .selectFrom("package_sets")
    .selectAll()
    .where("agent_id", "=", agentId)
    .where("withdrawn_at", "is", null)
    .executeTakeFirst();
}

export async function setRetry(db: Db, agentId: string, retryId: string, at: Date): Promise<void> {
  await db
    .updateTable("package_sets")
    .set({ retry_id: retryId, changed_at: at })
    .where("agent_id", "=", agentId)
    .execute();
}

/** The row stays, so that gateways learn of it. */
export async function withdrawSet(db: Db, agentId: string, at: Date): Promise<void> {
  await db
    .updateTable("package_sets")
    .set({ withdrawn_at: at, changed_at: at })
    .where("agent_id", "=", agentId)
    .execute();
  await deleteEntries(db, [agentId]);
}

async function deleteEntries(db: Db, agentIds: readonly string[]): Promise<void> {
  await db
    .deleteFrom("package_set_releases")
    .where("agent_id", "in", [...agentIds])
    .execute();
}

/** What these agents are to have, whatever organization they are of; nothing of those for whom nobody said anything. */
export async function findWantedSets(db: Db, agentIds: readonly string[]): Promise<WantedSet[]> {
  const { rows: sets } = await sql<Omit<WantedSet, "packages">>`
    select s.agent_id, s.organization_id, s.changed_at,
      case when exists (select from reported_packages p where p.agent_id = s.agent_id and p.status = 'install_failed')
        or not exists (select from reported_packages p where p.agent_id = s.agent_id)
      then s.retry_id end as retry_id,
      coalesce(r.identifying_attributes->>'os.type', r.non_identifying_attributes->>'os.type', a.os) as os,
      coalesce(r.identifying_attributes->>'host.arch', r.non_identifying_attributes->>'host.arch') as arch
    from package_sets s join agents a on a.id = s.agent_id left join agent_reports r on r.agent_id = s.agent_id
    where s.agent_id = any(${agentIds}::uuid[]) and s.withdrawn_at is null`.execute(db);
  if (sets.length === 0) return [];
  const entries = await db
    .selectFrom("package_set_releases as s")
    .innerJoin("packages as p", "p.id", "s.package_id")
    .innerJoin("releases as r", "r.id", "s.release_id")
    .select(["s.agent_id", "s.package_id", "s.release_id", "p.name", "p.type", "r.version", "r.channel"])
    .where(
      "s.agent_id",
      "in",
      sets.map(({ agent_id }) => agent_id),
    )
    .orderBy("p.name")
    .execute();
  const releaseIds = [...new Set(entries.map(({ release_id }) => release_id))];
  const files =
    releaseIds.length === 0
      ? []
      : await db
          .selectFrom("release_files")
          .select(["id", "release_id", "os", "arch", "bytes", "sha256", "signature"])
          .where("release_id", "in", releaseIds)
          .orderBy("os")
          .orderBy("arch")
          .execute();
  const filesOf = Map.groupBy(files, ({ release_id }) => release_id);
  const entriesOf = Map.groupBy(entries, ({ agent_id }) => agent_id);
  return sets.map((set) => ({
    ...set,
    packages: (entriesOf.get(set.agent_id) ?? []).map((entry) => ({
      ...entry,
      files: filesOf.get(entry.release_id) ?? [],
    })),
  }));
}

/** Agents whose sets changed since a moment, withdrawn ones among them. */
export async function findChangedSince(
  system: Db,
  since: Date,
): Promise<{ agent_id: string; changed_at: Date }[]> {
  return system
    .selectFrom("package_sets")
    .select(["agent_id", "changed_at"])
    .where("changed_at", ">=", since)
    .execute();
}

/** The file, as long as the agent it was offered to is to have it. */
export function findDownload(
  system: Db,
  { fileId, agentId }: { fileId: string; agentId: string },
): Promise<Pick<FileRow, "id" | "bytes" | "sha256"> | undefined> {
  return system
    .selectFrom("release_files as f")
    .innerJoin("package_set_releases as s", "s.release_id", "f.release_id")
    .innerJoin("agents as a", "a.id", "s.agent_id")
    .select(["f.id", "f.bytes", "f.sha256"])
    .where("f.id", "=", fileId)
    .where("a.id", "=", agentId)
    .where("a.revoked_at", "is", null)
    .whereRef("a.organization_id", "=", "f.organization_id")
    .executeTakeFirst();
}

/** How many agents are to have a release of a package, or this one, and the names of some. */
export async function findWhoShallHave(
  db: Db,
  { packageId, releaseId }: { packageId: string; releaseId?: string },
  namedMax: number,
): Promise<{ total: number; names: string[] }> {
  const { rows } = await sql<{ name: string; total: number }>`
    select a.name, (count(*) over ())::int as total
    from package_set_releases s join agents a on a.id = s.agent_id
    where s.package_id = ${packageId} and (${releaseId ?? null}::uuid is null or s.release_id = ${releaseId ?? null}::uuid)
    order by a.name limit ${namedMax}`.execute(db);
  return { total: rows[0]?.total ?? 0, names: rows.map(({ name }) => name) };
}

export interface PlaceRow {
  readonly agent_id: string;
  readonly agent_name: string;
  readonly wanted_version: string | null;
  readonly has_version: string | null;
  readonly offered_version: string | null;
  readonly status: Database["reported_packages"]["status"] | null;
  readonly error: string | null;
  readonly percent: number | null;
}

/** `limit` agents by id, behind an id, that are to have a package or say something of it. */
export async function listPlaces(
  db: Db,
  of: { readonly id: string; readonly name: string; readonly organization_id: string },
  after: string | undefined,
  limit: number,
): Promise<PlaceRow[]> {
  const { rows } = await sql<PlaceRow>`
    select a.id as agent_id, a.name as agent_name, w.version as wanted_version,
      nullif(r.has_version, '') as has_version, r.offered_version, r.status, r.error, r.percent
    from (
      select agent_id from package_set_releases where package_id = ${of.id}
      union select agent_id from reported_packages where organization_id = ${of.organization_id} and name = ${of.name}
    ) x
    join agents a on a.id = x.agent_id
    left join package_set_releases s on s.agent_id = a.id and s.package_id = ${of.id}
    left join releases w on w.id = s.release_id
    left join reported_packages r on r.agent_id = a.id and r.name = ${of.name}
    where ${after ?? null}::uuid is null or a.id > ${after ?? null}::uuid
    order by a.id limit ${limit}`.execute(db);
  return rows;
}
