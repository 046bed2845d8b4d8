/** The form of a new rollout as typed, and the plan it stands for. */
import { RolloutPlan, WAVES_MAX, type WaveSize } from "@flowplane/contract";
import { numberIn, type Range } from "../../lib/numberIn.ts";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export interface WaveForm {
  /** Stays with the row while others come and go. */
  readonly key: number;
  readonly unit: "count" | "percent";
  readonly amount: string;
}
export interface PlanForm {
  readonly waves: readonly WaveForm[];
  readonly maxUnavailable: string;
  readonly soakSeconds: string;
  readonly timeoutSeconds: string;
  readonly minPassPercent: string;
  readonly maxFailures: string;
  readonly onFailure: "pause" | "roll_back";
  readonly approval: boolean;
  readonly judgesTelemetry: boolean;
  readonly maxErrorPercent: string;
  readonly maxDropPercent: string;
  readonly hasWindow: boolean;
  readonly days: readonly Weekday[];
  readonly from: string;
  readonly until: string;
  readonly timeZone: string;
  readonly includeNew: boolean;
}
export type PlanField = keyof PlanForm;

const USUAL = RolloutPlan.parse({});
const DAY_SECONDS = 86_400;
const RANGES = {
  maxUnavailable: { min: 1, max: 100_000, unit: "agents" },
  soakSeconds: { min: 0, max: 30 * DAY_SECONDS, unit: "seconds" },
  timeoutSeconds: { min: 1, max: 30 * DAY_SECONDS, unit: "seconds" },
  minPassPercent: { min: 0, max: 100, unit: "%" },
  maxFailures: { min: 0, max: 1_000_000, unit: "agents" },
  maxErrorPercent: { min: 0, max: 100, unit: "%" },
  maxDropPercent: { min: 0, max: 100, unit: "%" },
} as const satisfies Partial<Record<PlanField, Range>>;
const WAVE_RANGE = {
  count: { min: 1, max: 1_000_000, unit: "agents" },
  percent: { min: 0.01, max: 100, unit: "%" },
} as const;

export const PRESETS: readonly { readonly word: string; readonly waves: readonly WaveSize[] }[] = [
  { word: "1, 10 %, 50 %, all", waves: USUAL.waves },
  { word: "1, then all", waves: [{ count: 1 }, { percent: 100 }] },
  { word: "all at once", waves: [{ percent: 100 }] },
];

export function planFormOf(plan: RolloutPlan, timeZone: string): PlanForm {
  const { gate, telemetry, window } = plan;
  return {
    waves: waveFormsOf(plan.waves),
    maxUnavailable: String(plan.max_unavailable),
    soakSeconds: String(plan.soak_seconds),
    timeoutSeconds: String(plan.verdict_timeout_seconds),
    minPassPercent: String(gate.min_pass_percent),
    maxFailures: String(gate.max_failures),
    onFailure: gate.on_failure,
    approval: plan.approval,
    judgesTelemetry: telemetry !== null,
    maxErrorPercent: String((telemetry ?? USUAL.telemetry)?.max_error_percent ?? ""),
    maxDropPercent: String((telemetry ?? USUAL.telemetry)?.max_drop_percent ?? ""),
    hasWindow: window !== null,
    days: window?.days ?? ["mon", "tue", "wed", "thu"],
    from: window?.from ?? "22:00",
    until: window?.until ?? "05:00",
    timeZone: window?.time_zone ?? timeZone,
    includeNew: plan.include_new_agents,
  };
}

export const usualPlan = (timeZone: string): PlanForm => planFormOf(USUAL, timeZone);

export function waveFormsOf(waves: readonly WaveSize[]): WaveForm[] {
  return waves.map((wave, key) =>
    "count" in wave
      ? { key, unit: "count", amount: String(wave.count) }
      : { key, unit: "percent", amount: String(wave.percent) },
  );
}

/** One wave more, before the last, which always takes all that are left. */
export function withAnotherWave(waves: readonly WaveForm[]): readonly WaveForm[] {
  if (waves.length >= WAVES_MAX) return waves;
  const key = Math.max(-1, ...waves.map((wave) => wave.key)) + 1;
  return [...waves.slice(0, -1), { key, unit: "percent", amount: "25" }, ...waves.slice(-1)];
}

export type PlanProblems = Partial<Record<PlanField | `wave ${number}`, string>>;

/** The plan as the API takes it, or what is wrong with the form, by field. */
export function readPlan(form: PlanForm): { plan: RolloutPlan } | { problems: PlanProblems } {
  const problems: PlanProblems = {};
  const amount = (field: keyof typeof RANGES): number => {
    const value = numberIn(form[field], RANGES[field]);
    if (typeof value === "number") return value;
    problems[field] = value?.problem ?? "Write a number.";
    return 0;
  };
  const waves = form.waves.map((wave, index): WaveSize => {
    // The last wave takes all that are left, whatever stands in it.
    if (index === form.waves.length - 1) return { percent: 100 };
    const value = numberIn(wave.amount, WAVE_RANGE[wave.unit]);
    if (typeof value === "number")
      return wave.unit === "count" ? { count: Math.round(value) } : { percent: value };
    problems[`wave ${index}`] = value?.problem ?? "Write a number.";
    return { percent: 100 };
  });
  if (form.hasWindow && form.days.length === 0) problems.days = "Choose at least one day.";
  if (form.hasWindow && form.from === form.until) problems.until = "It must differ from the beginning.";
  const plan = {
    waves,
    max_unavailable: Math.round(amount("maxUnavailable")),
    soak_seconds: Math.round(amount("soakSeconds")),
    verdict_timeout_seconds: Math.round(amount("timeoutSeconds")),
    gate: {
      min_pass_percent: amount("minPassPercent"),
      max_failures: Math.round(amount("maxFailures")),
      on_failure: form.onFailure,
    },
    approval: form.approval,
    window: form.hasWindow
      ? { time_zone: form.timeZone, days: [...form.days], from: form.from, until: form.until }
      : null,
    telemetry: form.judgesTelemetry
      ? { max_error_percent: amount("maxErrorPercent"), max_drop_percent: amount("maxDropPercent") }
      : null,
    include_new_agents: form.includeNew,
  };
  if (Object.keys(problems).length > 0) return { problems };
  const parsed = RolloutPlan.safeParse(plan);
  if (parsed.success) return { plan: parsed.data };
  return { problems: { waves: parsed.error.issues[0]?.message ?? "This is no plan." } };
}
