// Whether another attempt follows a run's end, and when. Pure.

import type { EndState, RetrySpec } from "@flowplane/link";
import { backoffMs } from "@flowplane/runtime";
import type { Random } from "@flowplane/runtime";

/** Attempts of one lineage within ATTEMPTS_WINDOW_MS, however often its count began afresh: a crash loop ends. */
export const ATTEMPTS_MAX = 50;
export const ATTEMPTS_WINDOW_MS = 24 * 3_600_000;

export type Ended = {
  state: EndState;
  /** How long the process ran; 0 for one that never did. */
  ranMs: number;
  retriesUsed: number;
  /** Attempts of this lineage within the window. */
  attemptsOfLate: number;
};

export type RetryVerdict = { delayMs: number; retriesUsed: number } | { none: string | null };

/** An end that is one of the policy's reasons. What a detection policy stopped counts as failed. */
const REASON_OF = {
  FAILED: "failed",
  STOPPED: "failed",
  TIMED_OUT: "timed_out",
  LOST: "lost",
  SUCCEEDED: "succeeded",
  // Something of it may still live: a second one beside it would be worse than none.
  FAILED_STOP: null,
} as const satisfies Record<EndState, RetrySpec["on"][number] | null>;

/** `none` says for people why there is no further attempt, or is null when none was promised. */
export function judgeRetry(retry: RetrySpec | undefined, ended: Ended, random: Random): RetryVerdict {
  if (!retry || retry.retries_max === 0) return { none: null };
  const reason = REASON_OF[ended.state];
  if (reason === null) return { none: "it is not started again while something of it may still run" };
  if (!retry.on.includes(reason)) return { none: null };
  const used = ended.ranMs >= retry.reset_after_ms ? 0 : ended.retriesUsed;
  if (used >= retry.retries_max) return { none: `it was started again ${used} times, as often as it may be` };
  const attemptsMax = Math.max(ATTEMPTS_MAX, retry.retries_max);
  if (ended.attemptsOfLate >= attemptsMax)
    return { none: `it was started again ${ended.attemptsOfLate} times within a day` };
  const limits = { baseMs: retry.backoff_ms, maxMs: retry.backoff_max_ms };
  return { delayMs: backoffMs(used + 1, random, limits), retriesUsed: used + 1 };
}
