import { configHash, detectorConfig, type DetectorConfig } from "./config.ts";
import type {
  Decision,
  DetectionEvent,
  LineEvent,
  PastExitEvent,
  SampleEvent,
  Source,
  StepEvent,
} from "./events.ts";
import { endsRow, newExitWatch, watchExit, type Ended, type ExitWatch } from "./exit-watch.ts";
import type { Grown } from "./grown.ts";
import { newGrowthWatch, watchGrowth, type GrowthWatch } from "./growth-watch.ts";
import { beat, newHeartbeatWatch, watchHeartbeat, type HeartbeatWatch } from "./heartbeat-watch.ts";
import { reportedMemory } from "./memory-lines.ts";
import { progressFinding } from "./failure-finding.ts";
import { newOutputWatch, type OutputWatch } from "./output-state.ts";
import { noteProgress, watchFailure, watchLine } from "./output-watch.ts";
import { belongs, extend, newRecord, openRecord, type OpenRecord } from "./records.ts";
import { Flag } from "./flags.ts";
import { newScan, scan, type Scan } from "./scan.ts";
import { readableText } from "./signatures.ts";
import { bytesOf, newSpan, standsAlone, type Span } from "./span.ts";
import { newSilenceWatch, sign, thaw, watchSilence, type SilenceWatch } from "./silence-watch.ts";
import { newStepWatch, watchStep, type StepWatch } from "./step-watch.ts";
import { SAID, turnOfText, turnsOfJson, type TextTurn } from "./transcript.ts";
import { judge, newVerdicts, type Finding, type Verdicts } from "./verdicts.ts";

/**
 * The engine: events in, decisions out, the same decisions for the same events always. It knows no clock, keeps a bounded
 * state whatever is printed, and looks at each byte once.
 */
export interface Detector {
  readonly config: DetectorConfig;
  readonly configHash: string;
  start(): DetectorState;
  /** `state` is taken over: only the one returned may be used afterwards. */
  step(state: DetectorState, event: DetectionEvent): Step;
  /** The same for a line that is read where it lies, without anything made for it; `state` goes on. `line` is not kept. */
  line(
    state: DetectorState,
    at: number,
    stream: LineEvent["stream"],
    line: Readonly<Span>,
  ): readonly Decision[];
}

export interface Step {
  readonly state: DetectorState;
  readonly decisions: readonly Decision[];
}

export interface DetectorState {
  lines: number;
  at: number;
  /** How many of the last lines began with a time of their own, of 1,024. */
  stamped: number;
  readonly scan: Scan;
  readonly records: Record<LineEvent["stream"], OpenRecord>;
  readonly output: OutputWatch;
  readonly memory: GrowthWatch;
  readonly disk: GrowthWatch;
  readonly children: GrowthWatch;
  /** Memory as the log itself reports it, by the template of the line. */
  readonly reported: Map<number, GrowthWatch>;
  readonly exits: ExitWatch;
  readonly silence: SilenceWatch;
  readonly heartbeat: HeartbeatWatch;
  /** How far the run said it was, with its last heartbeat. */
  progress: number | null;
  frozen: boolean;
  readonly steps: StepWatch;
  readonly pending: PendingCall[];
  /** What was typed at a prompt and awaits its result. */
  typed: string | null;
  transcriptMisses: number;
  lastFailure: LastFailure;
  readonly verdicts: Verdicts;
  /** The stretch without progress that the verdict on the output speaks of; a surge's number, negative. */
  judgedEpoch: number;
}

/** The failure printed last; 0 for none. */
interface LastFailure {
  readonly signature: number;
  readonly bytes: Uint8Array;
}

interface PendingCall {
  readonly tool: string;
  args: string;
  readonly conversation: string | null;
  readonly inWords: boolean;
  readonly line: number;
  readonly at: number;
}

const NO_DECISIONS: readonly Decision[] = [];
const REPORTED_SERIES_MAX = 8;
const PENDING_MAX = 16;
/** After so many lines that are none, a log is no transcript. */
const TRANSCRIPT_MISSES_MAX = 64;
const TRANSCRIPT_LINE_MAX = 256 * 1024;
/** After a pause this long a failure is taken to be printed whole: longer than writers that buffer keep the rest of it back. */
const COMPLETE_AFTER_MS = 10_000;
const STAMPED_ALWAYS = 1_024;
const STAMPED_MOSTLY = 128;
const BRACE = 123;
const PROMPT = 62;
const SPOKEN_LINE_MAX = 4_096;
/** A progress pattern is looked for in so much of a line. */
const PATTERN_LINE_MAX = 1_024;
const NO_FAILURE: LastFailure = { signature: 0, bytes: new Uint8Array(0) };

