// Time that nobody can set. Deadlines are kept in it, so that a clock that is moved by a day neither times a run out nor
// keeps one for ever. It counts from the host's boot without the time the host was suspended, and agents of one boot share
// where it began: a deadline that one agent stored means the same to the next.

import type { Clock } from "@flowplane/runtime";
import type { SpoolDatabase } from "../spool/database.ts";

/** CLOCK_MONOTONIC: ms since some moment of this boot, the same moment for every process of the host. */
export const monotonicClock: Clock = () => Number(process.hrtime.bigint() / 1_000_000n);

/** Ms since the epoch as this boot's first agent read it, and from there on monotonic. */
export function openSteadyClock(
  db: SpoolDatabase,
  bootId: string,
  wall: Clock,
  monotonic = monotonicClock,
): Clock {
  const stored = db.get<{ boot_id: string; offset_ms: number }>("SELECT boot_id, offset_ms FROM boot_clock");
  if (stored?.boot_id === bootId) return () => monotonic() + stored.offset_ms;
  const offsetMs = wall() - monotonic();
  db.durably(() => {
    db.run("DELETE FROM boot_clock");
    db.run("INSERT INTO boot_clock (boot_id, offset_ms) VALUES (?, ?)", bootId, offsetMs);
  });
  return () => monotonic() + offsetMs;
}
