import type { Generated } from "kysely";
import type {
  ActorRef,
  Rollout,
  RolloutAgent,
  RolloutAgentState,
  RolloutCounts,
  RolloutPlan,
  RolloutReason,
  RolloutState,
  RolloutWave,
} from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** Versions on their way in waves. */
export interface RolloutTables {
  rollouts: Tenant & {
    id: string;
    kind: Rollout["kind"];
    configuration_id: string;
    version: number;
    split: Json<{ baseline_version: number; percent: number }> | null;
    selector: string;
    plan: Json<RolloutPlan>;
    message: string;
    state: RolloutState;
    state_since: Date;
    reason: string | null;
    wave: number | null;
    approved_wave: Generated<number>;
    accepted_failures: Generated<number>;
    created_by: Json<ActorRef>;
    created_at: Date;
    started_at: Date | null;
    ended_at: Date | null;
  };
  rollout_waves: Tenant & {
    rollout_id: string;
    index: number;
    state: RolloutWave["state"];
    agents: number;
    counts: Json<RolloutCounts>;
    started_at: Date | null;
    ended_at: Date | null;
  };
  rollout_agents: Tenant & {
    rollout_id: string;
    agent_id: string;
    wave: number;
    position: number;
    variant: RolloutAgent["variant"];
    state: RolloutAgentState;
    state_since: Date;
    reason_code: RolloutReason | null;
    reason: string | null;
    from_configuration_id: string | null;
    from_version: number | null;
    offer_hash: string | null;
    attempts: Generated<number>;
    assigned_at: Date | null;
    given_back_at: Date | null;
    unwell_since: Date | null;
    unwell_times: Generated<number>;
    baseline: Json<{
      healthy: boolean | null;
      rates: { accepted_per_second: number; error_percent: number } | null;
    }> | null;
  };
}