export function createDetector(overrides: Partial<DetectorConfig> = {}): Detector {
  const config = detectorConfig(overrides);
  const engine = new Engine(
    config,
    configHash(config),
    config.benign.map((text) => new TextEncoder().encode(text)),
    config.progressPattern === null ? null : new RegExp(config.progressPattern, "u"),
  );
  return {
    config,
    configHash: engine.hash,
    start,
    step: (state, event) => ({ state, decisions: engine.take(state, event) }),
    line: (state, at, stream, line) => engine.line(state, at, stream, line),
  };
}

function start(): DetectorState {
  return {
    lines: 0,
    at: Number.NEGATIVE_INFINITY,
    stamped: 0,
    scan: newScan(),
    records: { stdout: newRecord(), stderr: newRecord() },
    output: newOutputWatch(),
    memory: newGrowthWatch(),
    disk: newGrowthWatch(),
    children: newGrowthWatch(),
    reported: new Map(),
    exits: newExitWatch(),
    silence: newSilenceWatch(),
    heartbeat: newHeartbeatWatch(),
    progress: null,
    frozen: false,
    steps: newStepWatch(),
    pending: [],
    typed: null,
    transcriptMisses: 0,
    lastFailure: NO_FAILURE,
    verdicts: newVerdicts(),
    judgedEpoch: 0,
  };
}

class Engine {
  readonly #config: DetectorConfig;
  readonly hash: string;
  readonly #benign: readonly Uint8Array[];
  readonly #pattern: RegExp | null;
  /** The line that is looked at; one for all of them, so that a flood of output is no flood of garbage. */
  readonly #span = newSpan();

  constructor(config: DetectorConfig, hash: string, benign: readonly Uint8Array[], pattern: RegExp | null) {
    this.#config = config;
    this.hash = hash;
    this.#benign = benign;
    this.#pattern = pattern;
  }

