const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "just now", "12 s ago", "in 7 h": how far `at` is from `now` (both ms since epoch), rounded down to one unit. */
export function relativeTime(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < 2 * SECOND) return "just now";
  const text = oneUnit(distance);
  return at > now ? `in ${text}` : `${text} ago`;
}

/** "840 ms", "12.4 s", "3 m 05 s", "2 h 14 m", "5 d 3 h": a length of time in at most two units. */
export function duration(ms: number): string {
  if (ms < 0) return duration(0);
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} m ${pad(Math.floor((ms % MINUTE) / SECOND))} s`;
  if (ms < DAY) return twoUnits(Math.floor(ms / HOUR), "h", pad(Math.floor((ms % HOUR) / MINUTE)), "m");
  return twoUnits(Math.floor(ms / DAY), "d", String(Math.floor((ms % DAY) / HOUR)), "h");
}

/** "500 ms", "1 s", "5 min", "1 h 30 min", "2 d": a length of time that somebody has set, in ms, exactly. */
export function span(ms: number): string {
  const parts: string[] = [];
  let left = Math.round(ms);
  for (const [size, name] of SPAN_UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count} ${name}`);
    left -= count * size;
  }
  return parts.length === 0 ? "0 s" : parts.join(" ");
}

const SPAN_UNITS = [
  [DAY, "d"],
  [HOUR, "h"],
  [MINUTE, "min"],
  [SECOND, "s"],
  [1, "ms"],
] as const;

/** "59:07" or "1:04:09": what a countdown shows; "0:00" when it is over. */
export function countdown(ms: number): string {
  const left = Math.max(0, Math.ceil(ms / SECOND));
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  const tail = pad(left % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** The whole point in time, in the reader's zone and with its offset. */
export function absoluteTime(at: number): string {
  return absolute.format(at);
}

/** "14:03:07.124" in the reader's zone: the time column of a log. */
export function clockTime(at: number): string {
  const date = new Date(at);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const absolute = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});

function twoUnits(large: number, largeUnit: string, small: string, smallUnit: string): string {
  return Number(small) === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function oneUnit(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  if (ms < 60 * DAY) return `${Math.floor(ms / DAY)} d`;
  if (ms < 730 * DAY) return `${Math.floor(ms / (30 * DAY))} months`;
  return `${Math.floor(ms / (365 * DAY))} years`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
