import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Reason, SELECTOR_CHARS_MAX, Timestamp, Waiting } from "./common.ts";
import { ConfigurationChange } from "./configurations.ts";
import { RolloutComparison } from "./rollout-comparison.ts";
import { Signal } from "./telemetry.ts";

const tag = "Rollouts";

export const WAVES_MAX = 20;
/** Agents shown in one preview; their number is told whole. */
export const PREVIEW_AGENTS_MAX = 200;

/** CEL over one agent: `kind == "collector" && site == "berlin" && labels.env == "prod"`. Empty matches nobody. */
export const Selector = z.string().trim().min(1).max(SELECTOR_CHARS_MAX);

const SECONDS_MAX = 30 * 24 * 3_600;
const Seconds = z.number().int().min(0).max(SECONDS_MAX);
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "write the time as HH:MM");

/** How many agents a wave takes: so many more, or until so many percent of all have been taken. */
export const WaveSize = z.union([
  z.object({ count: z.number().int().min(1).max(1_000_000) }).strict(),
  z.object({ percent: z.number().min(0.01).max(100) }).strict(),
]);
export type WaveSize = z.output<typeof WaveSize>;

/** When agents may be changed. `until` before `from` runs past midnight; the day is the one it begins on. */
export const MaintenanceWindow = z.object({
  time_zone: z.string().max(64).describe("IANA name, like Europe/Berlin"),
  days: z.array(z.enum(WEEKDAYS)).min(1).max(7),
  from: ClockTime,
  until: ClockTime,
});
export type MaintenanceWindow = z.output<typeof MaintenanceWindow>;

export const RolloutPlan = z.object({
  waves: z
    .array(WaveSize)
    .min(1)
    .max(WAVES_MAX)
    .default([{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }])
    .describe("the last wave always takes all that are left"),
  max_unavailable: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(100)
    .describe("agents without a verdict at a time"),
  verdict_timeout_seconds: Seconds.min(1)
    .default(300)
    .describe("an agent that has said nothing of its new configuration by then counts as failed: no verdict"),
  soak_seconds: Seconds.default(60).describe("how long an agent must stay well after it applied"),
  gate: z
    .object({
      min_pass_percent: z.number().min(0).max(100).default(100),
      max_failures: z.number().int().min(0).max(1_000_000).default(0).describe("over all waves"),
      on_failure: z.enum(["pause", "roll_back"]).default("roll_back"),
    })
    .prefault({}),
  approval: z.boolean().default(false).describe("wait for a person before every wave after the first"),
  window: MaintenanceWindow.nullable().default(null),
  telemetry: z
    .object({
      max_error_percent: z
        .number()
        .min(0)
        .max(100)
        .default(5)
        .describe("failed or refused of all items, above the agent's own baseline"),
      max_drop_percent: z
        .number()
        .min(0)
        .max(100)
        .default(50)
        .describe("less accepted than the agent's own baseline"),
    })
    .nullable()
    .prefault({})
    .describe("judged only for agents that report their own metrics; null: not judged"),
  include_new_agents: z
    .boolean()
    .default(true)
    .describe("agents that match later get the version when the rollout has completed"),
});
export type RolloutPlan = z.output<typeof RolloutPlan>;

/**
 * `queued` waits for another rollout that has some of its agents. `paused` waits for a person. `rolling_back` gives every
 * agent that got the version what it had before. The others are ends.
 */
export const ROLLOUT_STATES = [
  "queued",
  "running",
  "paused",
  "rolling_back",
  "completed",
  "rolled_back",
  "aborted",
] as const;
export const RolloutState = z.enum(ROLLOUT_STATES);
export type RolloutState = z.output<typeof RolloutState>;

export const WAVE_STATES = ["waiting", "running", "passed", "failed"] as const;
export const WaveState = z.enum(WAVE_STATES);

/**
 * One agent in a rollout. `unreachable` holds nothing up: it gets the version when it comes back. `skipped` has it already
 * or cannot take it (the reason says which). `reverting` and `reverted` are of a roll back.
 */