  take(state: DetectorState, event: DetectionEvent): readonly Decision[] {
    // Time stands still rather than going back.
    const at = Math.max(state.at, event.at);
    state.at = at;
    switch (event.kind) {
      case "line":
        return this.#take(state, at, event.stream, event.bytes, 0, event.bytes.length);
      case "sample":
        return this.#sample(state, event, at);
      case "step":
        return this.#step(state, { ...event, at }, state.lines);
      case "start":
        state.exits.startedAt = at;
        sign(state.silence, "start", at, state.lines);
        beat(state.heartbeat, "start", at, state.lines);
        return NO_DECISIONS;
      case "past_exit":
        return this.#pastExit(state, event, at);
      case "exit": {
        const flushed = this.#flush(state);
        const { signature, bytes: failure } = state.lastFailure;
        const ended: Ended = {
          at,
          line: state.lines,
          code: event.code,
          signal: event.signal,
          signature,
          text: readableText(failure),
          uptimeMs: null,
        };
        state.lastFailure = NO_FAILURE;
        const found = watchExit(state.exits, this.#config, this.hash, ended);
        return join(flushed, judged(state, "exits", found));
      }
      case "heartbeat": {
        sign(state.silence, "heartbeat", at, state.lines);
        const { progress } = event;
        const further = progress !== undefined && (state.progress === null || progress > state.progress);
        if (further) state.progress = progress;
        return this.#signOfLife(state, "heartbeat", further, at);
      }
      case "progress":
        sign(state.silence, event.what, at, state.lines);
        return this.#signOfLife(state, event.what, true, at);
      case "frozen":
        state.frozen = event.frozen;
        thaw(state.silence, at, state.lines);
        if (state.heartbeat.lastAt >= 0) state.heartbeat.lastAt = at;
        return NO_DECISIONS;
      case "tick":
        return join(this.#flushOld(state, at), this.#silence(state, null, at));
      case "end":
        return join(this.#flush(state), this.#stepsWithoutResult(state, Number.POSITIVE_INFINITY));
    }
  }

  line(
    state: DetectorState,
    lineAt: number,
    stream: LineEvent["stream"],
    line: Readonly<Span>,
  ): readonly Decision[] {
    const at = Math.max(state.at, lineAt);
    state.at = at;
    if (standsAlone(line)) return this.#take(state, at, stream, line.source, line.from, line.to);
    const bytes = bytesOf(line);
    return this.#take(state, at, stream, bytes, 0, bytes.length);
  }

  #take(
    state: DetectorState,
    at: number,
    stream: LineEvent["stream"],
    source: Uint8Array,
    from: number,
    to: number,
  ): readonly Decision[] {
    const span = this.#span;
    span.source = source;
    span.from = from;
    span.to = to;
    return this.#line(state, span, stream, at);
  }

  #line(
    state: DetectorState,
    span: Readonly<Span>,
    stream: LineEvent["stream"],
    at: number,
  ): readonly Decision[] {
    state.lines += 1;
    sign(state.silence, "output", at, state.lines);
    const marked = this.#pattern === null ? NO_DECISIONS : this.#marked(state, this.#pattern, span, at);
    const spoken = this.#transcript(state, span, at);
    if (spoken !== null) return join(marked, spoken);
    const line = state.scan;
    scan(span.source, span.from, span.to, line);
    state.stamped +=
      ((line.flags & Flag.stamped) === 0 ? -state.stamped : STAMPED_ALWAYS - state.stamped) >> 4;
    const reported = (line.flags & Flag.memory) === 0 ? NO_DECISIONS : this.#reported(state, span, at);
    const steps = this.#spoken(state, span, at);
    return join(join(marked, join(reported, steps)), this.#output(state, span, stream, at));
  }

  /** A line that its owner calls a sign of progress. */
  #marked(state: DetectorState, pattern: RegExp, span: Readonly<Span>, at: number): readonly Decision[] {
    const text = new TextDecoder().decode(bytesOf(span).subarray(0, PATTERN_LINE_MAX));
    return pattern.test(text) ? this.#signOfLife(state, "progress line", true, at) : NO_DECISIONS;
  }

  /** Only a sign of progress is news: a thread that beats while another loops proves nothing. */
  #signOfLife(state: DetectorState, what: string, isProgress: boolean, at: number): readonly Decision[] {
    beat(state.heartbeat, what, at, state.lines);
    if (isProgress) noteProgress(state.output, this.#config, what, at, state.lines);
    const found = watchHeartbeat(state.heartbeat, this.#config, this.hash, at, state.lines);
    const alive = state.verdicts.heartbeat.phase === "none" ? null : found;
    return join(judged(state, "heartbeat", alive), this.#outputJudged(state, null));
  }

  /** What is known of earlier attempts is not decided again, unless something was done about it. */
  #pastExit(state: DetectorState, event: PastExitEvent, at: number): readonly Decision[] {
    const ended: Ended = { ...event, at, line: 0 };
    const found = watchExit(state.exits, this.#config, this.hash, ended);
    judged(state, "exits", found);
    if (event.acted || endsRow(ended)) state.verdicts.exits.phase = "none";
    return NO_DECISIONS;
  }

  /** A line that belongs to a failure waits with it until the failure is complete. */
  #output(
    state: DetectorState,
    span: Readonly<Span>,
    stream: LineEvent["stream"],
    at: number,
  ): readonly Decision[] {
    const line = state.scan;
    const record = state.records[stream];
    if (belongs(record, line, state.stamped > STAMPED_MOSTLY)) {
      extend(record, line, at, state.lines);
      return NO_DECISIONS;
    }
    const before = record.open ? this.#close(state, record) : NO_DECISIONS;
    const failure = (line.flags & Flag.failure) !== 0;
    if (failure && !this.#isBenign(state, span)) {
      openRecord(record, line, at, state.lines, bytesOf(span));
      return before;
    }
    const found = watchLine(state.output, this.#config, this.hash, line, span, at, state.lines);
    return join(before, this.#outputJudged(state, found));
  }

  #isBenign(state: DetectorState, span: Readonly<Span>): boolean {
    if (this.#benign.length === 0) return false;
    const bytes = bytesOf(span);
    if (!this.#benign.some((pattern) => includes(bytes, pattern))) return false;
    state.output.benignLines += 1;
    return true;
  }

  #close(state: DetectorState, record: OpenRecord): readonly Decision[] {
    record.open = false;
    state.lastFailure = { signature: record.signature, bytes: record.bytes };
    return this.#outputJudged(state, watchFailure(state.output, this.#config, this.hash, record));
  }

  /** A verdict on the output holds as long as the stretch without progress that it speaks of. */
  #outputJudged(state: DetectorState, found: Finding | null): readonly Decision[] {
    const { output, verdicts } = state;
    const inSurge =
      state.judgedEpoch < 0 && output.surge.since >= 0 && state.judgedEpoch === -output.surge.number;
    if (verdicts.output.phase !== "none" && !inSurge && state.judgedEpoch !== output.epoch)
      return judged(state, "output", progressFinding(output, verdicts.output.category, this.hash));
    if (found === null || (inSurge && found.surge === undefined)) return NO_DECISIONS;
    state.judgedEpoch = found.surge === undefined ? output.epoch : -found.surge;
    return judged(state, "output", found);
  }

  #flush(state: DetectorState): readonly Decision[] {
    const { stdout, stderr } = state.records;
    const first = stdout.open ? this.#close(state, stdout) : NO_DECISIONS;
    return join(first, stderr.open ? this.#close(state, stderr) : NO_DECISIONS);
  }

  #flushOld(state: DetectorState, at: number): readonly Decision[] {
    const { stdout, stderr } = state.records;
    const isOld = (record: OpenRecord) => record.open && at - record.lastAt >= COMPLETE_AFTER_MS;
    return isOld(stdout) || isOld(stderr) ? this.#flush(state) : NO_DECISIONS;
  }

  #sample(state: DetectorState, sample: SampleEvent, at: number): readonly Decision[] {
    if (state.frozen) return this.#flushOld(state, at);
    let decisions = join(this.#flushOld(state, at), this.#silence(state, { ...sample, at }, at));
    const grow = (
      family: Grown["family"],
      value: number | undefined,
      limit: number | undefined,
      unit: string,
    ) => {
      if (value === undefined) return;
      const grown: Grown = {
        family,
        value,
        limit: limit ?? null,
        unit,
        text: `${family} of the run`,
        measured: true,
      };
      const found = watchGrowth(state[family], this.#config, this.hash, grown, at, state.lines);
      decisions = join(decisions, judged(state, family, found));
    };
    grow("memory", sample.rssBytes, sample.rssLimitBytes, "bytes");
    grow("disk", sample.diskBytes, sample.diskLimitBytes, "bytes");
    grow("children", sample.children, sample.childrenLimit, "processes");
    return decisions;
  }

  #silence(state: DetectorState, sample: SampleEvent | null, at: number): readonly Decision[] {
    if (state.frozen) return NO_DECISIONS;
    const found = watchSilence(state.silence, this.#config, this.hash, sample, at, state.lines);
    const late = watchHeartbeat(state.heartbeat, this.#config, this.hash, at, state.lines);
    return join(judged(state, "silence", found), judged(state, "heartbeat", late));
  }

  #reported(state: DetectorState, span: Readonly<Span>, at: number): readonly Decision[] {
    const text = readableText(bytesOf(span));
    const value = reportedMemory(text);
    if (value === null) return NO_DECISIONS;
    const key = state.scan.template;
    let watch = state.reported.get(key);
    if (watch === undefined) {
      if (state.reported.size >= REPORTED_SERIES_MAX) return NO_DECISIONS;
      watch = newGrowthWatch();
      state.reported.set(key, watch);
    }
    const grown: Grown = { family: "memory", value, limit: null, unit: "bytes", text, measured: false };
    return judged(state, "reported", watchGrowth(watch, this.#config, this.hash, grown, at, state.lines));
  }

  /** What the line says as part of an agent's transcript of JSON lines; null for lines of ordinary logs. */
  #transcript(state: DetectorState, span: Readonly<Span>, at: number): readonly Decision[] | null {
    // Of an empty line it is the line feed.
    if (span.source[span.from] !== BRACE || state.transcriptMisses >= TRANSCRIPT_MISSES_MAX) return null;
    if (span.to - span.from > TRANSCRIPT_LINE_MAX) return null;
    const turns = turnsOfJson(new TextDecoder().decode(bytesOf(span)));
    if (turns === null) {
      state.transcriptMisses += 1;
      return null;
    }
    return this.#turns(state, turns, false, at);
  }

  /** A transcript for people is a log as well: its lines are also watched as such. */
  #spoken(state: DetectorState, span: Readonly<Span>, at: number): readonly Decision[] {
    const { flags } = state.scan;
    const { typed } = state;
    if (typed !== null && (flags & Flag.empty) === 0) {
      state.typed = null;
      const text = readableText(bytesOf(span));
      if (!text.startsWith(">")) {
        const call: PendingCall = {
          tool: "typed",
          args: typed,
          conversation: null,
          inWords: true,
          line: state.lines - 1,
          at,
        };
        return this.#step(state, stepOf(call, text), call.line);
      }
    }
    const isPrompt = span.source[span.from] === PROMPT;
    if ((flags & Flag.action) === 0 && !isPrompt && state.pending.length === 0) return NO_DECISIONS;
    const turn = turnOfText(new TextDecoder().decode(bytesOf(span).subarray(0, SPOKEN_LINE_MAX)));
    return turn === null ? NO_DECISIONS : this.#turns(state, [turn], true, at);
  }

  #turns(
    state: DetectorState,
    turns: readonly TextTurn[],
    inWords: boolean,
    at: number,
  ): readonly Decision[] {
    let decisions = NO_DECISIONS;
    for (const turn of turns) decisions = join(decisions, this.#turn(state, turn, inWords, at));
    return decisions;
  }

  #turn(state: DetectorState, turn: TextTurn, inWords: boolean, at: number): readonly Decision[] {
    switch (turn.kind) {
      case "conversation": {
        const decisions = this.#stepsWithoutResult(state, Number.POSITIVE_INFINITY);
        state.steps.steps.length = 0;
        return decisions;
      }
      case "typed":
        state.typed = turn.text;
        return NO_DECISIONS;
      case "input": {
        const last = state.pending.at(-1);
        if (last !== undefined) last.args = turn.args;
        return NO_DECISIONS;
      }
      case "call": {
        const call: PendingCall = { ...turn, inWords, line: state.lines, at };
        if (turn.tool === SAID) return this.#step(state, stepOf(call, null), call.line);
        const decisions = this.#stepsWithoutResult(state, state.lines);
        if (state.pending.length < PENDING_MAX) state.pending.push(call);
        return decisions;
      }
      case "result": {
        const call = state.pending.shift();
        if (call === undefined) return NO_DECISIONS;
        return this.#step(state, stepOf(call, turn.text), call.line);
      }
    }
  }

  /** Calls made before this line have had their chance: their results are not in the transcript. */
  #stepsWithoutResult(state: DetectorState, before: number): readonly Decision[] {
    let decisions = NO_DECISIONS;
    while ((state.pending[0]?.line ?? before) < before) {
      const call = state.pending.shift();
      // In words for people "Action: …" may be anything; only what is observed makes it a step.
      if (call === undefined || call.inWords) continue;
      decisions = join(decisions, this.#step(state, stepOf(call, null), call.line));
    }
    return decisions;
  }

  #step(state: DetectorState, step: StepEvent, line: number): readonly Decision[] {
    sign(state.silence, "step", step.at, line);
    return judged(state, "steps", watchStep(state.steps, this.#config, this.hash, step, line));
  }
}

function judged(state: DetectorState, source: Source, finding: Finding | null): readonly Decision[] {
  if (finding === null) return NO_DECISIONS;
  const decision = judge(state.verdicts[source], source, finding, state.at, state.lines);
  return decision === null ? NO_DECISIONS : [decision];
}

function stepOf(call: PendingCall, result: string | null): StepEvent {
  const { at, tool, args, conversation } = call;
  return { kind: "step", at, tool, args, result, failed: false, conversation };
}

/** Mostly nothing happens, and then nothing is allocated. */
function join(a: readonly Decision[], b: readonly Decision[]): readonly Decision[] {
  if (a.length === 0) return b;
  return b.length === 0 ? a : [...a, ...b];
}

function includes(bytes: Uint8Array, pattern: Uint8Array): boolean {
  const [first] = pattern;
  if (first === undefined) return false;
  for (let from = bytes.indexOf(first); from >= 0; from = bytes.indexOf(first, from + 1)) {
    let length = 1;
    while (length < pattern.length && bytes[from + length] === pattern[length]) length += 1;
    if (length === pattern.length) return true;
  }
  return false;
}
