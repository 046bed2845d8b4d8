import { finish, mix } from "./hash.ts";
import { Flag } from "./flags.ts";
import { type Scan } from "./scan.ts";

/**
 * A failure is printed over many lines: a head, stack frames, an exception's name. They are one record, so that a trace of
 * forty lines weighs as one failure. Other lines are a record each.
 */
export interface OpenRecord {
  open: boolean;
  line: number;
  lastLine: number;
  at: number;
  /** When its last line came. */
  lastAt: number;
  lines: number;
  flags: number;
  stable: number;
  signature: number;
  /** The lines end as the first one did: the last line of a Python trace names the error. */
  frames: number;
  bytes: Uint8Array;
}

export const RECORD_LINES_MAX = 60;
const HEAD_BYTES_KEPT = 512;
const NOTHING = new Uint8Array(0);

export function newRecord(): OpenRecord {
  return {
    open: false,
    line: 0,
    lastLine: 0,
    at: 0,
    lastAt: 0,
    lines: 0,
    flags: 0,
    stable: 0,
    signature: 0,
    frames: 0,
    bytes: NOTHING,
  };
}

/** Whether the line belongs to the failure before it. `stamped`: the log writes a time at the head of its records. */
export function belongs(record: OpenRecord, line: Scan, stamped: boolean): boolean {
  if (!record.open || record.lines >= RECORD_LINES_MAX) return false;
  if ((line.flags & Flag.continuation) !== 0) return true;
  const headStamped = (record.flags & Flag.stamped) !== 0;
  if ((record.flags & Flag.trace) !== 0) {
    // A trace ends with the line that names the error.
    return (
      record.frames > 0 &&
      (line.flags & (Flag.failure | Flag.trace)) === Flag.failure &&
      (headStamped || (line.flags & Flag.stamped) === 0)
    );
  }
  return stamped && headStamped && (line.flags & Flag.stamped) === 0;
}

export function openRecord(
  record: OpenRecord,
  line: Scan,
  at: number,
  number: number,
  bytes: Uint8Array,
): void {
  record.open = true;
  record.line = number;
  record.lastLine = number;
  record.at = at;
  record.lastAt = at;
  record.lines = 1;
  record.flags = line.flags;
  record.stable = line.stable;
  record.signature = line.template;
  record.frames = 0;
  // A copy, also where a Buffer comes, whose `slice` makes none.
  record.bytes = new Uint8Array(bytes.subarray(0, HEAD_BYTES_KEPT));
}

export function extend(record: OpenRecord, line: Scan, at: number, number: number): void {
  record.lastAt = at;
  record.lines += 1;
  record.lastLine = number;
  if ((line.flags & Flag.continuation) !== 0) {
    if ((line.flags & Flag.empty) === 0) record.frames += 1;
    record.flags |= line.flags & (Flag.exit | Flag.retry);
    return;
  }
  if ((line.flags & Flag.failure) === 0) return;
  // The error's name tells failures apart that begin alike.
  record.signature = finish(mix(record.signature, line.template));
  record.stable = finish(mix(record.stable, line.stable));
  record.flags |= line.flags & ~Flag.stamped;
  if ((record.flags & Flag.trace) !== 0) record.flags &= ~Flag.trace;
}
