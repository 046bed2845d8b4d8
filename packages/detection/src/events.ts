/** One observation of a run. The detector reads no clock: `at` (ms since any fixed origin) never goes backwards for it. */
export type DetectionEvent =
  | LineEvent
  | SampleEvent
  | StepEvent
  | { readonly kind: "start"; readonly at: number }
  | PastExitEvent
  | {
      readonly kind: "exit";
      readonly at: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  | { readonly kind: "heartbeat"; readonly at: number; readonly progress?: number }
  /** A sign of progress that is not printed: a file that changed. */
  | { readonly kind: "progress"; readonly at: number; readonly what: string }
  /** While it is paused a run cannot get on. */
  | { readonly kind: "frozen"; readonly at: number; readonly frozen: boolean }
  | { readonly kind: "tick"; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

export interface LineEvent {
  readonly kind: "line";
  readonly at: number;
  readonly stream: "stdout" | "stderr";
  /** One line without its line feed. The detector does not keep the array. */
  readonly bytes: Uint8Array;
}

/** How an earlier attempt of the same work ended. */
export interface PastExitEvent {
  readonly kind: "past_exit";
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly uptimeMs: number;
  /** The failure printed last, 0 for none, and its text. */
  readonly signature: number;
  readonly text: string;
  /** Something was done about it, so that the next one is news. */
  readonly acted: boolean;
}

/** What was measured over the whole process tree; what could not be read is left out. */
export interface SampleEvent {
  readonly kind: "sample";
  readonly at: number;
  /** CPU used since the start, summed over the tree. */
  readonly cpuMs?: number;
  readonly rssBytes?: number;
  /** Where memory ends: the cgroup's limit, or what the host can spare. */
  readonly rssLimitBytes?: number;
  /** Bytes read and written since the start, output included. */
  readonly ioBytes?: number;
  readonly diskBytes?: number;
  readonly diskLimitBytes?: number;
  readonly children?: number;
  readonly childrenLimit?: number;
}

/** One tool call of an agent, with what came of it when that is known. */
export interface StepEvent {
  readonly kind: "step";
  readonly at: number;
  readonly tool: string;
  readonly args: string;
  readonly result: string | null;
  readonly failed: boolean;
  /** Another conversation in the same log starts counting afresh. */
  readonly conversation: string | null;
}

/** What watches: each holds one verdict at a time. */
export type Source =
  | "output"
  | "silence"
  | "heartbeat"
  | "exits"
  | "steps"
  | "memory"
  | "disk"
  | "children"
  | "reported";

export type Category = "loop" | "stall" | "retry_storm" | "runaway" | "agent_loop";

/** Kinds of signal. A verdict needs two that agree. */
export type Family =
  | "repetition"
  | "error"
  | "no_progress"
  | "activity"
  | "exits"
  | "memory"
  | "disk"
  | "children"
  | "volume"
  | "quiet"
  | "heartbeat"
  | "steps"
  | "level";

export interface FamilyReading {
  readonly family: Family;
  /** 0 to 1000. */
  readonly strength: number;
  readonly value: number;
  readonly threshold: number;
  readonly unit: string;
}

export interface Evidence {
  readonly families: readonly FamilyReading[];
  readonly signature: {
    readonly text: string;
    readonly lastText: string;
    readonly count: number;
    /** Median distance of two occurrences. */
    readonly periodMs: number;
  } | null;
  readonly lines: { readonly from: number; readonly to: number };
  readonly since: { readonly line: number; readonly at: number };
  readonly lastProgress: { readonly what: string; readonly line: number; readonly at: number } | null;
  readonly suppressions: readonly Suppression[];
  readonly configHash: string;
}

export interface Suppression {
  readonly name: string;
  readonly count: number;
}

export interface Decision {
  readonly kind: "suspected" | "confirmed" | "cleared";
  readonly category: Category;
  readonly source: Source;
  /** 0 to 100. */
  readonly score: number;
  readonly at: number;
  readonly line: number;
  readonly evidence: Evidence;
}
