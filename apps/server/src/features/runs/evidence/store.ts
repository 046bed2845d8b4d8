import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../../platform/storage/database.ts";
import type { Database } from "../../../platform/storage/schema.ts";
import type { Sample } from "./read-samples.ts";

export async function findSampledRun(db: Db, id: string) {
  return db
    .selectFrom("runs")
    .select(["id", "created_at", "started_at", "ended_at"])
    .where("id", "=", id)
    .executeTakeFirst();
}

export interface SampledRow {
  readonly at: Date;
  readonly cpu_ms: number | null;
  readonly memory_bytes: number | null;
  readonly memory_limit_bytes: number | null;
  readonly read_bytes: number | null;
  readonly write_bytes: number | null;
  readonly processes: number | null;
  readonly log_bytes: number;
}

/** One row for each stretch of `everyMs` from `fromMs` on that has a sample: its last one, with the highest levels. */
export async function bucketedSamples(
  db: Db,
  runId: string,
  fromMs: number,
  toMs: number,
  everyMs: number,
): Promise<SampledRow[]> {
  const { rows } = await sql<SampledRow>`
    select last.at, last.cpu_ms, peak.memory_bytes, last.memory_limit_bytes, last.read_bytes, last.write_bytes,
      peak.processes, last.log_bytes
    from (
      select max(at) as at, max(memory_bytes) as memory_bytes, max(processes) as processes
      from run_samples
      where run_id = ${runId} and at >= ${new Date(fromMs)} and at <= ${new Date(toMs)}
      group by floor((extract(epoch from at) * 1000 - ${fromMs}::float8) / ${everyMs}::float8)
    ) as peak join run_samples as last on last.run_id = ${runId} and last.at = peak.at
    order by last.at`.execute(db);
  return rows;
}

export type ChunkRow = Selectable<Database["evidence_chunks"]>;

export async function findChunk(db: Db, runId: string, chunk: number): Promise<ChunkRow | undefined> {
  return db
    .selectFrom("evidence_chunks")
    .selectAll()
    .where("run_id", "=", runId)
    .where("chunk", "=", chunk)
    .executeTakeFirst();
}

export async function insertChunk(db: Db, row: Insertable<Database["evidence_chunks"]>): Promise<void> {
  await db.insertInto("evidence_chunks").values(row).execute();
}

/** Chunks behind a number, in order, at most `limit`. */
export async function chunksAfter(db: Db, runId: string, chunk: number, limit: number): Promise<ChunkRow[]> {
  return db
    .selectFrom("evidence_chunks")
    .selectAll()
    .where("run_id", "=", runId)
    .where("chunk", ">", chunk)
    .orderBy("chunk")
    .limit(limit)
    .execute();
}

/** One statement for all of a chunk; a sample that is there already stays as it is. */
export async function insertSamples(
  db: Db,
  organizationId: string,
  runId: string,
  samples: readonly Sample[],
): Promise<void> {
  if (samples.length === 0) return;
  await db
    .insertInto("run_samples")
    .values(samples.map((sample) => ({ run_id: runId, organization_id: organizationId, ...sample })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export type EvidenceRun = NonNullable<Awaited<ReturnType<typeof findEvidenceRun>>>;

/** How a run's evidence stands. */
export async function findEvidenceRun(db: Db, id: string) {
  return db
    .selectFrom("runs")
    .select([
      "id",
      "log_stored_seq",
      "log_expired_at",
      "log_expired_seq",
      "log_expired_until",
      "evidence_last",
      "evidence_expired_at",
      "evidence_expired_chunk",
      "evidence_expired_until",
    ])
    .where("id", "=", id)
    .executeTakeFirst();
}
