import { isNamed, type Timing } from "./schedule.ts";

// A schedule as people say it, and what is odd about single times of it. Pure.

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const UNITS = [
  [604_800, "week"],
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** `every day at 03:00 (Europe/Berlin)`, `every 5 minutes`, `once, on 2026-03-01 at 12:00 UTC`. */
export function scheduleWords(timing: Timing): string {
  if (timing.at !== undefined)
    return `once, on ${timing.at.slice(0, 10)} at ${timing.at.slice(11, timing.at.slice(17, 19) === "00" ? 16 : 19)} UTC`;
  if (timing.every_seconds !== undefined) return everyWords(timing.every_seconds);
  return `${cronWords(timing.cron ?? "")} (${timing.time_zone})`;
}

function everyWords(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds % size === 0) ?? UNITS[4];
  const count = seconds / size;
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}

function cronWords(cron: string): string {
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = cron.trim().split(/\s+/);
  const days = dayWords(day, weekday, month);
  const time = timeWords(minute, hour);
  return days === "" ? (/^at \d\d:/.test(time) ? `every day ${time}` : time) : `${days} ${time}`;
}

function timeWords(minute: string, hour: string): string {
  const hours = numbers(hour, 23);
  const minutes = numbers(minute, 59);
  if (hours !== null && minutes !== null && hours.length * minutes.length <= 6)
    return `at ${list(hours.flatMap((h) => minutes.map((m) => `${two(h)}:${two(m)}`)))}`;
  const at =
    minute === "*"
      ? "every minute"
      : /^\*\/\d+$/.test(minute)
        ? `every ${minute.slice(2)} minutes`
        : minute === "0"
          ? "on the hour"
          : `at minute ${fieldWords(minute)}`;
  if (hour === "*") return minute === "0" ? "every hour" : at.startsWith("at ") ? `${at} of every hour` : at;
  if (/^\*\/\d+$/.test(hour))
    return minute === "0" ? `every ${hour.slice(2)} hours` : `${at} of every ${ordinal(hour.slice(2))} hour`;
  const range = /^(\d+)-(\d+)$/.exec(hour);
  if (range !== null) return `${at} from ${two(Number(range[1]))}:00 to ${two(Number(range[2]))}:59`;
  return `${at} of hour ${fieldWords(hour)}`;
}

function dayWords(day: string, weekday: string, month: string): string {
  const months = month === "*" ? "" : ` in ${names(month, MONTHS, 1)}`;
  const parts = [
    ...(day === "*" ? [] : [dayOfMonth(day)]),
    ...(weekday === "*" ? [] : [`on ${names(weekday, DAYS, 0)}`]),
  ];
  // As cron has always had it: with both given, either is enough.
  const days = parts.join(" and ");
  if (days === "") return months === "" ? "" : `every day${months}`;
  return `${days}${months === "" && day !== "*" ? " of every month" : months}`;
}

function dayOfMonth(day: string): string {
  if (day === "L") return "on the last day";
  return /^\*\/\d+$/.test(day) ? `on every ${ordinal(day.slice(2))} day` : `on day ${fieldWords(day)}`;
}

/** `MON-FRI`, `1,3`, `FRI#2`: names where they are plain, else the field as it is. */
function names(field: string, all: readonly string[], from: number): string {
  const name = (text: string) => {
    const index = all.findIndex((each) => each.slice(0, 3).toUpperCase() === text.toUpperCase());
    return index >= 0 ? all[index] : /^\d+$/.test(text) ? all[(Number(text) - from) % all.length] : undefined;
  };
  const words = field.split(",").map((part) => {
    const ends = part.split("-").map(name);
    return ends.some((end) => end === undefined) ? part : ends.join(" to ");
  });
  return list(words);
}

function fieldWords(field: string): string {
  return list(
    field
      .split(",")
      .map((part) => part.replace(/^(\d+)-(\d+)$/, "$1 to $2").replace(/^\*\/(\d+)$/, "every $1th")),
  );
}

/** The numbers a field names one by one, or null. */
function numbers(field: string, max: number): number[] | null {
  if (!/^\d+(,\d+)*$/.test(field)) return null;
  const values = field.split(",").map(Number);
  return values.every((value) => value <= max) ? values.toSorted((a, b) => a - b) : null;
}

function list(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}

function ordinal(number: string): string {
  if (/1\d$/.test(number)) return `${number}th`;
  return `${number}${{ "1": "st", "2": "nd", "3": "rd" }[number.at(-1) ?? ""] ?? "th"}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A time as a clock in the zone shows it: `Sun 2026-03-29 03:00 GMT+2`. */
export function localWords(time: number, timeZone: string): string {
  const parts = Object.fromEntries(
    formatIn(timeZone)
      .formatToParts(time)
      .map(({ type, value }) => [type, value]),
  );
  const seconds = parts["second"] === "00" ? "" : `:${parts["second"]}`;
  return `${parts["weekday"]} ${parts["year"]}-${parts["month"]}-${parts["day"]} ${parts["hour"]}:${parts["minute"]}${seconds} ${parts["timeZoneName"]}`;
}

/** What is odd about a time because clocks are changed around it; null nearly always. `previous` is the time before it in the list. */
export function noteOf(timing: Timing, time: number, previous: number | null): string | null {
  if (timing.cron === undefined) return null;
  const offset = offsetMs(time, timing.time_zone);
  const before = offsetMs(time - DAY_MS, timing.time_zone);
  if (!isNamed(timing, time))
    return `Clocks are put forward by ${lengthWords(offset - before)}; the time it names does not exist that day, so it starts right after.`;
  const later = offsetMs(time + DAY_MS / 2, timing.time_zone);
  const isDoubled = later < offset && offsetMs(time + (offset - later), timing.time_zone) === later;
  if (isDoubled)
    return `Clocks are put back by ${lengthWords(offset - later)}, so this time comes twice; ${isHourly(timing) ? "this is the first" : "it starts at the first"}.`;
  if (previous === null || !isHourly(timing)) return null;
  const change = offset - offsetMs(previous, timing.time_zone);
  if (change === 0) return null;
  return change > 0
    ? `Clocks were put forward by ${lengthWords(change)} since the time before.`
    : `Clocks were put back by ${lengthWords(-change)}; the second time it is this late.`;
}

const DAY_MS = 86_400_000;

/** Whether the schedule goes through the hours rather than naming them; see `schedule.ts`. */
function isHourly(timing: Timing): boolean {
  const [minute = "", hour = ""] = (timing.cron ?? "").trim().split(/\s+/);
  return /[*/]/.test(minute + hour);
}

function lengthWords(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes % 60 === 0 ? (minutes === 60 ? "an hour" : `${minutes / 60} hours`) : `${minutes} minutes`;
}

/** How far local time is ahead of UTC. */
function offsetMs(time: number, timeZone: string): number {
  const parts = Object.fromEntries(
    formatIn(timeZone)
      .formatToParts(time)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const local = Date.UTC(
    parts["year"] ?? 0,
    (parts["month"] ?? 1) - 1,
    parts["day"] ?? 1,
    parts["hour"] ?? 0,
    parts["minute"] ?? 0,
    parts["second"] ?? 0,
  );
  return local - Math.floor(time / 1_000) * 1_000;
}

const ZONES_KEPT_MAX = 100;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Making one is slow; each zone's is made once. */
function formatIn(timeZone: string): Intl.DateTimeFormat {
  const kept = formats.get(timeZone);
  if (kept !== undefined) return kept;
  if (formats.size >= ZONES_KEPT_MAX) formats.clear();
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "shortOffset",
  });
  formats.set(timeZone, format);
  return format;
}
