import { z } from "zod";

// A file of its own, and an entry of the package: agents judge policies and need nothing else of the contract.

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
