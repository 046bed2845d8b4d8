/** A policy as people edit it: lengths of time in the units they think in, a ladder for each category. */
import {
  CATEGORIES,
  LADDER_MAX,
  PolicyDocument,
  type Category,
  type LadderAction,
  type PolicyMode,
} from "@flowplane/contract";
import { joinCommand, splitCommand } from "../../lib/argv.ts";
import { parseEnvironment } from "../../lib/environment.ts";

export const ACTIONS = ["notify", "freeze", "stop", "restart", "stop_for_good"] as const;
export interface RungForm {
  readonly do: (typeof ACTIONS)[number];
  readonly graceSeconds: string;
  readonly args: string;
  readonly env: string;
  readonly delaySeconds: string;
}
export interface PolicyForm {
  readonly mode: PolicyMode;
  readonly canaryPercent: string;
  readonly sensitivity: PolicyDocument["sensitivity"];
  readonly benign: string;
  readonly warmUpSeconds: string;
  readonly cooldownMinutes: string;
  readonly guardCount: string;
  readonly guardMinutes: string;
  readonly fallbackMinutes: string;
  readonly ladders: Readonly<Record<Category, readonly RungForm[]>>;
}

const plainRung = { graceSeconds: "", args: "", env: "", delaySeconds: "" } as const;

export function rung(action: RungForm["do"]): RungForm {
  return { ...plainRung, do: action };
}

export function policyFormOf(document: PolicyDocument): PolicyForm {
  const { rate_limit: guard } = document;
  return {
    mode: document.mode,
    canaryPercent: String(document.canary_percent ?? 20),
    sensitivity: document.sensitivity,
    benign: document.benign.join("\n"),
    warmUpSeconds: String(document.warm_up_ms / 1_000),
    cooldownMinutes: String(document.cooldown_ms / 60_000),
    guardCount: String(guard.interventions_max),
    guardMinutes: String(guard.window_ms / 60_000),
    fallbackMinutes: String(guard.fallback_ms / 60_000),
    ladders: Object.fromEntries(
      CATEGORIES.map((category) => [category, (document.actions[category] ?? []).map(rungFormOf)]),
    ) as Record<Category, RungForm[]>,
  };
}

/** The document the form stands for, or what is wrong with it, in sentences. */
export function readPolicy(form: PolicyForm): { document: PolicyDocument } | { problems: readonly string[] } {
  const problems: string[] = [];
  const ladders = CATEGORIES.flatMap((category) => {
    const rungs = form.ladders[category].map((one) => readRung(one, problems));
    return rungs.length === 0 ? [] : [[category, rungs] as const];
  });
  const ms = (text: string, scale: number) => Math.round(Number(text === "" ? Number.NaN : text) * scale);
  return parsePolicy(
    {
      mode: form.mode,
      ...(form.mode === "canary" ? { canary_percent: ms(form.canaryPercent, 1) } : {}),
      sensitivity: form.sensitivity,
      benign: form.benign
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
      warm_up_ms: ms(form.warmUpSeconds, 1_000),
      cooldown_ms: ms(form.cooldownMinutes, 60_000),
      rate_limit: {
        interventions_max: ms(form.guardCount, 1),
        window_ms: ms(form.guardMinutes, 60_000),
        fallback_ms: ms(form.fallbackMinutes, 60_000),
      },
      actions: Object.fromEntries(ladders),
    },
    problems,
  );
}

/** The document of a text as it stands in the JSON view. */
export function readPolicyJson(text: string): { document: PolicyDocument } | { problems: readonly string[] } {
  try {
    return parsePolicy(JSON.parse(text), []);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { problems: [`Not JSON: ${error.message}.`] };
  }
}

function parsePolicy(
  raw: unknown,
  problems: readonly string[],
): { document: PolicyDocument } | { problems: readonly string[] } {
  const parsed = PolicyDocument.safeParse(raw);
  const found = parsed.success
    ? problems
    : [
        ...problems,
        ...parsed.error.issues.map(({ path, message }) =>
          path.length === 0 ? message : `${path.join(" › ").replaceAll("_", " ")}: ${message}`,
        ),
      ];
  return parsed.success && found.length === 0 ? { document: parsed.data } : { problems: [...new Set(found)] };
}

/** Why no rung can be added, or undefined when one can. */
export function cannotAddRung(ladder: readonly RungForm[]): string | undefined {
  if (ladder.length >= LADDER_MAX) return `A ladder has at most ${LADDER_MAX} rungs.`;
  return ladder.at(-1)?.do === "stop_for_good" ? "Nothing can follow “stop for good”." : undefined;
}

function rungFormOf(action: LadderAction): RungForm {
  const seconds = (ms: number | undefined) => (ms === undefined ? "" : String(ms / 1_000));
  if (action.do === "stop" || action.do === "stop_for_good")
    return { ...rung(action.do), graceSeconds: seconds(action.grace_ms) };
  if (action.do !== "restart") return rung(action.do);
  return {
    ...rung("restart"),
    args: joinCommand(action.args_add ?? []),
    env: Object.entries(action.env_set ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join("\n"),
    delaySeconds: seconds(action.delay_ms),
  };
}

function readRung(form: RungForm, problems: string[]): unknown {
  const ms = (text: string) => (text.trim() === "" ? undefined : Math.round(Number(text) * 1_000));
  if (form.do === "notify" || form.do === "freeze") return { do: form.do };
  if (form.do !== "restart") {
    const grace = ms(form.graceSeconds);
    return grace === undefined ? { do: form.do } : { do: form.do, grace_ms: grace };
  }
  const args = splitCommand(form.args);
  if ("problem" in args) problems.push(`Restart: ${args.problem}`);
  const env = parseEnvironment(form.env);
  if ("problem" in env) problems.push(`Restart: ${env.problem}`);
  const delay = ms(form.delaySeconds);
  return {
    do: "restart",
    ...("problem" in args || args.length === 0 ? {} : { args_add: args }),
    ...("problem" in env || Object.keys(env.values).length === 0 ? {} : { env_set: env.values }),
    ...(delay === undefined ? {} : { delay_ms: delay }),
  };
}
