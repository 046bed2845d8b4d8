// Turning agents away so that they do not all come back together. Clients honour integer seconds in
// Retry-After on 429 and 503, and little else.

/** The specification's recommended minimum for a retry. */
export const RETRY_AFTER_SECONDS_MIN = 30;

/** The default width over which returning agents are spread. */
export const RETRY_AFTER_SPREAD_SECONDS = 60;

/** A jittered Retry-After: whole seconds from `minSeconds` (at least 30) to `minSeconds + spreadSeconds`. */
export function retryAfterSeconds(
  random: () => number,
  minSeconds: number = RETRY_AFTER_SECONDS_MIN,
  spreadSeconds: number = RETRY_AFTER_SPREAD_SECONDS,
): number {
  const from = Math.max(RETRY_AFTER_SECONDS_MIN, Math.ceil(minSeconds));
  return from + Math.floor(random() * (spreadSeconds + 1));
}

/**
 * How long each of `count` sockets may stay open while a server drains: evenly spread over `windowMs`, each
 * jittered within its own slot, so that no second of the window gets more than its share.
 */
export function drainDelaysMs(count: number, windowMs: number, random: () => number): number[] {
  const slotMs = windowMs / Math.max(count, 1);
  return Array.from({ length: count }, (_, index) => Math.floor((index + random()) * slotMs));
}
