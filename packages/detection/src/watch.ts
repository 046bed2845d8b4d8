import { createDetector, type Detector, type DetectorState } from "./detector.ts";
import type { Decision, DetectionEvent } from "./events.ts";
import type { DecisionEntry, HeaderEntry, Observation, VerdictEntry } from "./evidence.ts";
import { toEvent, toRecord } from "./evidence-words.ts";
import {
  closeIncident,
  lookAgain,
  newPolicyState,
  openIncident,
  setGuard,
  type PolicyRun,
  type PolicyState,
} from "./policy-machine.ts";
import type { Verdict } from "./policy.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import type { Span } from "./span.ts";
import { severityOf } from "./severity.ts";
import { sentenceOf, titleOf } from "./telling.ts";

/** What a watch says: to be recorded, in this order, and acted upon. */
export type Output = DecisionEntry | VerdictEntry;

const NOTHING: readonly Output[] = [];

/**
 * One run under watch: detector and policy together, fed with the lines of its log and with everything else that was observed.
 * The same header, lines and observations give the same outputs, wherever and whenever.
 */
export class Watch {
  readonly header: HeaderEntry;
  readonly #detector: Detector;
  readonly #run: PolicyRun;
  #state: DetectorState;
  #policy: PolicyState;
  #seq = 0;
  #clockOffsetMs = 0;

  /** Throws a SyntaxError where the configuration holds a pattern that is no regular expression. */
  constructor(header: HeaderEntry) {
    this.header = header;
    this.#detector = createDetector(header.detector.config);
    this.#run = { policy: header.policy.document, lineage: header.lineage };
    this.#state = this.#detector.start();
    this.#policy = newPolicyState(header.at, header.history);
  }

  /** Number of the last line it was given. */
  get seq(): number {
    return this.#seq;
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** The failure that the end that was observed last came after; attempts are told apart by it. */
  get lastEnd(): { readonly signature: number; readonly text: string } {
    const { signature = 0, text = "" } = this.#state.exits.exits.at(-1) ?? {};
    return { signature, text };
  }

  /** `line` is not kept. */
  line(seq: number, atMs: number, stream: "stdout" | "stderr", line: Readonly<Span>): readonly Output[] {
    this.#seq = seq;
    const decisions = this.#detector.line(this.#state, atMs - this.#clockOffsetMs, stream, line);
    return decisions.length === 0 ? NOTHING : this.#outputs(decisions);
  }

  /** The lines up to this one are lost to it; to be followed by `resumed_afresh`. */
  skipTo(seq: number): void {
    this.#seq = seq;
  }

  observe(event: Observation): readonly Output[] {
    switch (event.kind) {
      case "guard":
        setGuard(this.#policy, event.until, event.spent, event.at);
        return this.#again(event.at);
      case "clock":
        this.#clockOffsetMs = event.offset_ms;
        return NOTHING;
      case "resumed_afresh":
        this.#state = this.#detector.start();
        this.#policy = newPolicyState(this.header.at, event.history, event.incidents);
        return NOTHING;
      default: {
        const found = this.#outputs(this.#step(toEvent(event)));
        const again = this.#again(event.at);
        return again.length === 0 ? found : [...found, ...again];
      }
    }
  }

  /** All it knows besides the header. */
  snapshot(): Uint8Array {
    return encodeSnapshot({
      hash: this.#detector.configHash,
      seq: this.#seq,
      clockOffsetMs: this.#clockOffsetMs,
      state: this.#state,
      policy: this.#policy,
    });
  }

  /** Goes on from there; false, and nothing happened, where the bytes are of another version or configuration. */
  restore(snapshot: Uint8Array): boolean {
    const kept = decodeSnapshot(snapshot);
    if (!isKept(kept) || kept.hash !== this.#detector.configHash) return false;
    this.#seq = kept.seq;
    this.#clockOffsetMs = kept.clockOffsetMs;
    this.#state = kept.state;
    this.#policy = kept.policy;
    return true;
  }

  #step(event: DetectionEvent): readonly Decision[] {
    const step = this.#detector.step(this.#state, event);
    this.#state = step.state;
    return step.decisions;
  }

  #outputs(decisions: readonly Decision[]): readonly Output[] {
    if (decisions.length === 0) return NOTHING;
    const outputs: Output[] = [];
    for (const decision of decisions) {
      outputs.push(this.#decided(decision));
      if (decision.kind === "confirmed")
        outputs.push(this.#judged(openIncident(this.#policy, this.#run, decision), decision));
      if (decision.kind === "cleared") closeIncident(this.#policy, decision.source);
    }
    return outputs;
  }

  #again(at: number): readonly Output[] {
    if (this.#policy.open.length === 0) return NOTHING;
    return lookAgain(this.#policy, this.#run, at).map((verdict) => this.#judged(verdict, null));
  }

  #decided(decision: Decision): DecisionEntry {
    const { kind, category, source, score, at, line } = decision;
    return {
      type: "decision",
      after: this.#seq,
      at,
      kind,
      category,
      source,
      score,
      line,
      title: titleOf(decision),
      sentence: sentenceOf(decision),
      evidence: toRecord(decision.evidence),
    };
  }

  #judged(verdict: Verdict, decision: Decision | null): VerdictEntry {
    return { type: "verdict", after: this.#seq, severity: severityOf(verdict, decision), ...verdict };
  }
}

interface Kept {
  readonly hash: string;
  readonly seq: number;
  readonly clockOffsetMs: number;
  readonly state: DetectorState;
  readonly policy: PolicyState;
}

/** Snapshots of this version have these fields whole: the version says so. */
function isKept(value: unknown): value is Kept {
  return typeof value === "object" && value !== null && "hash" in value && "state" in value;
}
