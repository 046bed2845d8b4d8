import type { Category } from "./events.ts";
import { hashText } from "./hash.ts";

/** What is done about what the detector finds, as the control plane's policy documents say it. */
export interface Policy {
  readonly mode: "shadow" | "canary" | "enforce";
  readonly canary_percent?: number | undefined;
  readonly sensitivity: "low" | "medium" | "high";
  readonly benign: readonly string[];
  readonly warm_up_ms: number;
  readonly cooldown_ms: number;
  readonly rate_limit: {
    readonly interventions_max: number;
    readonly window_ms: number;
    readonly fallback_ms: number;
  };
  readonly actions: { readonly [C in Category]?: readonly LadderAction[] | undefined };
}

export type LadderAction =
  | { readonly do: "notify" }
  | { readonly do: "freeze" }
  | { readonly do: "stop"; readonly grace_ms?: number | undefined }
  | {
      readonly do: "restart";
      readonly args_add?: readonly string[] | undefined;
      readonly env_set?: Readonly<Record<string, string>> | undefined;
      readonly delay_ms?: number | undefined;
    }
  | { readonly do: "stop_for_good"; readonly grace_ms?: number | undefined };

/** What an agent does when a run brings no policy: it tells, and says what a usual ladder would have done. */
export const DEFAULT_POLICY: Policy = {
  mode: "shadow",
  sensitivity: "medium",
  benign: [],
  warm_up_ms: 60_000,
  cooldown_ms: 900_000,
  rate_limit: { interventions_max: 5, window_ms: 600_000, fallback_ms: 3_600_000 },
  actions: {
    loop: [{ do: "stop" }],
    retry_storm: [{ do: "stop" }],
    stall: [{ do: "restart" }, { do: "stop" }],
    runaway: [{ do: "stop" }],
    agent_loop: [{ do: "stop" }],
  },
};

/** An incident of an earlier attempt or restart of the same work. */
export interface PastIncident {
  readonly run_id: string;
  readonly category: Category;
  /** Equal for trouble that says the same. */
  readonly key: string;
  readonly action: LadderAction["do"];
  readonly outcome: "done" | "withheld";
  readonly at: number;
}

/** What the policy makes of one confirmed incident; a second verdict follows when a reason to wait is over. */
export interface Verdict {
  /** The run's incidents count from 1. */
  readonly incident: number;
  readonly category: Category;
  readonly key: string;
  /** The n-th incident of its category in the run, its attempts and restarts. */
  readonly nth: number;
  readonly action: LadderAction;
  readonly outcome: "done" | "withheld";
  /** One sentence. */
  readonly why: string;
  readonly at: number;
  /** The guard's limit was reached by this: everything falls back to shadow. */
  readonly trips_guard: boolean;
}

/** Whether the canary holds this row of runs: always the same answer for one lineage. */
export function isInCanary(lineage: string, percent: number): boolean {
  return hashText(lineage, 7) % 100 < percent;
}
