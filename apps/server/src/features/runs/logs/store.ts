import type { Insertable, Selectable } from "kysely";
import type { Db } from "../../../platform/storage/database.ts";
import type { Database } from "../../../platform/storage/schema.ts";

export type SegmentRow = Selectable<Database["log_segments"]>;
export type NewSegmentRow = Insertable<Database["log_segments"]>;

export async function findSegment(
  db: Db,
  runId: string,
  segmentSeq: number,
): Promise<SegmentRow | undefined> {
  return db
    .selectFrom("log_segments")
    .selectAll()
    .where("run_id", "=", runId)
    .where("segment_seq", "=", segmentSeq)
    .executeTakeFirst();
}

export async function insertSegment(db: Db, segment: NewSegmentRow): Promise<void> {
  await db.insertInto("log_segments").values(segment).execute();
}

/** Number of the last segment of the part of the log that is stored without a hole; 0 when there is none yet. */
export async function lastContiguous(db: Db, runId: string, storedSeq: number): Promise<number> {
  const row = await db
    .selectFrom("log_segments")
    .select("segment_seq")
    .where("run_id", "=", runId)
    .where("last_seq", "<=", storedSeq)
    .orderBy("last_seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.segment_seq ?? 0;
}

const CONTIGUOUS_ROWS = 100;

/** Segments behind a number that follow it and one another without a hole. */
export async function contiguousAfter(db: Db, runId: string, segmentSeq: number) {
  const found: Pick<SegmentRow, "segment_seq" | "last_seq" | "bytes" | "lines">[] = [];
  for (;;) {
    const after = segmentSeq + found.length;
    const rows = await db
      .selectFrom("log_segments")
      .select(["segment_seq", "last_seq", "bytes", "lines"])
      .where("run_id", "=", runId)
      .where("segment_seq", ">", after)
      .orderBy("segment_seq")
      .limit(CONTIGUOUS_ROWS)
      .execute();
    const following = rows.filter((row, index) => row.segment_seq === after + 1 + index);
    found.push(...following);
    if (following.length < CONTIGUOUS_ROWS) return found;
  }
}

/** Segments with lines from `fromSeq` to `storedSeq`, in order, at most `limit`. */
export async function segmentsFrom(
  db: Db,
  runId: string,
  fromSeq: number,
  storedSeq: number,
  limit: number,
): Promise<SegmentRow[]> {
  return db
    .selectFrom("log_segments")
    .selectAll()
    .where("run_id", "=", runId)
    .where("last_seq", ">=", fromSeq)
    .where("last_seq", "<=", storedSeq)
    .orderBy("last_seq")
    .limit(limit)
    .execute();
}

export interface SearchedRun {
  readonly id: string;
  readonly name: string;
  readonly log_stored_seq: number;
}

/** Lines have the times of their host's clock, which may be this far from ours; segments are then judged by their own. */
const CLOCK_DIFFERENCE_MS = 24 * 3_600_000;

/** Runs with stored lines that may be of the wanted time, newest first, from one run on. */
export async function runsWithLines(
  db: Db,
  organizationId: string,
  filter: {
    readonly from?: string | undefined;
    readonly to?: string | undefined;
    readonly site_id?: string | undefined;
    readonly agent_id?: string | undefined;
    readonly job_id?: string | undefined;
  },
  startId: string | undefined,
  limit: number,
): Promise<SearchedRun[]> {
  let query = db
    .selectFrom("runs")
    .select(["id", "name", "log_stored_seq"])
    .where("organization_id", "=", organizationId)
    .where("log_stored_seq", ">", 0)
    .where("log_expired_at", "is", null);
  if (startId !== undefined) query = query.where("id", "<=", startId);
  const { from, to, site_id, agent_id, job_id } = filter;
  if (from !== undefined)
    query = query.where(({ or, eb }) =>
      or([
        eb("ended_at", "is", null),
        eb("ended_at", ">=", new Date(Date.parse(from) - CLOCK_DIFFERENCE_MS)),
      ]),
    );
  if (to !== undefined)
    query = query.where("created_at", "<=", new Date(Date.parse(to) + CLOCK_DIFFERENCE_MS));
  if (site_id !== undefined) query = query.where("site_id", "=", site_id);
  if (agent_id !== undefined) query = query.where("agent_id", "=", agent_id);
  if (job_id !== undefined) query = query.where("job_id", "=", job_id);
  return query.orderBy("id", "desc").limit(limit).execute();
}

/** First line of the first segment from `fromSeq` on that holds a line of this time or later. */
export async function firstSeqSince(
  db: Db,
  runId: string,
  fromSeq: number,
  from: Date,
): Promise<number | undefined> {
  const row = await db
    .selectFrom("log_segments")
    .select("first_seq")
    .where("run_id", "=", runId)
    .where("last_seq", ">=", fromSeq)
    .where("last_at", ">=", from)
    .orderBy("last_seq")
    .limit(1)
    .executeTakeFirst();
  return row?.first_seq;
}
