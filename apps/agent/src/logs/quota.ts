// When a run that outpaces its quota is paused, and when it goes on. Pure.

/** Unshipped output one run may leave on disk before it is paused. */
export const RUN_SPOOL_BYTES_MAX = 256 * 1024 * 1024;
/** Unshipped output all runs of this host may leave on disk before those that write are paused. */
export const HOST_SPOOL_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** A paused run goes on when this share of the quota that stopped it is free again; a gap, so that it does not flutter. */
const RESUME_BELOW_SHARE = 0.75;

export type Quota = { runBytesMax: number; hostBytesMax: number };

export type QuotaVerdict = "run_full" | "host_full" | "fits";

/** What to make of a run that holds `runBytes` on a host that holds `hostBytes`. */
export function judgeQuota(
  quota: Quota,
  isFrozen: boolean,
  runBytes: number,
  hostBytes: number,
): QuotaVerdict {
  const share = isFrozen ? RESUME_BELOW_SHARE : 1;
  if (runBytes > quota.runBytesMax * share) return "run_full";
  // A run with nothing on disk is not what fills the host.
  if (runBytes > 0 && hostBytes > quota.hostBytesMax * share) return "host_full";
  return "fits";
}
