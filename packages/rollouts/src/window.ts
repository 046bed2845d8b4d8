import type { Weekday, Window } from "./types.ts";

export type Opening =
  | { readonly isOpen: true; readonly until: number }
  | { readonly isOpen: false; readonly at: number };

const DAY_MS = 86_400_000;
const WEEKDAYS: readonly Weekday[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** A window opens at least once a week; a week more covers days that a zone leaves out. */
const DAYS_AHEAD = 15;

/** Whether a maintenance window is open, and until when, or when it opens next. */
export function nextOpening(window: Window, now: number): Opening {
  const today = localTime(window.time_zone, now);
  const [from, until] = [minutesOf(window.from), minutesOf(window.until)];
  let next = Number.POSITIVE_INFINITY;
  for (let ahead = -1; ahead <= DAYS_AHEAD; ahead += 1) {
    const day = Date.UTC(today.year, today.month - 1, today.day) + ahead * DAY_MS;
    if (!window.days.includes(WEEKDAYS[new Date(day).getUTCDay()] ?? "sun")) continue;
    const opens = instantOf(window.time_zone, day + from * 60_000);
    const closes = instantOf(window.time_zone, day + (until > from ? 0 : DAY_MS) + until * 60_000);
    if (opens <= now && now < closes) return { isOpen: true, until: closes };
    if (opens > now) next = Math.min(next, opens);
  }
  return { isOpen: false, at: next };
}

export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return hours * 60 + minutes;
}

/**
 * The instant at which clocks of a zone show a time, given as if it were UTC. A time that is skipped in spring is as much later, one that
 * comes twice in autumn is the first.
 */
function instantOf(zone: string, shown: number): number {
  const before = shown - offsetAt(zone, shown - DAY_MS);
  const after = shown - offsetAt(zone, shown + DAY_MS);
  const fits = [before, after].filter((at) => at + offsetAt(zone, at) === shown);
  return fits.length === 0 ? before : Math.min(...fits);
}

function offsetAt(zone: string, at: number): number {
  const { year, month, day, hour, minute, second } = localTime(zone, at);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}

function localTime(zone: string, at: number) {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return { year, month, day, hour, minute, second };
}

/** Making one costs as much as a thousand uses. */
const FORMATS_MAX = 100;
const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    if (formats.size >= FORMATS_MAX) formats.clear();
    formats.set(zone, format);
  }
  return format;
}
