import { ChunkReader, entryLine, EvidenceProblem, type ReadEntry } from "./chunks.ts";
import { configHash, detectorConfig } from "./config.ts";
import type { DecisionEntry, HeaderEntry, SegmentEntry, VerdictEntry } from "./evidence.ts";
import type { Policy } from "./policy.ts";
import { spanOf } from "./span.ts";
import { Watch, type Output } from "./watch.ts";

/** A line as the log holds it. */
export interface ReplayLine {
  readonly seq: number;
  readonly atMs: number;
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
  readonly partial: boolean;
}

/** One segment of the log, `sha256` as made now from its uncompressed encoding, in hex. */
export interface ReplaySegment {
  readonly segment: number;
  readonly sha256: string;
  readonly lines: Iterable<ReplayLine>;
}

export interface ReplayInput {
  /** Uncompressed chunks of evidence, in order. */
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Segments of the log in order; asked for as needed, so that no more than one is held. */
  readonly segments: Iterable<ReplaySegment> | AsyncIterable<ReplaySegment>;
  /** Hex digest. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** Awaited every BREATH_LINES lines: on a thread that has other work, it lets that have its turn. */
  readonly breathe?: () => Promise<void>;
  /** Instead of the recorded policy; then nothing has to be equal. */
  readonly policy?: Policy;
}

export interface ReplayedDecision {
  readonly at: number;
  readonly line: number;
  readonly kind: "suspected" | "confirmed" | "cleared";
  readonly category: string;
  readonly score: number;
  readonly action: string | null;
  readonly outcome: string | null;
  readonly why: string | null;
  readonly recorded: boolean;
  readonly replayed: boolean;
}

/** Lines fed without a breath: a few ms of work. */
export const BREATH_LINES = 500;

/** Bounds the answer, not the comparison. */
export const REPLAYED_DECISIONS_MAX = 1_000;

export interface ReplayReport {
  /** Null under another policy, and where the replay could not be carried through. */
  readonly equal: boolean | null;
  /** The evidence and the log are as the agent wrote them. */
  readonly intact: boolean;
  /** What is wrong first, and where. */
  readonly problem: string | null;
  /** Lines and observations fed. */
  readonly events: number;
  readonly decisions: readonly ReplayedDecision[];
  readonly sentence: string;
}

/**
 * Repeats every decision from what is stored: feeds lines and observations in the order they came in, and holds what the same
 * machine says now against what was recorded then, byte for byte. Nothing that can be wrong with stored evidence makes it throw.
 */
export async function replay(input: ReplayInput): Promise<ReplayReport> {
  const run = new Replay(input);
  try {
    const reader = new ChunkReader(input.sha256);
    for await (const bytes of input.chunks) for (const read of reader.read(bytes)) await run.take(read);
    await run.end();
  } catch (error) {
    if (!(error instanceof EvidenceProblem)) throw error;
    run.fail(error.message);
  }
  return run.report();
}

/** The answer where it is known before that nothing can be repeated. */
export function refusedReport(sentence: string): ReplayReport {
  return { equal: null, intact: true, problem: sentence, events: 0, decisions: [], sentence };
}

class Replay {
  readonly #input: ReplayInput;
  readonly #lines: LineSource;
  #watch: Watch | null = null;
  /** What the machine has said, and no recorded entry has been held against yet. */
  readonly #said: string[] = [];
  readonly #rows: Row[] = [];
  #decisions = 0;
  #events = 0;
  #recorded = 0;
  #difference: string | null = null;
  #problem: string | null = null;
  #isMissing = false;

  constructor(input: ReplayInput) {
    this.#input = input;
    this.#lines = new LineSource(input.segments);
  }

