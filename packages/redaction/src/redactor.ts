// Takes the secrets out of a stream of output, bytes in and bytes out. What it decides at a byte depends on a bounded
// stretch around it and on a few numbers of state, so the result is the same however the stream comes in pieces.

import { Anchors } from "./anchors.ts";
import type { Needle } from "./anchors.ts";
import { CHARSETS, grownEnd, growthOf, Runs, stillGrowing } from "./charsets.ts";
import { encodingsOf } from "./encodings.ts";
import { inOrder, makeFinding, RANK } from "./finding.ts";
import type { Finding } from "./finding.ts";
import {
  CONTEXT_BYTES,
  KNOWN_BYTES_MIN,
  KNOWN_VALUES_MAX,
  LOOKAHEAD_BYTES,
  SECRET_BYTES_MAX,
  WORD_REACH_BYTES,
} from "./limits.ts";
import type { Pattern } from "./pattern.ts";
import { begunPem, PEM_MARK, pemBegins, walkPem } from "./pem.ts";
import type { PemState } from "./pem.ts";
import { shapeRules } from "./shapes.ts";
import type { Judge } from "./shapes.ts";
import { FOLD, latin1, utf8 } from "./text.ts";
import { judgeUrl, URL_MARK } from "./urls.ts";
import { judgeWord, WORDS } from "./words.ts";

/**
 * What to go on with behind the bytes taken so far; plain data. `skip` bytes still belong to a secret that is already
 * marked, and after them those of any set in `growing` for as long as that set has them without a gap: secrets that overlap
 * may be made of different bytes, and the longest ends the mark.
 */
export type RedactionState = {
  pem: PemState;
  skip: number;
  /** One bit for each set, see charsets.ts. */
  growing: number;
  flushed: boolean;
  /** The number of a single set, in states that were stored before there were several. */
  swallow?: number;
};
export const FRESH_STATE: RedactionState = { pem: 0, skip: 0, growing: 0, flushed: false };

export type RedactorOptions = {
  /** Secret values to be found in any encoding. Those shorter than KNOWN_BYTES_MIN are left out, as is what is beyond KNOWN_VALUES_MAX. */
  known: readonly string[];
  patterns: readonly Pattern[];
  /** Eight hexadecimal digits of a keyed hash: the same for the same secret, and telling nothing else of it. */
  digits: (secret: Uint8Array) => string;
};

/**
 * `bytes` stand for the first `taken` bytes that were new, and are good until the next call; with nothing to redact they
 * are a view of the input. `marks` counts what was redacted.
 */
export type Redacted = { bytes: Uint8Array; taken: number; marks: number; state: RedactionState };

export type Redactor = {
  /**
   * Redacts what is new in `input`, from `from` on; before it stand up to CONTEXT_BYTES that were taken already. With
   * "lines" it takes whole lines, and of a very long one what can be decided; with "all" everything, though more might
   * follow; with a number what "lines" took when it took up to there, as long as LOOKAHEAD_BYTES of what follows are shown.
   */
  redact(state: RedactionState, input: Uint8Array, from: number, take: "lines" | "all" | number): Redacted;
  /** The text without its secrets, for a word or a sentence. */
  redactText(text: string): string;
};

const NEWLINE = 10;

type Rule = { judge: Judge; doneTo: number };

