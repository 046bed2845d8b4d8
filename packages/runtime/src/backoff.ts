import type { Random } from "./clock.ts";

export type BackoffOptions = { baseMs: number; maxMs: number };

/**
 * Milliseconds to wait after `failures` failures in a row (0 or fewer: no wait).
 *
 * Full jitter: uniform between 0 and `min(maxMs, baseMs * 2^(failures - 1))`. Agents that lost the same
 * server at the same instant come back spread over the whole interval, not in waves.
 */
export function backoffMs(failures: number, random: Random, { baseMs, maxMs }: BackoffOptions): number {
  if (failures <= 0) return 0;
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** (failures - 1));
  return Math.floor(random() * ceilingMs);
}

/**
 * Milliseconds asked for by a Retry-After header, which is a count of seconds or an HTTP date (RFC 9110 §10.2.3).
 * `null` when the header is absent or says neither; never negative.
 */
export function retryAfterMs(header: string | null | undefined, now: number): number | null {
  const text = header?.trim();
  if (!text) return null;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  // Date.parse reads much that is no HTTP date ("-5" is a year to it), and each HTTP date form starts with a weekday.
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
