import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";

export interface Beat {
  readonly beatAt: number;
  /** Until when agents may be on their way back from trouble of this gateway; null when it had none. */
  readonly returningUntil: number | null;
}

/** Longer than any rollout waits for an agent's word. */
const KEPT_MS = 7 * 86_400_000;

/** Whether a gateway was ever here before this one. */
export async function wasAnother(system: Db, id: string): Promise<boolean> {
  const row = await system
    .selectFrom("gateway_beats")
    .select("id")
    .where("id", "<>", id)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** What returns later than was known before counts; nothing is taken back. */
export async function writeBeat(system: Db, id: string, { beatAt, returningUntil }: Beat): Promise<void> {
  const until = returningUntil === null ? null : new Date(returningUntil);
  await system
    .insertInto("gateway_beats")
    .values({ id, beat_at: new Date(beatAt), returning_until: until })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({
        beat_at: new Date(beatAt),
        returning_until: sql`greatest(gateway_beats.returning_until, excluded.returning_until)`,
      }),
    )
    .execute();
  await system
    .deleteFrom("gateway_beats")
    .where("beat_at", "<", new Date(beatAt - KEPT_MS))
    .execute();
}

export async function listBeats(system: Db): Promise<Beat[]> {
  const rows = await system.selectFrom("gateway_beats").select(["beat_at", "returning_until"]).execute();
  return rows.map((row) => ({
    beatAt: row.beat_at.getTime(),
    returningUntil: row.returning_until?.getTime() ?? null,
  }));
}
