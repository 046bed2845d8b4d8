import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { DAYS_AHEAD, DAYS_BEHIND } from "./limits.ts";

const DAY_MS = 86_400_000;

/** Makes the partitions that reports and logs of these days go into. Cheap when they are there. */
export async function ensureDays(system: Db, now: number): Promise<void> {
  await sql`select own_telemetry_days(${day(now - DAYS_BEHIND * DAY_MS)}::date, ${day(now + DAYS_AHEAD * DAY_MS)}::date)`.execute(
    system,
  );
}

/** Runs a write; when the day it goes into is missing, makes it and runs it again. */
export async function withDays<T>(system: Db, now: number, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isMissingDay(error)) throw error;
    await ensureDays(system, now);
    return write();
  }
}

/** The day of a moment in UTC, as SQL takes it. */
export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** SQLSTATE 23514 of a partitioned table: no partition for the row. */
function isMissingDay(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "23514" && (message ?? "").startsWith("no partition of relation");
}