export function createRedactor(options: RedactorOptions): Redactor {
  let input: Uint8Array = new Uint8Array();
  /** Used again and again: a flood of output must not become a flood of garbage. */
  let output: Uint8Array = new Uint8Array();
  let findings: Finding[] = [];
  let pemMarks: number[] = [];
  const runs = new Runs();
  const rules: Rule[] = [];
  const needles: Needle[] = [];
  const places = options.patterns.map(() => [] as number[]);
  const tell = (finding: Finding) => void findings.push(finding);

  const addRule = (bytes: Uint8Array, anyCase: boolean, judge: Judge) => {
    const rule = { judge, doneTo: -1 };
    rules.push(rule);
    const found = (at: number) => {
      if (at >= rule.doneTo) rule.doneTo = judge(input, at, tell);
    };
    needles.push({ bytes, anyCase, found });
  };
  for (const { prefix, judge } of shapeRules(runs)) addRule(prefix, false, judge);
  const judgeOne =
    (find: (bytes: Uint8Array, at: number) => Finding | null): Judge =>
    (bytes, at) => {
      const finding = find(bytes, at);
      if (!finding) return at;
      tell(finding);
      return at;
    };
  for (const word of WORDS)
    addRule(
      latin1(word.text),
      true,
      judgeOne((bytes, at) => judgeWord(word, bytes, at, runs)),
    );
  addRule(URL_MARK, false, judgeOne(judgeUrl));
  needles.push({ bytes: PEM_MARK, anyCase: false, found: (at) => void pemMarks.push(at) });
  needles.push(...knownNeedles(options, () => input, tell));
  for (const [i, pattern] of options.patterns.entries()) {
    const { prefix: bytes } = pattern;
    needles.push({ bytes, anyCase: false, found: (at) => void places[i]?.push(at) });
  }
  const anchors = new Anchors(needles);

  const collect = (from: number, to: number) => {
    for (const rule of rules) rule.doneTo = -1;
    runs.forget();
    findings = [];
    pemMarks = [];
    for (const list of places) list.length = 0;
    // A known value may reach back one byte further than it was found by.
    anchors.scan(input, from, to + 1, input.length);
    for (const [i, list] of places.entries()) {
      const pattern = options.patterns[i];
      if (!pattern || list.length === 0) continue;
      list.sort((a, b) => a - b);
      pattern.findAll(input, list, (start, end) =>
        tell(makeFinding(input, start, end, pattern.name, RANK.custom)),
      );
    }
  };

  const redact: Redactor["redact"] = (state, bytes, from, take) => {
    input = bytes;
    const all = take === "all";
    const end = typeof take === "number" ? take : all ? input.length : decidedEnd(input, from);
    if (end <= from) return { bytes: input.subarray(from, from), taken: 0, marks: 0, state };

    const isMidLine = from > 0 && input[from - 1] !== NEWLINE;
    collect(isMidLine ? Math.max(0, from - (state.flushed ? CONTEXT_BYTES : WORD_REACH_BYTES)) : from, end);
    const pem = walk(from, end, state.pem);
    const silentTo = silentEnd(state, from);
    const isPlain = findings.length === 0 && silentTo <= from;
    if (isPlain)
      return {
        bytes: input.subarray(from, end),
        taken: end - from,
        marks: 0,
        state: { pem, skip: 0, growing: 0, flushed: all && input[end - 1] !== NEWLINE },
      };
    findings.sort(inOrder);
    return write(state, from, end, silentTo, pem, all);
  };

  /** Private keys: the one that is open, and those that begin before `end`. Returns what to go on with. */
  const walk = (from: number, end: number, open: PemState): PemState => {
    let at = from;
    let pem = open;
    if (pem > 0) ({ at, state: pem } = walkPem(input, at, end, pem, tell));
    for (const mark of pemMarks.toSorted((a, b) => a - b)) {
      const begin = pemBegins(input, mark);
      if (begin === 0 || begin < at) continue;
      if (begin > end) break;
      ({ at, state: pem } = walkPem(input, begin, end, begunPem(), tell));
      if (pem > 0) break;
    }
    return pem;
  };

  /** Where the secret ends that was marked before and goes on here. */
  const silentEnd = (state: RedactionState, from: number): number => {
    return grownEnd(input, Math.min(input.length, from + state.skip), growingOf(state));
  };

  const write = (
    state: RedactionState,
    from: number,
    end: number,
    silentTo: number,
    pem: PemState,
    all: boolean,
  ): Redacted => {
    const pieces: Uint8Array[] = [];
    let size = 0;
    const put = (piece: Uint8Array) => {
      if (piece.length === 0) return;
      pieces.push(piece);
      size += piece.length;
    };
    let marks = 0;
    let coveredTo = Math.max(from, silentTo);
    // What of it goes on past all that is known.
    let growing = silentTo === input.length ? stillGrowing(input, from + state.skip, growingOf(state)) : 0;
    let plainFrom = coveredTo;
    for (const finding of findings) {
      if (finding.from >= end) break;
      // Decided when it was taken; only what had to be taken early is looked at again.
      if (finding.from < from && !state.flushed) continue;
      if (finding.to === input.length) growing |= growthOf(finding.grows);
      if (finding.to <= coveredTo && finding.from < coveredTo) continue;
      const start = Math.max(from, finding.from);
      // What overlaps a secret that is marked already makes that longer and no second one.
      if (start >= coveredTo) {
        put(input.subarray(plainFrom, start));
        put(markOf(finding));
        marks += 1;
      }
      coveredTo = Math.max(coveredTo, finding.to);
      plainFrom = coveredTo;
    }
    if (plainFrom < end) put(input.subarray(plainFrom, end));
    if (output.length < size) output = new Uint8Array(size * 2);
    let at = 0;
    for (const piece of pieces) {
      output.set(piece, at);
      at += piece.length;
    }
    const skip = Math.max(0, coveredTo - end);
    const flushed = all && input[end - 1] !== NEWLINE;
    const bytes = output.subarray(0, size);
    return { bytes, taken: end - from, marks, state: { pem, skip, growing, flushed } };
  };

  const markOf = ({ from, to, kind, digits }: Finding): Uint8Array =>
    latin1(
      `[redacted:${kind}:${digits ?? options.digits(input.subarray(from, Math.min(to, from + SECRET_BYTES_MAX)))}]`,
    );

  return {
    redact,
    redactText: (text) => new TextDecoder().decode(redact(FRESH_STATE, utf8(text), 0, "all").bytes),
  };
}