  async take({ entry, text, chunk }: ReadEntry): Promise<void> {
    if (entry.type === "header") return this.#begin(entry);
    const watch = this.#watch;
    if (watch === null)
      throw new EvidenceProblem(`Chunk ${chunk} begins without saying what was decided by.`);
    switch (entry.type) {
      case "observed":
        await this.#feedTo(watch, entry.after);
        this.#events += 1;
        this.#keep(watch.observe(entry.event));
        return undefined;
      case "decision":
      case "verdict":
        await this.#feedTo(watch, entry.after);
        return this.#compare(entry, text);
      case "segment":
        await this.#feedTo(watch, entry.last_seq);
        return this.#bind(entry);
      case "note":
      case "chunk":
        return undefined;
    }
  }

  async end(): Promise<void> {
    if (this.#watch === null) throw new EvidenceProblem("There is no evidence of this run.");
    // A chunk ends with what is said of its last observation, so nothing may be left over.
    const [extra] = this.#said;
    if (extra !== undefined) this.#differ(`Now it also says: ${extra}`);
  }

  fail(problem: string): void {
    this.#problem ??= problem;
  }

  report(): ReplayReport {
    const intact = this.#problem === null;
    const isOther = this.#input.policy !== undefined;
    const cannot = !intact || this.#isMissing;
    const equal = isOther || cannot ? null : this.#difference === null;
    const problem = this.#problem ?? this.#lines.missing ?? (isOther ? null : this.#difference);
    return {
      equal,
      intact,
      problem,
      events: this.#events,
      decisions: this.#rows,
      sentence: this.#sentence(equal, problem),
    };
  }

  #begin(header: HeaderEntry): void {
    if (this.#watch !== null) throw new EvidenceProblem("The evidence begins twice.");
    if (header.detector.hash !== configHash(header.detector.config))
      throw new EvidenceProblem("The detector's settings are not those whose hash stands beside them.");
    this.#watch = watchUnder(header, this.#input.policy);
  }

  async #feedTo(watch: Watch, seq: number): Promise<void> {
    while (watch.seq < seq && !this.#isMissing) {
      const line = this.#lines.next();
      if (line === "more") {
        await this.#lines.load();
        continue;
      }
      if (line === null) {
        this.#isMissing = true;
        return;
      }
      this.#events += 1;
      if (watch.seq % BREATH_LINES === 0) await this.#input.breathe?.();
      this.#keep(watch.line(line.seq, line.atMs, line.stream, spanOf(line.bytes)));
    }
  }

  #keep(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (this.#input.policy === undefined) this.#said.push(entryLine(output));
      this.#tell(output);
    }
  }

  /** A row for each decision; a verdict adds to the row of the decision it follows, or is one of its own. */
  #tell(output: Output): void {
    const last = this.#rows.at(-1);
    if (output.type === "verdict") {
      if (last !== undefined && last.action === null && last.kind === "confirmed" && last.at === output.at) {
        last.action = output.action.do;
        last.outcome = output.outcome;
        last.why = output.why;
        return;
      }
      this.#add(rowOf({ ...output, kind: "confirmed", score: 0, line: output.after }, output));
    } else this.#add(rowOf(output, null));
  }

  #add(row: Row): void {
    this.#decisions += 1;
    if (this.#rows.length < REPLAYED_DECISIONS_MAX) this.#rows.push(row);
  }

  #compare(entry: Output, text: string): void {
    this.#recorded += 1;
    if (this.#input.policy !== undefined || this.#isMissing) return;
    const said = this.#said.shift();
    if (said === text) {
      this.#mark(entry);
      return;
    }
    this.#differ(
      said === undefined
        ? `Recorded at line ${entry.after}, but not said now: ${text}`
        : `At line ${entry.after} was recorded: ${text}, now it says: ${said}`,
    );
  }

  #mark(entry: Output): void {
    if (entry.type !== "decision") return;
    const row = this.#rows.find(
      ({ recorded, at, line, kind }) =>
        !recorded && at === entry.at && line === entry.line && kind === entry.kind,
    );
    if (row !== undefined) row.recorded = true;
  }

  #differ(what: string): void {
    this.#difference ??= what.length <= PROBLEM_CHARS_MAX ? what : `${what.slice(0, PROBLEM_CHARS_MAX)}…`;
  }

  #bind({ segment, first_seq: first, last_seq: last, sha256 }: SegmentEntry): void {
    const found = this.#lines.hashes.get(segment);
    this.#lines.hashes.delete(segment);
    if (found === undefined || found === sha256) return;
    throw new EvidenceProblem(
      `Segment ${segment} of the log, lines ${first} to ${last}, is not the one that was decided from.`,
    );
  }

  #sentence(equal: boolean | null, problem: string | null): string {
    if (this.#problem !== null) return `The evidence is not as it was written: ${this.#problem}`;
    if (this.#isMissing) return `It cannot be repeated whole: ${problem ?? ""}`;
    const events = `${this.#events} lines and observations`;
    if (equal === true)
      return `All ${this.#recorded} decisions came out again, byte for byte, from ${events}.`;
    if (equal === false) return `The decisions differ from what was recorded. ${problem ?? ""}`;
    const acts = this.#rows.filter(({ action, outcome }) => outcome === "done" && action !== "notify");
    const [first] = acts;
    return first === undefined
      ? `Under this policy nothing would have been done; ${this.#decisions} decisions from ${events}.`
      : `Under this policy it would have been answered with ${first.action?.replaceAll("_", " ") ?? ""} at line ${first.line}.`;
  }
}

