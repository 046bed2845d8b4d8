/** Lines by what they say: what varies (numbers, times, ids, addresses) is masked, so that alike lines count as one. */
import type { LogLine } from "@flowplane/contract";
import { parseAnsi } from "./ansi.ts";
import { collapseProgress } from "./display.ts";

export interface Pattern {
  readonly text: string;
  readonly count: number;
  readonly first: LogLine;
  readonly last: LogLine;
  readonly stderr: number;
}

const PATTERN_CHARS_MAX = 400;
/** Distinct patterns kept; rarer ones that come later are counted together. */
export const PATTERNS_MAX = 5_000;

// In this order: what contains other kinds comes first.
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, "<time>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>"],
  [/\b0x[0-9a-f]+\b/gi, "<hex>"],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{6,}\b/gi, "<hex>"],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, "<ip>"],
  [/[-+]?\d+(?:[.,]\d+)*/g, "<n>"],
];

export function patternOf(line: Pick<LogLine, "text">): string {
  const plain = parseAnsi(collapseProgress(line.text).text.slice(0, PATTERN_CHARS_MAX))
    .map(({ text }) => text)
    .join("");
  return MASKS.reduce((text, [mask, name]) => text.replace(mask, name), plain).trim();
}

/** Counts lines as they come; answers what it knows so far, most frequent first. */
export class PatternCounter {
  readonly #patterns = new Map<string, { count: number; first: LogLine; last: LogLine; stderr: number }>();
  #lines = 0;
  #uncounted = 0;
  #lastSeq = 0;

  /** Number of the last line it was given. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      this.#lastSeq = line.seq;
      this.#lines += 1;
      const text = patternOf(line);
      const isStderr = line.stream === "stderr" ? 1 : 0;
      const known = this.#patterns.get(text);
      if (known !== undefined) {
        known.count += 1;
        known.last = line;
        known.stderr += isStderr;
      } else if (this.#patterns.size < PATTERNS_MAX)
        this.#patterns.set(text, { count: 1, first: line, last: line, stderr: isStderr });
      else this.#uncounted += 1;
    }
  }

  /** Lines counted so far, and of them those whose pattern came when there were too many already. */
  get lines(): { total: number; uncounted: number } {
    return { total: this.#lines, uncounted: this.#uncounted };
  }

  patterns(): Pattern[] {
    return [...this.#patterns]
      .map(([text, known]) => ({ text, ...known }))
      .toSorted((a, b) => b.count - a.count || a.first.seq - b.first.seq);
  }
}
