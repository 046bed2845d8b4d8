/** Failures that say the same, counted since the job last made progress. */
export interface Signature {
  readonly id: number;
  /** Occurrences at least a second apart: what many ranks say at once counts once. */
  count: number;
  /** Occurrences whose every number and name had been seen before. */
  repeats: number;
  all: number;
  epoch: number;
  firstLine: number;
  firstAt: number;
  lastLine: number;
  lastAt: number;
  countedAt: number;
  flags: number;
  firstText: string;
  lastBytes: Uint8Array | null;
  /** Gaps between counted occurrences, by powers of two of milliseconds. */
  readonly gaps: Uint16Array;
}

export const SIGNATURES_MAX = 128;
export const SIGNATURE_TEXT_MAX = 240;
const GAP_CLASSES = 32;
export const BURST_MS = 1_000;

export type Signatures = Map<number, Signature>;

/** The entry of a failure; the one not seen for longest makes room. */
export function signatureOf(signatures: Signatures, id: number): Signature {
  let entry = signatures.get(id);
  if (entry === undefined) {
    if (signatures.size >= SIGNATURES_MAX) {
      for (const oldest of signatures.keys()) {
        signatures.delete(oldest);
        break;
      }
    }
    entry = {
      id,
      count: 0,
      repeats: 0,
      all: 0,
      epoch: -1,
      firstLine: 0,
      firstAt: 0,
      lastLine: 0,
      lastAt: 0,
      countedAt: 0,
      flags: 0,
      firstText: "",
      lastBytes: null,
      gaps: new Uint16Array(GAP_CLASSES),
    };
  } else signatures.delete(id);
  // Maps keep insertion order, so the first key is the one seen longest ago.
  signatures.set(id, entry);
  return entry;
}

export interface Occurrence {
  readonly at: number;
  readonly line: number;
  readonly lastLine: number;
  readonly flags: number;
  readonly epoch: number;
  readonly known: boolean;
  readonly bytes: Uint8Array;
}

/** Counts one more failure of this signature. */
export function occur(entry: Signature, seen: Occurrence): void {
  if (entry.epoch !== seen.epoch) {
    entry.epoch = seen.epoch;
    entry.count = 0;
    entry.repeats = 0;
    entry.all = 0;
    entry.gaps.fill(0);
    entry.firstLine = seen.line;
    entry.firstAt = seen.at;
    entry.firstText = readableText(seen.bytes);
  }
  entry.all += 1;
  entry.lastLine = seen.lastLine;
  entry.lastAt = seen.at;
  entry.flags |= seen.flags;
  entry.lastBytes = seen.bytes;
  if (entry.count > 0 && seen.at - entry.countedAt < BURST_MS) return;
  if (entry.count > 0) {
    const gapClass = Math.min(
      GAP_CLASSES - 1,
      32 - Math.clz32(Math.min(seen.at - entry.countedAt, 0x7fffffff)),
    );
    entry.gaps[gapClass] = Math.min(0xffff, (entry.gaps[gapClass] as number) + 1);
  }
  entry.count += 1;
  if (seen.known) entry.repeats += 1;
  entry.countedAt = seen.at;
}

/** Median gap, exact to a factor of two: enough to tell a spin from a slow wait. */
export function periodMs(entry: Signature): number {
  let total = 0;
  for (const count of entry.gaps) total += count;
  if (total === 0) return 0;
  let sum = 0;
  for (let gapClass = 0; gapClass < GAP_CLASSES; gapClass += 1) {
    sum += entry.gaps[gapClass] as number;
    if (sum * 2 >= total) return Math.floor(0.75 * 2 ** gapClass);
  }
  return 0;
}

/** Mean gap between all occurrences: however many come within a second, each counts. */
export function meanGapMs({ all, firstAt, lastAt }: Signature): number {
  return all < 2 ? 0 : Math.floor((lastAt - firstAt) / (all - 1));
}

/** The visible characters of a line, for people; bytes outside ASCII are decoded as UTF-8, broken ones replaced. */
export function readableText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, SIGNATURE_TEXT_MAX * 2));
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is to go
  const plain = text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  return plain.slice(0, SIGNATURE_TEXT_MAX);
}
