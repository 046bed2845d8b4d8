import type { Isolation, RetryPolicy } from "@flowplane/contract";
import { span } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";

const REASON_WORD = {
  failed: "failing",
  timed_out: "running out of time",
  lost: "being lost",
  succeeded: "succeeding",
} as const;

/** "up to 3 times after failing or being lost, first after 5.0 s, at most every 5 m 00 s". */
export function retryWords(retry: RetryPolicy | null): string {
  if (retry === null || retry.retries_max === 0) return "none";
  const reasons = retry.on.map((reason) => REASON_WORD[reason]);
  const list =
    reasons.length === 1 ? reasons[0] : `${reasons.slice(0, -1).join(", ")} or ${reasons.at(-1) ?? ""}`;
  return `up to ${counted(retry.retries_max, "time")} after ${list}, first after ${span(retry.backoff_ms)}, waiting ${span(retry.backoff_max_ms)} at most`;
}

export function isolationWords(isolation: Isolation | null): string {
  if (isolation === null) return "as the site says";
  switch (isolation.mode) {
    case "process":
      return "a process like any other";
    case "idle":
      return "idle: only what nobody else wants of CPU and disk";
    case "container":
      return `a rootless container of ${isolation.image ?? ""}, network ${isolation.network ?? "none"}`;
  }
}
