import { Cron } from "croner";
import type { SchedulePolicy } from "@flowplane/contract";

/**
 * When a job starts by itself. Pure: every time is an instant in ms since the epoch, and `now` comes in.
 *
 * Where clocks are put forward, a local time that does not exist happens at the first moment after the gap, once. Where they
 * are put back, a local time that happens twice counts the first time. Both hold for schedules of given hours; one that goes
 * through all the hours (`*` or a step) follows real time: nothing to make up in a gap, and every pass of the doubled hour.
 */
export type Timing = Pick<SchedulePolicy, "cron" | "time_zone" | "every_seconds" | "at">;

/** Why a schedule cannot be, as the rest of a sentence about the field, or null when it can. */
export function problemOf(timing: Timing, now: number): { field: keyof Timing; message: string } | null {
  if (!isTimeZone(timing.time_zone))
    return {
      field: "time_zone",
      message: `there is no time zone ${timing.time_zone}; write a name like Europe/Berlin or UTC`,
    };
  if (timing.at !== undefined) {
    if (Date.parse(timing.at) > now) return null;
    return { field: "at", message: "this time is over; say one to come" };
  }
  if (timing.cron === undefined) return null;
  const cron = readCron(timing.cron, timing.time_zone);
  if (typeof cron === "string") return { field: "cron", message: cron };
  if (cron.nextRun(new Date(now)) !== null) return null;
  return {
    field: "cron",
    message: "it never comes: no month that it names has such a day; leave out the day or the month",
  };
}

/**
 * The first `count` times after `after`. `anchor` is a time of the schedule, from which intervals are counted: its first
 * start, or any later one.
 */
export function timesAfter(timing: Timing, after: number, count: number, anchor: number): number[] {
  if (timing.at !== undefined) {
    const at = Date.parse(timing.at);
    return at > after && count > 0 ? [at] : [];
  }
  if (timing.every_seconds !== undefined) {
    const every = timing.every_seconds * 1_000;
    const first = after < anchor ? anchor : anchor + (Math.floor((after - anchor) / every) + 1) * every;
    return Array.from({ length: count }, (_, index) => first + index * every);
  }
  return cronOf(timing)
    .nextRuns(count, new Date(after))
    .map((date) => date.getTime());
}

/** The last `count` times from `from` to `to`, both included, oldest first. `from` is a time of the schedule. */
export function timesBetween(timing: Timing, from: number, to: number, count: number): number[] {
  if (from > to) return [];
  if (timing.at !== undefined) return [from];
  if (timing.every_seconds !== undefined) {
    const every = timing.every_seconds * 1_000;
    const steps = Math.floor((to - from) / every);
    const first = Math.max(0, steps - count + 1);
    return Array.from({ length: steps - first + 1 }, (_, index) => from + (first + index) * every);
  }
  return (
    cronOf(timing)
      // The library looks at whole seconds before the reference, so the one that ends the span counts too.
      .previousRuns(count, new Date((Math.floor(to / 1_000) + 1) * 1_000))
      .map((date) => date.getTime())
      .filter((time) => time >= from && time <= to)
      .toReversed()
  );
}

/** The first start of a schedule that begins to count now; null when it has none. */
export function firstTime(timing: Timing, now: number): number | null {
  const anchor = timing.every_seconds === undefined ? now : now + timing.every_seconds * 1_000;
  return timesAfter(timing, now, 1, anchor)[0] ?? null;
}

/** Whether a time is one the expression names, or the moment after a gap that stands for one. */
export function isNamed(timing: Timing, time: number): boolean {
  return timing.cron === undefined || cronOf(timing).match(new Date(time));
}

/** Whether two schedules name the same times. */
export function isSameTiming(a: Timing, b: Timing): boolean {
  return (
    a.cron === b.cron &&
    a.every_seconds === b.every_seconds &&
    a.at === b.at &&
    (a.cron === undefined || a.time_zone === b.time_zone)
  );
}

function cronOf(timing: Timing): Cron {
  const cron = readCron(timing.cron ?? "", timing.time_zone);
  if (typeof cron === "string") throw new Error(`the schedule ${timing.cron} was checked before: ${cron}`);
  return cron;
}

/** The expression, or why it is none. */
function readCron(text: string, timeZone: string): Cron | string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== 5)
    return `it has ${fields.length} field${fields.length === 1 ? "" : "s"}; write five: minute hour day month weekday`;
  // The library reads `?` as the moment at which it reads, so the same text would mean something else tomorrow.
  if (text.includes("?")) return "`?` has no meaning here; write `*`";
  try {
    return new Cron(fields.join(" "), {
      timezone: timeZone,
      mode: "5-part",
      fixedTimeRule: "no-wildcard",
      paused: true,
    });
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/^\w+: /, "") : String(error);
    return `${words.charAt(0).toLowerCase()}${words.slice(1)}; write five fields: minute hour day month weekday`;
  }
}

function isTimeZone(name: string): boolean {
  // An offset is taken by Node too, but says nothing about when clocks change.
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
