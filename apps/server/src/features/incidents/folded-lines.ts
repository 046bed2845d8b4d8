import type { LogLine as LinkLine } from "@flowplane/link";
import type { IncidentDetail, LogLine } from "@flowplane/contract";
import type { Ctx } from "../../platform/context.ts";
import { lineOf } from "../runs/logs/lines.ts";
import { storedLines } from "../runs/logs/segments.ts";
import { FOLDED_CHARS_MAX, FOLDED_LINES_MAX, SHOWN_BYTES_READ_MAX, SHOWN_LINES_READ_MAX } from "./limits.ts";

type Folded = IncidentDetail["lines"][number];

/**
 * The lines of a stretch, each different one once with its count. Lines that differ in numbers alone count as the same. Of a
 * long stretch the beginning and the end are read. What is not stored, any more or yet, is missing.
 */
export async function foldedLines(
  ctx: Ctx,
  runId: string,
  stretch: { readonly from: number; readonly to: number },
  storedSeq: number,
): Promise<Folded[]> {
  const [from, to] = [Math.max(1, stretch.from), Math.min(stretch.to, storedSeq)];
  const isShort = to - from < 2 * SHOWN_LINES_READ_MAX;
  const parts: [number, number][] = isShort
    ? [[from, to]]
    : [
        [from, from + SHOWN_LINES_READ_MAX - 1],
        [to - SHOWN_LINES_READ_MAX + 1, to],
      ];
  const folds = new Map<string, { count: number; first: LogLine; last_seq: number }>();
  for (const [first, last] of parts) {
    if (first > last) continue;
    let bytes = 0;
    for await (const lines of storedLines(ctx, runId, first, storedSeq)) {
      for (const line of lines) {
        if (line.seq > last || bytes > SHOWN_BYTES_READ_MAX) break;
        fold(folds, line);
        bytes += line.bytes.length;
      }
      if (bytes > SHOWN_BYTES_READ_MAX || (lines.at(-1)?.seq ?? last) >= last) break;
    }
  }
  return [...folds]
    .toSorted(([, a], [, b]) => b.count - a.count || a.first.seq - b.first.seq)
    .slice(0, FOLDED_LINES_MAX)
    .toSorted(([, a], [, b]) => a.first.seq - b.first.seq)
    .map(([text, { count, first, last_seq }]) => ({ text, count, first, last_seq }));
}

function fold(folds: Map<string, { count: number; first: LogLine; last_seq: number }>, line: LinkLine): void {
  const first = lineOf(line);
  const text = first.text.replaceAll(/\d+/g, "#").slice(0, FOLDED_CHARS_MAX);
  const known = folds.get(text);
  if (known === undefined) folds.set(text, { count: 1, first, last_seq: line.seq });
  else {
    known.count += 1;
    known.last_seq = line.seq;
  }
}
