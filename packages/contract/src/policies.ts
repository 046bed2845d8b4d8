import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp } from "./common.ts";

const tag = "Policies";

export const CATEGORIES = ["loop", "stall", "retry_storm", "runaway", "agent_loop"] as const;
export const Category = z.enum(CATEGORIES);
export type Category = z.output<typeof Category>;

export const POLICY_MODES = ["shadow", "canary", "enforce"] as const;
export const PolicyMode = z.enum(POLICY_MODES);
export type PolicyMode = z.output<typeof PolicyMode>;

export const LADDER_MAX = 5;
const ENV_SET_MAX = 64;
/** A shorter part of a line is in nearly every line: it would make everything benign. */
const BENIGN_CHARS_MIN = 3;
/** One rung. `restart` may change what is started; `stop_for_good` also ends retries and the schedule of the job. */
export const LadderAction = z.discriminatedUnion("do", [
  z.object({ do: z.literal("notify") }),
  z.object({ do: z.literal("freeze") }),
  z.object({ do: z.literal("stop"), grace_ms: z.number().int().min(0).max(600_000).optional() }),
  z.object({
    do: z.literal("restart"),
    args_add: z.array(z.string().max(4_096)).max(64).optional(),
    env_set: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768))
      .refine((env) => Object.keys(env).length <= ENV_SET_MAX, `at most ${ENV_SET_MAX} variables`)
      .optional(),
    delay_ms: z.number().int().min(0).max(86_400_000).optional(),
  }),
  z.object({ do: z.literal("stop_for_good"), grace_ms: z.number().int().min(0).max(600_000).optional() }),
]);
export type LadderAction = z.output<typeof LadderAction>;

/** The n-th confirmed incident of a category in a run and its restarts takes the n-th rung; the last rung is kept. */
const Ladder = z
  .array(LadderAction)
  .min(1)
  .max(LADDER_MAX)
  .refine((rungs) => rungs.slice(0, -1).every((rung) => rung.do !== "stop_for_good"), {
    message: "nothing can follow stop_for_good",
  });

/** What is done about what the detector finds. Immutable once it is a version. */
export const PolicyDocument = z
  .object({
    mode: PolicyMode.default("shadow"),
    canary_percent: z
      .number()
      .int()
      .min(1)
      .max(99)
      .optional()
      .describe("canary only, and needed there: the stable share of runs that it is enforced on"),
    sensitivity: z.enum(["low", "medium", "high"]).default("medium"),
    benign: z
      .array(
        z
          .string()
          .max(500)
          .refine((part) => part.trim().length >= BENIGN_CHARS_MIN, {
            message: `has to have at least ${BENIGN_CHARS_MIN} characters, else nearly every line is benign`,
          }),
      )
      .max(100)
      .default([])
      .describe("parts of lines this job prints by design"),
    warm_up_ms: z
      .number()
      .int()
      .min(0)
      .max(86_400_000)
      .default(60_000)
      .describe("no intervention so soon after a start"),
    cooldown_ms: z
      .number()
      .int()
      .min(0)
      .max(86_400_000)
      .default(900_000)
      .describe("between two interventions on one run and its restarts"),
    rate_limit: z
      .object({
        interventions_max: z.number().int().min(1).max(1_000).default(5),
        window_ms: z.number().int().min(1_000).max(86_400_000).default(600_000),
        fallback_ms: z.number().int().min(1_000).max(604_800_000).default(3_600_000),
      })
      .default({ interventions_max: 5, window_ms: 600_000, fallback_ms: 3_600_000 })
      .describe(
        "more interventions than this in one site, and every policy there falls back to shadow for a while",
      ),
    actions: z
      .partialRecord(Category, Ladder)
      .default({})
      .describe("a category without one is told, nothing more"),
  })
  .superRefine((policy, ctx) => {
    if (policy.mode === "canary" && policy.canary_percent === undefined)
      ctx.addIssue({
        code: "custom",
        path: ["canary_percent"],
        message: "say which share of runs the canary is enforced on",
      });
    if (policy.mode !== "canary" && policy.canary_percent !== undefined)
      ctx.addIssue({
        code: "custom",
        path: ["canary_percent"],
        message: `only the mode canary has a share; the mode is ${policy.mode}`,
      });
    const acts = Object.values(policy.actions).some((ladder) => ladder?.some((rung) => rung.do !== "notify"));
    if (policy.mode !== "shadow" && !acts)
      ctx.addIssue({
        code: "custom",
        path: ["actions"],
        message: `the mode is ${policy.mode}, but no category has an action beyond notify`,
      });
    const { interventions_max, window_ms, fallback_ms } = policy.rate_limit;
    if (fallback_ms < window_ms)
      ctx.addIssue({
        code: "custom",
        path: ["rate_limit", "fallback_ms"],
        message: `must not be below window_ms: the fall-back would end while the ${interventions_max} interventions that led to it still count, and begin again at once`,
      });
    for (const [category, ladder] of Object.entries(policy.actions)) {
      const rung = unreachableRung(ladder ?? [], policy.cooldown_ms, policy.rate_limit);
      if (rung !== null)
        ctx.addIssue({
          code: "custom",
          path: ["actions", category, rung],
          message: `is never reached: one run alone makes ${interventions_max} interventions within window_ms before it, and the next one has the site fall back to shadow; raise interventions_max or cooldown_ms`,
        });
    }
  });

