/** Small words for tables and sentences. All are pure; `now` is milliseconds since the epoch. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `850ms`, `4.2s`, `3m 10s`, `2h 5m`, `12d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 10 * SECOND_MS) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s`;
  if (ms < HOUR_MS) return two(ms, MINUTE_MS, "m", SECOND_MS, "s");
  if (ms < DAY_MS) return two(ms, HOUR_MS, "h", MINUTE_MS, "m");
  return two(ms, DAY_MS, "d", HOUR_MS, "h");
}

function two(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)}${bigUnit}${rest === 0 ? "" : ` ${rest}${smallUnit}`}`;
}

/** `4.2s ago`, `in 7h`, `now`; `-` for never. */
export function formatWhen(timestamp: string | null, now: number): string {
  if (timestamp === null) return "-";
  const ms = Date.parse(timestamp) - now;
  if (Math.abs(ms) < SECOND_MS) return "now";
  const whole = formatDuration(Math.floor(Math.abs(ms) / SECOND_MS) * SECOND_MS).replace(".0s", "s");
  return ms < 0 ? `${whole} ago` : `in ${whole}`;
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/**
 * The last eight characters of an id, as tables show it. Ids begin with the time of their making, so those of one
 * minute share their first eight; the end is random.
 */
export function shortId(id: string): string {
  return id.length <= 8 ? id : id.slice(-8);
}

/** An argument vector as one could type it into a shell. */
export function formatCommand(command: string, args: readonly string[]): string {
  return [command, ...args].map(quote).join(" ");
}

function quote(argument: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", "'\\''")}'`;
}

export function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "-" : pairs.join(" ");
}
