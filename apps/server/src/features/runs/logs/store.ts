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
