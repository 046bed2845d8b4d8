import { createLogReader, HEAD_BYTES, type LineEvent } from "../src/index.ts";
import type { Random } from "./random.ts";

/** A benign log as it might have been written instead: faster, slower, by many, through another pipe. All stay benign. */
export interface Transform {
  readonly name: string;
  /** Line numbers still mean what they meant. */
  readonly keepsLines: boolean;
  /** Takes the times away. */
  readonly untimes?: true;
  /** Makes no sense for the transcript of one agent. */
  readonly ofProcesses: boolean;
  /** With how many other logs each is combined. */
  readonly partners: number;
  apply(log: readonly LineEvent[], other: readonly LineEvent[], random: Random): LineEvent[];
}

export function linesOf(bytes: Uint8Array): { timed: boolean; log: LineEvent[] } {
  const reader = createLogReader(bytes.subarray(0, HEAD_BYTES));
  return { timed: reader.timed, log: [...reader.push(bytes), ...reader.end()] };
}

const RANKS = 64;
const RANK_LINES_MAX = 400;
const RANK_SPREAD_MS = 800;
const STAMP = new RegExp(
  String.raw`^(?:\x1b\[[0-9;]*m)*[[(]?(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[A-Z][a-z]{2} +\d{1,2}|\d{8}|\d{6} \d{6})?` +
    String.raw`[T \-:]*(?:\d{1,2}:\d{2}:\d{2}(?:[.,:]\d+)?)?Z?[\])]? ?(?:[-|:] )?`,
);

const SAME_LINES = { keepsLines: true, ofProcesses: false, partners: 0 };

export const TRANSFORMS: readonly Transform[] = [
  { name: "as it is", ...SAME_LINES, apply: (log) => [...log] },
  ...[0.1, 0.3, 3, 10].map((speed) => ({
    name: `speed x${speed}`,
    ...SAME_LINES,
    apply: (log: readonly LineEvent[]) => {
      const from = log[0]?.at ?? 0;
      return log.map((line) => ({ ...line, at: from + Math.round((line.at - from) / speed) }));
    },
  })),
  {
    name: "times stripped",
    untimes: true,
    ...SAME_LINES,
    apply: (log) =>
      log.map((line, index) => ({
        ...line,
        at: index * 100,
        bytes: latin1(text(line.bytes).replace(STAMP, "")),
      })),
  },
  {
    name: "two logs interleaved",
    keepsLines: false,
    ofProcesses: true,
    partners: 3,
    apply: (log, other, random) => interleave(log, other, random),
  },
  {
    name: `${RANKS} ranks`,
    keepsLines: false,
    ofProcesses: true,
    partners: 0,
    apply: (log, _, random) =>
      log.slice(0, RANK_LINES_MAX).flatMap((line) => {
        const copies = Array.from({ length: RANKS }, () => ({
          ...line,
          at: line.at + random.whole(0, RANK_SPREAD_MS),
        }));
        return copies.toSorted((a, b) => a.at - b.at);
      }),
  },
];

/** Both at their own pace from a common start, as the lines of two streams arrive. */
function interleave(a: readonly LineEvent[], b: readonly LineEvent[], random: Random): LineEvent[] {
  const merged: LineEvent[] = [];
  let i = 0;
  let j = 0;
  const from = [a[0]?.at ?? 0, b[0]?.at ?? 0] as const;
  while (i < a.length || j < b.length) {
    const takeA = j >= b.length || (i < a.length && random.next() < a.length / (a.length + b.length));
    const line = takeA ? a[i] : b[j];
    if (line === undefined) break;
    const at = line.at - (takeA ? from[0] : from[1]);
    merged.push({ ...line, stream: takeA ? "stdout" : "stderr", at: Math.max(at, merged.at(-1)?.at ?? 0) });
    if (takeA) i += 1;
    else j += 1;
  }
  return merged;
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function latin1(line: string): Uint8Array {
  return Buffer.from(line, "latin1");
}
