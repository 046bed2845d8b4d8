import type { LogLine } from "@flowplane/link";
import { TAIL_BYTES_MAX, TAIL_LINES_MAX } from "./limits.ts";
import { since } from "./segments.ts";

/**
 * The newest live lines of one watched run. Pure. They are always without a hole: after lines were lost, it begins
 * anew behind the hole, and when the agent was asked again and repeats older ones, before it.
 */
export class TailBuffer {
  #lines: LogLine[] = [];
  #bytes = 0;

  /** First sequence number held; undefined when it is empty. */
  get first(): number | undefined {
    return this.#lines[0]?.seq;
  }

  get last(): number | undefined {
    return this.#lines.at(-1)?.seq;
  }

  /** Takes lines in ascending order, as one message brought them. */
  add(lines: readonly LogLine[]): void {
    let start = 0;
    for (const [index, line] of lines.entries()) {
      const previous = lines[index - 1];
      if (previous === undefined || line.seq === previous.seq + 1) continue;
      this.#addUnbroken(lines.slice(start, index));
      start = index;
    }
    this.#addUnbroken(lines.slice(start));
    this.#trim();
  }

  /** The lines from `seq` on, at most so many; empty when `seq` is not held. */
  from(seq: number, linesMax: number): readonly LogLine[] {
    const { first, last } = this;
    if (first === undefined || last === undefined || seq < first || seq > last) return [];
    return this.#lines.slice(seq - first, seq - first + linesMax);
  }

  #addUnbroken(lines: readonly LogLine[]): void {
    const [from, to] = [lines[0]?.seq, lines.at(-1)?.seq];
    if (from === undefined || to === undefined) return;
    const { first, last } = this;
    const isContinued = first !== undefined && last !== undefined && from >= first && from <= last + 1;
    if (!isContinued) {
      this.#lines = [...lines];
      this.#bytes = bytesOf(lines);
      return;
    }
    const fresh = since(lines, last + 1);
    for (const line of fresh) this.#lines.push(line);
    this.#bytes += bytesOf(fresh);
  }

  /** Down to half when it is full, so that making room costs little per line. */
  #trim(): void {
    if (this.#bytes <= TAIL_BYTES_MAX && this.#lines.length <= TAIL_LINES_MAX) return;
    let drop = 0;
    // The newest line stays, however long it is.
    while (
      drop < this.#lines.length - 1 &&
      (this.#bytes > TAIL_BYTES_MAX / 2 || this.#lines.length - drop > TAIL_LINES_MAX / 2)
    ) {
      this.#bytes -= this.#lines[drop]?.bytes.length ?? 0;
      drop += 1;
    }
    this.#lines = this.#lines.slice(drop);
  }
}

function bytesOf(lines: readonly LogLine[]): number {
  return lines.reduce((sum, line) => sum + line.bytes.length, 0);
}