/** The first rung that a run cannot get to before its own interventions have tripped the site's guard; null when there is none. */
function unreachableRung(
  ladder: readonly LadderAction[],
  cooldownMs: number,
  limit: { interventions_max: number; window_ms: number },
): number | null {
  const atOnce = cooldownMs === 0 ? Infinity : Math.floor(limit.window_ms / cooldownMs) + 1;
  if (atOnce <= limit.interventions_max) return null;
  let acting = 0;
  for (const [index, rung] of ladder.entries()) {
    if (rung.do !== "notify") acting += 1;
    if (acting > limit.interventions_max) return index;
  }
  return null;
}
export type PolicyDocument = z.output<typeof PolicyDocument>;

export const PolicyVersion = z.object({
  policy_id: Id,
  version: z.number().int(),
  document: PolicyDocument,
  hash: z.string(),
  message: z.string(),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type PolicyVersion = z.output<typeof PolicyVersion>;

export const Policy = z.object({
  id: Id,
  name: z.string(),
  description: z.string(),
  current_version: z.number().int(),
  current: PolicyDocument,
  is_default: z.boolean().describe("used by runs and jobs that name no other"),
  runs_30d: z.number().int(),
  incidents_30d: z.number().int(),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Policy = z.output<typeof Policy>;

/** What one policy would have done to one past run. */
export const ComparedRun = z.object({
  run_id: Id,
  run_name: z.string(),
  state: z.string(),
  ended_at: Timestamp.nullable(),
  category: Category.nullable(),
  /** What each policy would have done first, beyond telling; null: nothing. */
  base_action: z.string().nullable(),
  base_at: Timestamp.nullable(),
  candidate_action: z.string().nullable(),
  candidate_at: Timestamp.nullable(),
  /** Run time that would have been spared, in ms; null when it would not have been stopped, or has no end. */
  saved_ms: z.number().int().nullable(),
  /** It ended well, or somebody said that the incident was wrong: stopping it would have cost this much work, in ms. */
  cost_ms: z.number().int().nullable(),
  verdict: z.enum([
    "same",
    "stopped_earlier",
    "stopped_later",
    "newly_stopped",
    "no_longer_stopped",
    "not_replayable",
  ]),
  detail: z.string().nullable(),
});
export type ComparedRun = z.output<typeof ComparedRun>;

export const PolicyComparison = z.object({
  id: Id,
  policy_id: Id,
  state: z.enum(["waiting", "running", "done", "failed"]),
  progress: z.object({ done: z.number().int(), total: z.number().int() }),
  base: z.object({ policy_id: Id.nullable(), version: z.number().int().nullable(), label: z.string() }),
  candidate: z.object({ policy_id: Id.nullable(), version: z.number().int().nullable(), label: z.string() }),
  since: Timestamp,
  summary: z
    .object({
      runs: z.number().int(),
      not_replayable: z.number().int(),
      base_stops: z.number().int(),
      candidate_stops: z.number().int(),
      wrong_base: z.number().int(),
      wrong_candidate: z.number().int(),
      saved_ms: z.number().int(),
      cost_ms: z.number().int(),
      sentence: z.string(),
    })
    .nullable(),
  runs: z.array(ComparedRun),
  error: z.string().nullable(),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type PolicyComparison = z.output<typeof PolicyComparison>;

/** What feedback asks for: a change of the policy, ready to be saved as a version. */
export const PolicySuggestion = z.object({
  policy_id: Id,
  title: z.string(),
  why: z.string(),
  document: PolicyDocument,
  incident_ids: z.array(Id),
});
export type PolicySuggestion = z.output<typeof PolicySuggestion>;

const PolicyParams = z.object({ policy_id: Id });

export const COMPARED_RUNS_MAX = 500;

export const policyApi = {
  policyList: endpoint({
    method: "GET",
    path: "/policies",
    tag,
    summary: "List detection policies",
    access: "run:read",
    query: ListQuery,
    response: page(Policy),
  }),
  policyCreate: endpoint({
    method: "POST",
    path: "/policies",
    tag,
    summary: "Create a detection policy with its first version",
    access: "policy:write",
    body: z.object({ name: Name, description: z.string().max(2_000).default(""), document: PolicyDocument }),
    response: Policy,
    status: 201,
    idempotent: true,
  }),
  policyRead: endpoint({
    method: "GET",
    path: "/policies/{policy_id}",
    tag,
    summary: "Read one policy",
    access: "run:read",
    params: PolicyParams,
    response: Policy,
  }),
  policyChange: endpoint({
    method: "PATCH",
    path: "/policies/{policy_id}",
    tag,
    summary: "Rename a policy, or make it the default",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({
      name: Name.optional(),
      description: z.string().max(2_000).optional(),
      is_default: z.literal(true).optional(),
    }),
    response: Policy,
  }),
  policyArchive: endpoint({
    method: "DELETE",
    path: "/policies/{policy_id}",
    tag,
    summary: "Archive a policy that no job uses",
    access: "policy:write",
    params: PolicyParams,
    status: 204,
  }),
  policyVersionList: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/versions",
    tag,
    summary: "Versions of a policy, newest first",
    access: "run:read",
    params: PolicyParams,
    query: ListQuery,
    response: page(PolicyVersion),
  }),
  policyVersionCreate: endpoint({
    method: "POST",
    path: "/policies/{policy_id}/versions",
    tag,
    summary: "Save a new version; jobs without a fixed version use it from their next run on",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({ document: PolicyDocument, message: Reason }),
    response: PolicyVersion,
    status: 201,
    idempotent: true,
  }),
  policyCompare: endpoint({
    method: "POST",
    path: "/policies/{policy_id}/comparisons",
    tag,
    summary:
      "Replay past runs under a version or a draft, beside another version: what would have been stopped",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({
      candidate: z.union([
        z.object({ version: z.number().int().min(1) }),
        z.object({ document: PolicyDocument }),
      ]),
      base_version: z.number().int().min(1).optional().describe("default: the current version"),
      days: z.number().int().min(1).max(90).default(14),
      runs_max: z.number().int().min(1).max(COMPARED_RUNS_MAX).default(200),
    }),
    response: PolicyComparison,
    status: 202,
    idempotent: true,
  }),
  policyComparisonRead: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/comparisons/{comparison_id}",
    tag,
    summary: "How far a comparison is, and its result",
    access: "run:read",
    params: PolicyParams.extend({ comparison_id: Id }),
    response: PolicyComparison,
  }),
  policySuggestions: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/suggestions",
    tag,
    summary: "What feedback on incidents asks for",
    access: "run:read",
    params: PolicyParams,
    response: z.object({ items: z.array(PolicySuggestion) }),
  }),
} as const;