export const ROLLOUT_AGENT_STATES = [
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
export const RolloutAgentState = z.enum(ROLLOUT_AGENT_STATES);
export type RolloutAgentState = z.output<typeof RolloutAgentState>;

/** Why an agent failed or was skipped; `reason` beside it is the agent's own words where it has any. */
export const ROLLOUT_REASONS = [
  "rejected",
  "crashed",
  "rolled_itself_back",
  "unhealthy",
  "errors_rose",
  "throughput_fell",
  "no_verdict",
  "not_delivered",
  "already_there",
  "not_configurable",
  "lacks_components",
  "superseded",
] as const;
export const RolloutReason = z.enum(ROLLOUT_REASONS);
export type RolloutReason = z.output<typeof RolloutReason>;

export const RolloutCounts = z.object(
  Object.fromEntries(ROLLOUT_AGENT_STATES.map((state) => [state, z.number().int()])) as Record<
    RolloutAgentState,
    z.ZodNumber
  >,
);
export type RolloutCounts = z.output<typeof RolloutCounts>;

export const RolloutWave = z.object({
  index: z.number().int().describe("from 0"),
  state: WaveState,
  agents: z.number().int(),
  counts: RolloutCounts,
  waiting: Waiting.nullable(),
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
});
export type RolloutWave = z.output<typeof RolloutWave>;

/** Two versions over one selector: `percent` of the agents, the same ones each time, get `version`; the others `baseline_version`. */
export const RolloutSplit = z.object({
  baseline_version: z.number().int().min(1),
  percent: z.number().min(1).max(99),
});

export const Rollout = z.object({
  id: Id,
  kind: z.enum(["configuration"]),
  configuration_id: Id,
  configuration_name: z.string(),
  version: z.number().int(),
  split: RolloutSplit.nullable(),
  selector: z.string(),
  plan: RolloutPlan,
  message: z.string(),
  state: RolloutState,
  state_since: Timestamp,
  reason: z.string().nullable().describe("why it is paused, was taken back or aborted"),
  waiting: Waiting.nullable(),
  sentence: z.string().describe("one true sentence about the rollout now"),
  agents: z.number().int(),
  counts: RolloutCounts,
  wave: z.number().int().nullable().describe("the current wave; null before the first and after the end"),
  waves: z.array(RolloutWave),
  created_by: ActorRef,
  created_at: Timestamp,
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
});
export type Rollout = z.output<typeof Rollout>;

export const RolloutAgent = z.object({
  agent_id: Id,
  name: z.string(),
  site_id: Id,
  wave: z.number().int(),
  variant: z.enum(["version", "baseline"]).describe("baseline: the other side of a split"),
  state: RolloutAgentState,
  state_since: Timestamp,
  reason_code: RolloutReason.nullable(),
  reason: z.string().nullable(),
  waiting: Waiting.nullable(),
  from: z
    .object({ configuration_id: Id, version: z.number().int() })
    .nullable()
    .describe("what it had before"),
  attempts: z.number().int(),
});
export type RolloutAgent = z.output<typeof RolloutAgent>;

/** What would happen, without sending anything. */
export const RolloutPreview = z.object({
  agents: z.number().int(),
  everybody: z
    .boolean()
    .describe("the selector matches every agent there is; starting needs `confirm_everybody`"),
  reachable: z.number().int(),
  unreachable: z.number().int(),
  skipped: z.array(z.object({ reason_code: RolloutReason, agents: z.number().int(), sentence: z.string() })),
  waves: z.array(z.object({ index: z.number().int(), agents: z.number().int() })),
  overlaps: z.array(z.object({ rollout_id: Id, sentence: z.string(), agents: z.number().int() })),
  problems: z.array(z.string()).describe("what keeps it from being started"),
  changes: z
    .array(
      z.object({
        from: z.object({ configuration_id: Id, version: z.number().int() }).nullable(),
        agents: z.number().int(),
        changes: z.array(ConfigurationChange),
        text_diff: z.string().describe("unified diff of the composed texts, secrets as references"),
      }),
    )
    .describe("one entry for each text that agents have now"),
  items: z
    .array(
      z.object({
        agent_id: Id,
        name: z.string(),
        site_id: Id,
        state: z.string(),
        wave: z.number().int(),
        reason_code: RolloutReason.nullable(),
        change: z.number().int().nullable().describe("index into `changes`"),
      }),
    )
    .describe(`the first ${PREVIEW_AGENTS_MAX}`),
});
export type RolloutPreview = z.output<typeof RolloutPreview>;

const Target = z.object({
  configuration_id: Id,
  version: z.number().int().min(1).optional().describe("default: the current one"),
  selector: Selector,
  plan: RolloutPlan.prefault({}),
  split: RolloutSplit.nullable().default(null),
});
const Params = z.object({ rollout_id: Id });
const WithReason = z.object({ reason: Reason });

export const rolloutApi = {
  rolloutPreview: endpoint({
    method: "POST",
    path: "/rollouts/preview",
    tag,
    summary: "What a rollout would do: which agents, in which waves, what changes on each",
    access: "agent:read",
    body: Target,
    response: RolloutPreview,
  }),
  rolloutCreate: endpoint({
    method: "POST",
    path: "/rollouts",
    tag,
    summary: "Bring a version to agents in waves",
    access: "rollout:write",
    body: Target.extend({
      message: Reason.default("Rollout"),
      confirm_everybody: z.boolean().default(false).describe("needed when the selector matches every agent"),
      on_overlap: z.enum(["refuse", "queue"]).default("refuse"),
    }),
    response: Rollout,
    status: 201,
    idempotent: true,
  }),
  rolloutList: endpoint({
    method: "GET",
    path: "/rollouts",
    tag,
    summary: "Rollouts, newest first",
    access: "agent:read",
    query: ListQuery.extend({
      state: RolloutState.optional(),
      configuration_id: Id.optional(),
      agent_id: Id.optional().describe("those this agent is or was part of"),
    }),
    response: page(Rollout),
  }),
  rolloutRead: endpoint({
    method: "GET",
    path: "/rollouts/{rollout_id}",
    tag,
    summary: "Read one rollout",
    access: "agent:read",
    params: Params,
    response: Rollout,
  }),
  rolloutAgents: endpoint({
    method: "GET",
    path: "/rollouts/{rollout_id}/agents",
    tag,
    summary: "Agents of a rollout with their verdicts, in the order of the waves",
    access: "agent:read",
    params: Params,
    query: ListQuery.extend({
      state: RolloutAgentState.optional(),
      wave: z.coerce.number().int().min(0).optional(),
      reason_code: RolloutReason.optional(),
    }),
    response: page(RolloutAgent),
  }),
  rolloutSquares: endpoint({
    method: "GET",
    path: "/rollouts/{rollout_id}/squares",
    tag,
    summary:
      "The state of every agent of a rollout, packed: for each wave one letter an agent, in stable order",
    access: "agent:read",
    params: Params,
    response: z.object({
      letters: z.record(z.string().length(1), RolloutAgentState),
      waves: z.array(z.string()),
    }),
  }),
  rolloutFailures: endpoint({
    method: "GET",
    path: "/rollouts/{rollout_id}/failures",
    tag,
    summary: "Failed agents grouped by reason and by their own words",
    access: "agent:read",
    params: Params,
    response: z.object({
      items: z.array(
        z.object({
          reason_code: RolloutReason,
          reason: z.string(),
          agents: z.number().int(),
          examples: z.array(z.object({ agent_id: Id, name: z.string() })).max(5),
        }),
      ),
    }),
  }),
  rolloutComparison: endpoint({
    method: "GET",
    path: "/rollouts/{rollout_id}/comparison",
    tag,
    summary:
      "Health and own telemetry of both sides of a rollout: of a split its two versions, otherwise agents with the version and without it yet",
    access: "agent:read",
    params: Params,
    query: z.object({ signal: Signal.optional().describe("default: all three together") }),
    response: RolloutComparison,
  }),
  rolloutPause: endpoint({
    method: "POST",
    path: "/rollouts/{rollout_id}/pause",
    tag,
    summary: "Offer it to nobody else; agents under way get their verdict",
    access: "rollout:write",
    params: Params,
    body: WithReason,
    response: Rollout,
  }),
  rolloutResume: endpoint({
    method: "POST",
    path: "/rollouts/{rollout_id}/resume",
    tag,
    summary: "Go on; a gate that stopped it is passed over, and failed agents may be tried again",
    access: "rollout:write",
    params: Params,
    body: z.object({ retry_failed: z.boolean().default(false) }).prefault({}),
    response: Rollout,
  }),
  rolloutApprove: endpoint({
    method: "POST",
    path: "/rollouts/{rollout_id}/approve",
    tag,
    summary: "Let the next wave begin",
    access: "rollout:write",
    params: Params,
    response: Rollout,
  }),
  rolloutAbort: endpoint({
    method: "POST",
    path: "/rollouts/{rollout_id}/abort",
    tag,
    summary: "End it here; agents keep what they have",
    access: "rollout:write",
    params: Params,
    body: WithReason,
    response: Rollout,
  }),
  rolloutRollBack: endpoint({
    method: "POST",
    path: "/rollouts/{rollout_id}/roll-back",
    tag,
    summary: "Give every agent that got the version what it had before",
    access: "rollout:write",
    params: Params,
    body: WithReason,
    response: Rollout,
  }),
} as const;
