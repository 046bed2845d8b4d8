import { isUtf8 } from "node:buffer";
import type { LogLine as LinkLine } from "@flowplane/link";
import type { LogLine } from "@flowplane/contract";

/** A line as the API shows it: text, and the exact bytes beside it where they are no UTF-8. */
export function lineOf(line: LinkLine): LogLine {
  const bytes = bufferOf(line);
  const shown: LogLine = {
    seq: line.seq,
    at: isoTime(line.atMs),
    stream: line.stream,
    text: bytes.toString("utf8"),
    partial: line.partial,
  };
  if (!isUtf8(bytes)) shown.base64 = bytes.toString("base64");
  return shown;
}

/** The same bytes as a Buffer, not a copy. */
export function bufferOf({ bytes }: LinkLine): Buffer {
  if (bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

let [lastMs, lastTime] = [Number.NaN, ""];

/** Lines come in batches of one time: formatting it once for each line would be a good part of showing a log. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) [lastMs, lastTime] = [ms, new Date(ms).toISOString()];
  return lastTime;
}

/** Cuts lines into pieces of at most so many lines and bytes, at least one line each. */
export function* pieces(
  lines: readonly LinkLine[],
  linesMax: number,
  bytesMax: number,
): Generator<readonly LinkLine[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    if (index > start && (index - start >= linesMax || bytes + line.bytes.length > bytesMax)) {
      yield lines.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += line.bytes.length;
  }
  if (start < lines.length) yield lines.slice(start);
}
