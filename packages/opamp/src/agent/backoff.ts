// How long to stay away after a connection failed or ended.

export const BACKOFF_BASE_MS = 2_000;
export const BACKOFF_MAX_MS = 60_000;

/** A server that says when to come back is not met by everybody in the same second. */
export const RETRY_AFTER_JITTER = 0.1;

/**
 * Between a tenth and the whole of a window that doubles with each failure up to a minute. The first window
 * is wide on purpose: when a server restarts, its whole fleet is in it.
 */
export function backoffMs(failures: number, random: () => number): number {
  const windowMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(failures, 16));
  return Math.round(windowMs * (0.1 + 0.9 * random()));
}

/** The server's own wish, stretched by up to a tenth, if it is longer than the backoff. */
export function retryDelayMs(
  failures: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number {
  const ownMs = backoffMs(failures, random);
  if (retryAfterMs === undefined) return ownMs;
  return Math.max(ownMs, Math.round(retryAfterMs * (1 + RETRY_AFTER_JITTER * random())));
}
