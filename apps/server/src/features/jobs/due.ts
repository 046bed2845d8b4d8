import type { SchedulePolicy } from "@flowplane/contract";
import { MISSED_STARTS_MAX, ON_TIME_MS } from "./limits.ts";
import { firstTime, timesAfter, timesBetween } from "./schedule.ts";

export interface Due {
  /** Starts to make now, oldest first, as instants in ms. */
  readonly starts: readonly number[];
  /** What was missed and is left out, in words; null when nothing was. */
  readonly left: string | null;
  /** The first start after now; null when there is none. */
  readonly next: number | null;
}

/**
 * What a schedule whose next start was to be `nextAt` asks for at this moment. A start is missed when it is later than anybody who
 * was awake would have been; what becomes of missed ones is the schedule's own misfire policy. Pure.
 */
export function judgeDue(schedule: SchedulePolicy, nextAt: number, now: number): Due {
  const all = timesBetween(schedule, nextAt, now, MISSED_STARTS_MAX + 1);
  const next = timesAfter(schedule, now, 1, nextAt)[0] ?? null;
  const onTime = all.filter((time) => now - time <= ON_TIME_MS);
  const missed = all.filter((time) => now - time > ON_TIME_MS);
  const made = madeUp(schedule.misfire, missed, onTime.length > 0);
  const count = missed.length - made.length;
  const isMore = missed.length > MISSED_STARTS_MAX;
  return {
    starts: [...made, ...onTime],
    left:
      count === 0 && !isMore
        ? null
        : `${isMore ? "more than " : ""}${isMore ? Math.max(count, 1) : count} missed start${count === 1 && !isMore ? " was" : "s were"} left out, as the schedule says for what is missed`,
    next,
  };
}

function madeUp(
  misfire: SchedulePolicy["misfire"],
  missed: readonly number[],
  isOneOnTime: boolean,
): readonly number[] {
  switch (misfire) {
    case "skip":
      return [];
    case "last":
      // The latest of all is what counts; one that is on time is later than all that were missed.
      return isOneOnTime ? [] : missed.slice(-1);
    case "all":
      return missed.slice(-MISSED_STARTS_MAX);
  }
}

/**
 * Where the next start should be, when it stands farther off than the schedule says: a clock that ran ahead for a while
 * put it there. Null when it is right.
 */
export function drawnBack(schedule: SchedulePolicy, nextAt: number, now: number): number | null {
  const expected = firstTime(schedule, now);
  return expected !== null && nextAt > expected ? expected : null;
}
