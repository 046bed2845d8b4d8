// Times are milliseconds since the epoch, lengths of time seconds where a plan has them, as in the API.

export type WaveSize = { readonly count: number } | { readonly percent: number };

/** When agents may be changed; `until` not after `from` runs past midnight, and the day is the one it begins on. */
export interface Window {
  readonly time_zone: string;
  readonly days: readonly Weekday[];
  readonly from: string;
  readonly until: string;
}
export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** The parts of a rollout's plan that decide something here; the API's plan has these names and meanings. */
export interface Plan {
  readonly max_unavailable: number;
  readonly verdict_timeout_seconds: number;
  readonly soak_seconds: number;
  readonly gate: {
    readonly min_pass_percent: number;
    readonly max_failures: number;
    readonly on_failure: "pause" | "roll_back";
  };
  readonly approval: boolean;
  readonly window: Window | null;
  readonly telemetry: { readonly max_error_percent: number; readonly max_drop_percent: number } | null;
}

export type RolloutState =
  | "queued"
  | "running"
  | "paused"
  | "rolling_back"
  | "completed"
  | "rolled_back"
  | "aborted";

export const AGENT_STATES = [
  "waiting",
  "offered",
  "applying",
  "soaking",
  "passed",
  "failed",
  "unreachable",
  "skipped",
  "reverting",
  "reverted",
] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export type ReasonCode =
  | "rejected"
  | "crashed"
  | "rolled_itself_back"
  | "unhealthy"
  | "errors_rose"
  | "throughput_fell"
  | "no_verdict"
  | "not_delivered"
  | "superseded";

/** States in which an agent was given something and has no verdict yet: it counts as unavailable. */
export const IN_FLIGHT = ["offered", "applying", "soaking", "reverting"] as const;

/** How many agents of a wave are in which state. */
export type Counts = Readonly<Record<AgentState, number>>;

export interface Wave {
  readonly index: number;
  readonly state: "waiting" | "running" | "passed" | "failed";
  readonly counts: Counts;
  readonly startedAt: number | null;
}

/** What is known of bringing the newest content to an agent, as the delivery keeps it. */
export interface DeliveryFacts {
  readonly offerHash: string;
  readonly status: "waiting" | "offered" | "applying" | "applied" | "failed" | "rolled_itself_back";
  readonly statusAt: number;
  /** When it was last sent; null before. */
  readonly offeredAt: number | null;
  readonly errorMessage: string;
  readonly reachable: boolean;
  readonly healthy: boolean | null;
  readonly healthStatus: string | null;
  /** When the agent last said how it is. */
  readonly healthAt: number | null;
  /** What it said may be the echo of other settings it was offered, and no word on this version; absent: it is not. */
  readonly isHealthEcho?: boolean;
}

export interface Rates {
  /** Items the agent's receivers took. */
  readonly acceptedPerSecond: number;
  /** Failed or refused of all items, 0 to 100. */
  readonly errorPercent: number;
}

/** What an agent was like before it was given the version. */
export interface Baseline {
  readonly healthy: boolean | null;
  readonly rates: Rates | null;
}

/** One agent that is in flight. */
export interface Flight {
  readonly agentId: string;
  readonly wave: number;
  readonly state: "offered" | "applying" | "soaking" | "reverting";
  readonly stateSince: number;
  readonly assignedAt: number;
  /** Of the content it was assigned last; what it should come to run. */
  readonly offerHash: string;
  readonly unwellSince: number | null;
  /** How often it became unwell since it applied. */
  readonly unwellTimes: number;
  readonly baseline: Baseline | null;
  /** Since when agents could be heard without a break of ours; silence before that is no silence. */
  readonly heardSince: number;
  /** Null when it is gone or was assigned something else meanwhile. */
  readonly delivery: DeliveryFacts | null;
  /** Since it applied; null when it reports none. */
  readonly rates: Rates | null;
}
