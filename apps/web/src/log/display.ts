/** One line of a log as it is shown: progress collapsed, giants cut, colours parsed, matches of a search marked. */
import type { LogLine } from "@flowplane/contract";
import { parseAnsi, type Span } from "./ansi.ts";

export const SHOWN_LENGTH_MAX = 4_000;

/** What a terminal would still show of a line that was written over and over with carriage returns. */
export function collapseProgress(text: string): { text: string; hidden: number } {
  if (!text.includes("\r")) return { text, hidden: 0 };
  const versions = text.split("\r").filter((version) => version !== "");
  return { text: versions.at(-1) ?? "", hidden: Math.max(0, versions.length - 1) };
}

export interface ShownLine {
  readonly spans: readonly Span[];
  /** Earlier versions of the line that carriage returns wrote over. */
  readonly hidden: number;
  /** Characters left out at the end. */
  readonly cut: number;
}

const shown = new WeakMap<LogLine, ShownLine>();

export function showLine(line: LogLine): ShownLine {
  const known = shown.get(line);
  if (known !== undefined) return known;
  const { text, hidden } = collapseProgress(line.text);
  const cut = Math.max(0, text.length - SHOWN_LENGTH_MAX);
  const made = { spans: parseAnsi(cut === 0 ? text : text.slice(0, SHOWN_LENGTH_MAX)), hidden, cut };
  shown.set(line, made);
  return made;
}

export interface MarkedSpan extends Span {
  readonly isMatch: boolean;
}

/** The spans cut at the borders of each place where `query` stands, letter case ignored; matches may cross colours. */
export function markMatches(spans: readonly Span[], query: string): MarkedSpan[] {
  if (query === "") return spans.map((span) => ({ ...span, isMatch: false }));
  const text = spans.map((span) => span.text).join("");
  const inside = matchRanges(text, query);
  const marked: MarkedSpan[] = [];
  let at = 0;
  for (const { text: part, style } of spans) {
    const end = at + part.length;
    const cuts = [at, ...inside.flat().filter((cut) => cut > at && cut < end), end];
    for (const [index, from] of cuts.slice(0, -1).entries()) {
      const piece = text.slice(from, cuts[index + 1]);
      if (piece !== "") {
        marked.push({
          text: piece,
          style,
          isMatch: inside.some(([start, stop]) => from >= start && from < stop),
        });
      }
    }
    at = end;
  }
  return marked;
}

function matchRanges(text: string, query: string): [number, number][] {
  const ranges: [number, number][] = [];
  const [where, what] = [text.toLowerCase(), query.toLowerCase()];
  // Lower case may change the length of exotic letters; then the places would be wrong, so compare as it stands.
  const [haystack, needle] =
    where.length === text.length && what.length === query.length ? [where, what] : [text, query];
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + needle.length)) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
}
