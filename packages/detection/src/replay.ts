import type { Policy } from "./policy.ts";

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