function growingOf({ growing, swallow }: RedactionState): number {
  // A state of an older version has no `growing`.
  return (growing as number | undefined) ?? (swallow ? 1 << swallow : 0);
}

/** Up to where everything is known that a decision needs: the end of a line, or far enough from what comes next. */
function decidedEnd(input: Uint8Array, from: number): number {
  const lineEnd = Math.max(from, input.lastIndexOf(NEWLINE) + 1);
  return input.length - lineEnd > LOOKAHEAD_BYTES ? input.length - LOOKAHEAD_BYTES : lineEnd;
}

/** The needles of the known values: each in all its encodings, and of one with several lines each line as well. */
function knownNeedles(
  { known, digits }: RedactorOptions,
  input: () => Uint8Array,
  tell: (finding: Finding) => void,
): Needle[] {
  const needles: Needle[] = [];
  const seen = new Set<string>();
  for (const value of known.slice(0, KNOWN_VALUES_MAX)) {
    const parts = new Set([value, ...value.split(/\r?\n/)]);
    for (const part of parts) {
      const whole = utf8(part);
      if (whole.length < KNOWN_BYTES_MIN || seen.has(part)) continue;
      seen.add(part);
      const name = digits(whole);
      for (const { bytes: full, anyCase, before, after } of encodingsOf(part)) {
        const bytes = full.subarray(0, SECRET_BYTES_MAX);
        if (bytes.length < KNOWN_BYTES_MIN || bytes.includes(NEWLINE)) continue;
        needles.push({
          bytes: anyCase ? bytes.map((byte) => FOLD[byte] as number) : bytes,
          anyCase,
          found: (at) => {
            const text = input();
            const from = before > 0 && CHARSETS.base64[text[at - 1] ?? 0] === 1 ? at - before : at;
            const end = at + bytes.length;
            const to = after > 0 && CHARSETS.base64[text[end] ?? 0] === 1 ? end + after : end;
            tell({ from, to, kind: "known", rank: RANK.known, grows: CHARSETS.none, digits: name });
          },
        });
      }
    }
  }
  return needles;
}
