import type { RolloutReason } from "@flowplane/contract";
import type { DeliveryFacts, Rates } from "@flowplane/rollouts";
import type { Base, Tx } from "../../platform/context.ts";

/** A version of a configuration; null where it stands for nothing of ours. */
export interface Target {
  readonly configuration_id: string;
  readonly version: number;
}

/** What an agent would be sent. */
export type Composed =
  | {
      readonly ok: true;
      readonly hash: string;
      /** As people see it: secrets as references; empty where nothing is sent. */
      readonly shown: string;
    }
  | { readonly ok: false; readonly reason_code: RolloutReason; readonly reason: string };

export interface Assignment {
  readonly agent_id: string;
  /** Null: nothing of ours. */
  readonly target: Target | null;
  readonly rollout_id: string;
  readonly offer_hash: string;
  /** It was given this before, by this rollout, and is to try it once more. */
  readonly retry: boolean;
}

/** How versions come to agents: composed for each, assigned, and what came of it. */
export interface Delivery {
  composeFor(ctx: Tx, target: Target | null, agentIds: readonly string[]): Promise<Map<string, Composed>>;
  /** In the transaction of `ctx`; gateways are nudged after it. */
  assign(ctx: Tx, assignments: readonly Assignment[]): Promise<void>;
  /**
   * Takes back what a rollout assigned to agents and nobody has sent them yet; each is assigned `target` again, null where it had
   * nothing. Returns those it was taken back from: the others were sent it meanwhile.
   */
  withdraw(
    ctx: Tx,
    rolloutId: string,
    agents: readonly Pick<Assignment, "agent_id" | "target" | "offer_hash">[],
  ): Promise<readonly string[]>;
  /** Of agents that are assigned something; `rolloutId` is of the rollout that assigned it. */
  readDeliveries(
    ctx: Tx,
    agentIds: readonly string[],
  ): Promise<Map<string, DeliveryFacts & { readonly rolloutId: string | null }>>;
}

/** What agents count of their own work. */
export interface Telemetry {
  readRates(
    ctx: Tx,
    agentIds: readonly string[],
    range: { from: Date; to: Date },
  ): Promise<Map<string, Rates>>;
}

export interface Ports {
  readonly delivery: Delivery;
  /** Since when agents could be heard without a break of ours, in ms. Absent: always. */
  readonly heardSince?: (base: Pick<Base, "storage" | "now">) => Promise<number>;
  /** Absent: telemetry is not judged. */
  readonly telemetry?: Telemetry;
}
