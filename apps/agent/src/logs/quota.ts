// When a run that outpaces its quota is paused, and when it goes on. Pure.

/** Unshipped output one run may leave on disk before it is paused. */
export const RUN_SPOOL_BYTES_MAX = 256 * 1024 * 1024;
/** Unshipped output all runs of this host may leave on disk before those that write are paused. */
export const HOST_SPOOL_BYTES_MAX = 2 * 1024 * 1024 * 1024;
/** Free space on the disk that runs may not fill: the agent's own store, which gets the log off the host, needs it. */
export const DISK_RESERVE_BYTES = 64 * 1024 * 1024;
/** A paused run goes on when this share of the quota that stopped it is free again; a gap, so that it does not flutter. */
const RESUME_BELOW_SHARE = 0.75;

export type Quota = { runBytesMax: number; hostBytesMax: number; diskReserveBytes: number };

export type QuotaVerdict = "run_full" | "host_full" | "disk_full" | "fits";

/** What to make of a run that holds `runBytes` on a host that holds `hostBytes` and has `diskFreeBytes` left. */
export function judgeQuota(
  quota: Quota,
  isFrozen: boolean,
  runBytes: number,
  hostBytes: number,
  diskFreeBytes: number,
): QuotaVerdict {
  const share = isFrozen ? RESUME_BELOW_SHARE : 1;
  if (runBytes > quota.runBytesMax * share) return "run_full";
  // A run with nothing on disk is not what fills it.
  if (runBytes > 0 && hostBytes > quota.hostBytesMax * share) return "host_full";
  if (runBytes > 0 && diskFreeBytes < quota.diskReserveBytes / share) return "disk_full";
  return "fits";
}
