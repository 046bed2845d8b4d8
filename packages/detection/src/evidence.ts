import type { DetectorConfig } from "./config.ts";
import type { Category, Decision, Family, Source } from "./events.ts";
import type { PastIncident, Policy, Verdict } from "./policy.ts";

/**
 * The record of everything that was decided about one run, and of all it was decided from but the lines, which the log holds:
 * JSON Lines of canonical JSON, cut into chunks of which each names the hash of the one before it.
 */
export const EVIDENCE_FORMAT = "flowplane-evidence/1";

export type Entry =
  | ChunkEntry
  | HeaderEntry
  | ObservedEntry
  | DecisionEntry
  | VerdictEntry
  | SegmentEntry
  | NoteEntry;

/** The first line of every chunk. `previous`: SHA-256 of the chunk before, as JSON Lines; null for the first. */
export interface ChunkEntry {
  readonly type: "chunk";
  readonly format: typeof EVIDENCE_FORMAT;
  readonly run_id: string;
  /** From 1. */
  readonly chunk: number;
  readonly previous: string | null;
}

/** The second line of the first chunk: all that decisions depend on besides lines and observations. */
export interface HeaderEntry {
  readonly type: "header";
  readonly run_id: string;
  /** Id of the first run of this row of attempts and restarts. */
  readonly lineage: string;
  readonly attempt: number;
  /** Milliseconds since 1970, by the agent's clock; so are all other times. */
  readonly at: number;
  readonly policy: {
    readonly id: string | null;
    readonly name: string;
    readonly version: number;
    readonly document: Policy;
  };
  readonly detector: { readonly config: DetectorConfig; readonly hash: string };
  readonly history: readonly PastIncident[];
}

/** Something that is no line, seen after line `after` (0: before the first). */
export interface ObservedEntry {
  readonly type: "observed";
  readonly after: number;
  readonly event: Observation;
}

export type Observation =
  | { readonly kind: "start"; readonly at: number }
  /** How an earlier attempt ended. */
  | ({ readonly kind: "past_exit"; readonly at: number } & PastExit)
  | {
      readonly kind: "sample";
      readonly at: number;
      readonly cpu_ms?: number | undefined;
      readonly rss_bytes?: number | undefined;
      readonly rss_limit_bytes?: number | undefined;
      readonly io_bytes?: number | undefined;
      readonly disk_bytes?: number | undefined;
      readonly disk_limit_bytes?: number | undefined;
      readonly children?: number | undefined;
      readonly children_limit?: number | undefined;
      /** For the charts of people; nothing is decided from these four. */
      readonly read_bytes?: number | undefined;
      readonly write_bytes?: number | undefined;
      readonly processes?: number | undefined;
      readonly log_bytes?: number | undefined;
    }
  | { readonly kind: "heartbeat"; readonly at: number; readonly progress: number | null }
  /** A sign of progress outside the output, such as a file that changed. */
  | { readonly kind: "progress"; readonly at: number; readonly what: string }
  | { readonly kind: "tick"; readonly at: number }
  /** Lines carry the host's time, everything else a clock that nobody sets: how much later the former is, from here on. */
  | { readonly kind: "clock"; readonly at: number; readonly offset_ms: number }
  /** Paused runs cannot get on, and are not blamed for it. */
  | { readonly kind: "frozen"; readonly at: number; readonly frozen: boolean }
  /** Nothing is done before `until`; with `spent`, the next intervention would be one too many. */
  | { readonly kind: "guard"; readonly at: number; readonly until: number | null; readonly spent: boolean }
  | {
      readonly kind: "exit";
      readonly at: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** The agent could not take up its state again: the detector begins anew after this line, knowing what was done before. */
  | {
      readonly kind: "resumed_afresh";
      readonly at: number;
      readonly why: string;
      readonly incidents: number;
      readonly history: readonly PastIncident[];
    }
  | { readonly kind: "end"; readonly at: number };

export interface PastExit {
  readonly run_id: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly uptime_ms: number;
  /** The failure printed last, 0 for none, and its text. */
  readonly signature: number;
  readonly text: string;
  /** An intervention answered it, so that the next one alike is news. */
  readonly acted: boolean;
}

/** A decision of the detector. Decisions and verdicts come out of a replay byte for byte. */
export interface DecisionEntry {
  readonly type: "decision";
  readonly after: number;
  readonly at: number;
  readonly kind: Decision["kind"];
  readonly category: Category;
  readonly source: Source;
  readonly score: number;
  readonly line: number;
  readonly title: string;
  readonly sentence: string;
  readonly evidence: EvidenceRecord;
}

export interface EvidenceRecord {
  readonly families: readonly {
    readonly family: Family;
    readonly strength: number;
    readonly value: number;
    readonly threshold: number;
    readonly unit: string;
  }[];
  readonly signature: {
    readonly text: string;
    readonly last_text: string;
    readonly count: number;
    readonly period_ms: number;
  } | null;
  readonly lines: { readonly from: number; readonly to: number };
  readonly since: { readonly line: number; readonly at: number };
  readonly last_progress: { readonly what: string; readonly line: number; readonly at: number } | null;
  readonly suppressions: readonly { readonly name: string; readonly count: number }[];
  readonly config_hash: string;
}

export interface VerdictEntry extends Verdict {
  readonly type: "verdict";
  readonly after: number;
  readonly severity: "info" | "warning" | "critical";
}

/** A closed segment of the log: what was decided was decided from these very lines. */
export interface SegmentEntry {
  readonly type: "segment";
  readonly segment: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** SHA-256 of its uncompressed encoding, in hex. */
  readonly sha256: string;
}

/** Said for people: what came of an intervention, the incident's id. Nothing is decided from it. */
export interface NoteEntry {
  readonly type: "note";
  readonly after: number;
  readonly at: number;
  readonly what: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}
