import { sql, type SqlBool } from "kysely";
import type { Db } from "../../../platform/storage/database.ts";
import { ACTIVE } from "../store.ts";

/** How long things of runs are kept, as moments: what ended before is due. Runs with incidents have their own. */
export interface Due {
  readonly plain: Date;
  readonly withIncidents: Date;
}

type Kept = "log_expired_at" | "evidence_expired_at";

/** Ended runs whose log or evidence is due, oldest first. */
export async function runsDue(
  db: Db,
  organizationId: string,
  kept: Kept,
  due: Due,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom("runs")
    .select("id")
    .where("organization_id", "=", organizationId)
    .where(kept, "is", null)
    .where("ended_at", "<", due.plain)
    .where(({ or, eb }) => or([eb("incidents_total", "=", 0), eb("ended_at", "<", due.withIncidents)]))
    .orderBy("ended_at")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

export async function markExpired(db: Db, kept: Kept, runIds: readonly string[], now: Date): Promise<void> {
  if (runIds.length === 0) return;
  await db
    .updateTable("runs")
    .set({ [kept]: now })
    .where("id", "in", runIds)
    .execute();
}

/** Deletes rows of expired runs, at most so many; their objects become garbage in the same statement. Gives their number. */
export async function dropRows(
  db: Db,
  organizationId: string,
  table: "log_segments" | "evidence_chunks",
  kept: Kept,
  now: Date,
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with dropped as (
      delete from ${sql.table(table)} where ctid in (
        select things.ctid from ${sql.table(table)} as things join runs on runs.id = things.run_id
        where runs.organization_id = ${organizationId} and ${sql.ref(`runs.${kept}`)} is not null limit ${limit})
      returning object_key, organization_id
    ), garbage as (
      insert into object_garbage (object_key, organization_id, created_at)
      select distinct object_key, organization_id, ${now}::timestamptz from dropped
      on conflict do nothing
    )
    select count(*)::int as count from dropped`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function dropSamples(db: Db, organizationId: string, due: Due, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from run_samples where ctid in (
      select samples.ctid from run_samples as samples join runs on runs.id = samples.run_id
      where samples.organization_id = ${organizationId} and samples.at < ${due.plain}
        and (runs.incidents_total = 0 or samples.at < ${due.withIncidents}) limit ${limit})`.execute(db);
  return Number(numAffectedRows ?? 0);
}

/** Deletes runs that are due and have neither log nor evidence any more, with all that belongs to them. */
export async function dropRuns(db: Db, organizationId: string, due: Due, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from runs where id in (
      select id from runs where organization_id = ${organizationId} and ended_at < ${due.plain}
        and (incidents_total = 0 or ended_at < ${due.withIncidents})
        and log_expired_at is not null and evidence_expired_at is not null
        and not exists (select from log_segments where run_id = runs.id)
        and not exists (select from evidence_chunks where run_id = runs.id)
      order by ended_at limit ${limit})`.execute(db);
  return Number(numAffectedRows ?? 0);
}

export async function garbageBefore(db: Db, before: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("object_garbage")
    .select("object_key")
    .where("created_at", "<", before)
    .orderBy("created_at")
    .limit(limit)
    .execute();
  return rows.map(({ object_key }) => object_key);
}

export async function forgetGarbage(db: Db, keys: readonly string[]): Promise<void> {
  await db.deleteFrom("object_garbage").where("object_key", "in", keys).execute();
}

/** Ended runs whose log is not packed yet and no longer hot. */
export async function runsToPack(
  db: Db,
  organizationId: string,
  before: Date,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom("runs")
    .select("id")
    .where("organization_id", "=", organizationId)
    .where("log_packed_at", "is", null)
    .where("log_expired_at", "is", null)
    .where("ended_at", "<", before)
    .orderBy("ended_at")
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

export async function unpackedSegments(db: Db, runId: string, after: number, limit: number) {
  return db
    .selectFrom("log_segments")
    .selectAll()
    .where("run_id", "=", runId)
    .where("pack_offset", "is", null)
    .where("segment_seq", ">", after)
    .orderBy("segment_seq")
    .limit(limit)
    .execute();
}

export async function moveIntoPack(
  db: Db,
  segment: { readonly run_id: string; readonly segment_seq: number; readonly object_key: string },
  place: { readonly key: string; readonly offset: number; readonly length: number; readonly stored: number },
): Promise<void> {
  await db
    .updateTable("log_segments")
    .set({
      object_key: place.key,
      pack_offset: place.offset,
      pack_length: place.length,
      stored_bytes: place.stored,
    })
    .where("run_id", "=", segment.run_id)
    .where("segment_seq", "=", segment.segment_seq)
    .where("object_key", "=", segment.object_key)
    .execute();
}

export async function addGarbage(
  db: Db,
  organizationId: string,
  keys: readonly string[],
  now: Date,
): Promise<void> {
  await db
    .insertInto("object_garbage")
    .values(keys.map((object_key) => ({ object_key, organization_id: organizationId, created_at: now })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function markPacked(db: Db, runId: string, now: Date): Promise<void> {
  await db.updateTable("runs").set({ log_packed_at: now }).where("id", "=", runId).execute();
}

/** Runs under way whose first row was stored before it is due, in the order of their ids, behind one of them. */
export async function runsWithOldBeginning(
  db: Db,
  organizationId: string,
  table: "log_segments" | "evidence_chunks",
  due: Due,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const order = sql.ref(table === "log_segments" ? "segment_seq" : "chunk");
  let query = db
    .selectFrom("runs")
    .select("id")
    .where("organization_id", "=", organizationId)
    .where(ACTIVE)
    .where(
      sql<SqlBool>`(select created_at from ${sql.table(table)} as things where things.run_id = runs.id order by ${order} limit 1)
        < case when incidents_total = 0 then ${due.plain}::timestamptz else ${due.withIncidents}::timestamptz end`,
    );
  if (after !== undefined) query = query.where("id", ">", after);
  const rows = await query.orderBy("id").limit(limit).execute();
  return rows.map(({ id }) => id);
}

/** The first segments of a log, in order, of those that readers see. */
export async function firstSegments(db: Db, runId: string, storedSeq: number, limit: number) {
  return db
    .selectFrom("log_segments")
    .select(["segment_seq", "last_seq", "last_at", "created_at"])
    .where("run_id", "=", runId)
    .where("last_seq", "<=", storedSeq)
    .orderBy("segment_seq")
    .limit(limit)
    .execute();
}

export async function firstChunks(db: Db, runId: string, limit: number) {
  return db
    .selectFrom("evidence_chunks")
    .select(["chunk", "created_at"])
    .where("run_id", "=", runId)
    .orderBy("chunk")
    .limit(limit)
    .execute();
}

/** Deletes a log's segments up to one. Their objects become garbage in the same statement, but for a pack that also holds later ones. */
export async function dropFirstSegments(db: Db, runId: string, upTo: number, now: Date): Promise<void> {
  await sql`
    with dropped as (
      delete from log_segments where run_id = ${runId} and segment_seq <= ${upTo}
      returning object_key, organization_id, pack_offset
    )
    insert into object_garbage (object_key, organization_id, created_at)
    select distinct object_key, organization_id, ${now}::timestamptz from dropped
    where pack_offset is null or not exists (
      select from log_segments as kept
      where kept.run_id = ${runId} and kept.segment_seq > ${upTo} and kept.object_key = dropped.object_key)
    on conflict do nothing`.execute(db);
}

/** Deletes a run's chunks of evidence up to one; their objects become garbage in the same statement. */
export async function dropFirstChunks(db: Db, runId: string, upTo: number, now: Date): Promise<void> {
  await sql`
    with dropped as (
      delete from evidence_chunks where run_id = ${runId} and chunk <= ${upTo} returning object_key, organization_id
    )
    insert into object_garbage (object_key, organization_id, created_at)
    select object_key, organization_id, ${now}::timestamptz from dropped on conflict do nothing`.execute(db);
}

/** Entries of which a run that never ends may get any number. */
const COMES_AGAIN = sql<SqlBool>`(type in ('run.note', 'run.frozen', 'run.resumed', 'run.freeze_requested', 'run.resume_requested')
  or type like 'incident.%')`;

/** How many others an entry stands for; null: it is itself. Agents write it, too, so that it may be anything. */
const EXPIRED = sql<number | null>`case when jsonb_typeof(payload -> 'expired_events') = 'number'
  then greatest(1, least((payload ->> 'expired_events')::numeric, 1000000000))::int end`;

/** Runs under way whose timeline has such entries that are due, in the order of their ids, behind one of them. */
export async function runsWithOldEntries(
  db: Db,
  organizationId: string,
  due: Due,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  let query = db
    .selectFrom("runs")
    .select("id")
    .where("organization_id", "=", organizationId)
    .where(ACTIVE)
    .where("created_at", "<", due.plain)
    .where(
      // What stands for others is left alone by itself.
      sql<SqlBool>`(select count(*) + count(*) filter (where ${EXPIRED} is null) from run_events where run_events.run_id = runs.id and ${COMES_AGAIN}
        and at < case when incidents_total = 0 then ${due.plain}::timestamptz else ${due.withIncidents}::timestamptz end) > 1`,
    );
  if (after !== undefined) query = query.where("id", ">", after);
  const rows = await query.orderBy("id").limit(limit).execute();
  return rows.map(({ id }) => id);
}

/** The first of such entries from before a moment, in order. */
export async function firstEntries(db: Db, runId: string, before: Date, limit: number) {
  return db
    .selectFrom("run_events")
    .select(["id", "at", EXPIRED.as("expired")])
    .where("run_id", "=", runId)
    .where("at", "<", before)
    .where(COMES_AGAIN)
    .orderBy("id")
    .limit(limit)
    .execute();
}

export async function dropEntries(db: Db, ids: readonly string[]): Promise<void> {
  await sql`delete from run_events where id = any(${ids}::uuid[])`.execute(db);
}