const PROBLEM_CHARS_MAX = 2_000;

type Row = { -readonly [K in keyof ReplayedDecision]: ReplayedDecision[K] };

function rowOf(
  { at, line, kind, category, score }: Pick<DecisionEntry, "at" | "line" | "kind" | "category" | "score">,
  verdict: VerdictEntry | null,
): Row {
  return {
    at,
    line,
    kind,
    category,
    score,
    action: verdict?.action.do ?? null,
    outcome: verdict?.outcome ?? null,
    why: verdict?.why ?? null,
    recorded: false,
    replayed: true,
  };
}

/** The recorded watch, or one under another policy: what the policy says of the detector's settings is then taken from there. */
function watchUnder(header: HeaderEntry, policy: Policy | undefined): Watch {
  try {
    if (policy === undefined) return new Watch(header);
    const { heartbeatMs, progressPattern } = header.detector.config;
    const config = detectorConfig({
      sensitivity: policy.sensitivity,
      benign: policy.benign,
      heartbeatMs,
      progressPattern,
    });
    const detector = { config, hash: configHash(config) };
    return new Watch({ ...header, policy: { ...header.policy, document: policy }, detector });
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new EvidenceProblem("The progress pattern is no regular expression.", { cause });
  }
}

/** The log's lines one by one, segment after segment. */
class LineSource {
  readonly hashes = new Map<number, string>();
  readonly #segments: AsyncIterator<ReplaySegment> | Iterator<ReplaySegment>;
  #lines: Iterator<ReplayLine> = [][Symbol.iterator]();
  #seq = 0;
  missing: string | null = null;

  constructor(segments: ReplayInput["segments"]) {
    this.#segments =
      Symbol.asyncIterator in segments ? segments[Symbol.asyncIterator]() : segments[Symbol.iterator]();
  }

  /** "more": the next segment has to be loaded first. Null when there are no more, or a line is missing. */
  next(): ReplayLine | "more" | null {
    if (this.missing !== null) return null;
    const line = this.#lines.next();
    if (line.done === true) return "more";
    if (line.value.seq !== this.#seq + 1) {
      this.missing = `the lines ${this.#seq + 1} to ${line.value.seq - 1} are no longer stored.`;
      return null;
    }
    this.#seq = line.value.seq;
    return line.value;
  }

  async load(): Promise<void> {
    const segment = await this.#segments.next();
    if (segment.done === true) {
      this.missing = `the lines after ${this.#seq} are not stored.`;
      return;
    }
    this.hashes.set(segment.value.segment, segment.value.sha256);
    this.#lines = segment.value.lines[Symbol.iterator]();
  }
}
