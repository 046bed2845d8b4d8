// Two sides of a rollout held against each other, honestly: one number a side, the range in which their difference lies,
// and a verdict only where that range leaves no doubt. The agent is the unit: a thousand reports of three agents are still
// three agents.

/** Fewer agents than these on a side, and nothing is said of the difference. */
export const COMPARED_AGENTS_MIN = 5;
/** An agent counts for a figure that is measured over time once so much of its time is known. */
export const COMPARED_SECONDS_MIN = 300;
/**
 * Two-sided, of the normal distribution. Stricter than the usual 95 %, since a page shows eleven figures at once: at 95 %
 * every second one of two equal sides would have a figure that differs.
 */
const Z = 2.576;
/** Student's t for the same 99 %, by degrees of freedom; between two of them the wider one holds. */
const T: readonly (readonly [freedom: number, t: number])[] = [
  [1, 63.657],
  [2, 9.925],
  [3, 5.841],
  [4, 4.604],
  [5, 4.032],
  [6, 3.707],
  [7, 3.499],
  [8, 3.355],
  [9, 3.25],
  [10, 3.169],
  [12, 3.055],
  [15, 2.947],
  [20, 2.845],
  [30, 2.75],
  [60, 2.66],
  [120, 2.617],
];

/** What is known of one side: a share of its agents, or what each of them measured. */
export type Sample =
  | { readonly kind: "share"; readonly hits: number; readonly agents: number }
  | { readonly kind: "each"; readonly values: readonly number[] };

/** Percent for a share, the mean over agents otherwise; null where there is no agent. */
export interface Estimate {
  readonly value: number | null;
  readonly agents: number;
}

export type ComparisonVerdict =
  | "better"
  | "worse"
  | "higher"
  | "lower"
  | "no_difference_seen"
  | "not_enough_data";

export interface Compared {
  readonly version: Estimate;
  readonly baseline: Estimate;
  /** Version less baseline, and between which ends it lies by 99 %; null without enough agents on both sides. */
  readonly difference: { readonly value: number; readonly low: number; readonly high: number } | null;
  readonly verdict: ComparisonVerdict;
}

/** Compares one figure of both sides. `isHigherWorse` is false where more is neither good nor bad, as with throughput. */
export function compareSides(
  version: Sample,
  baseline: Sample,
  { isHigherWorse }: { isHigherWorse: boolean },
): Compared {
  const [one, other] = [estimate(version), estimate(baseline)];
  const difference =
    Math.min(one.agents, other.agents) < COMPARED_AGENTS_MIN ? null : differenceOf(version, baseline);
  return { version: one, baseline: other, difference, verdict: verdictOf(difference, isHigherWorse) };
}

function verdictOf(difference: Compared["difference"], isHigherWorse: boolean): ComparisonVerdict {
  if (difference === null) return "not_enough_data";
  if (difference.low > 0) return isHigherWorse ? "worse" : "higher";
  if (difference.high < 0) return isHigherWorse ? "better" : "lower";
  return "no_difference_seen";
}

function estimate(sample: Sample): Estimate {
  if (sample.kind === "each")
    return {
      value: sample.values.length === 0 ? null : mean(sample.values),
      agents: sample.values.length,
    };
  return {
    value: sample.agents === 0 ? null : (100 * sample.hits) / sample.agents,
    agents: sample.agents,
  };
}

function differenceOf(version: Sample, baseline: Sample): NonNullable<Compared["difference"]> | null {
  if (version.kind === "share" && baseline.kind === "share") return sharesApart(version, baseline);
  if (version.kind === "each" && baseline.kind === "each") return meansApart(version.values, baseline.values);
  return null;
}

/** Newcombe's hybrid of two Wilson intervals (Statistics in Medicine 17, 1998, method 10): sound for few agents and at 0 %. */
function sharesApart(
  version: { hits: number; agents: number },
  baseline: { hits: number; agents: number },
): NonNullable<Compared["difference"]> {
  const [one, other] = [wilson(version), wilson(baseline)];
  const value = one.share - other.share;
  return {
    value: 100 * value,
    low: 100 * (value - Math.hypot(one.share - one.low, other.high - other.share)),
    high: 100 * (value + Math.hypot(one.high - one.share, other.share - other.low)),
  };
}

function wilson({ hits, agents }: { hits: number; agents: number }) {
  const share = hits / agents;
  const square = Z * Z;
  const middle = (hits + square / 2) / (agents + square);
  const half = (Z / (agents + square)) * Math.sqrt((hits * (agents - hits)) / agents + square / 4);
  return { share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** Welch's interval: the two sides may spread differently. */
function meansApart(
  version: readonly number[],
  baseline: readonly number[],
): NonNullable<Compared["difference"]> {
  const [one, other] = [variance(version) / version.length, variance(baseline) / baseline.length];
  const value = mean(version) - mean(baseline);
  const freedom =
    one + other === 0
      ? version.length + baseline.length - 2
      : (one + other) ** 2 / (one ** 2 / (version.length - 1) + other ** 2 / (baseline.length - 1));
  const half = tOf(freedom) * Math.sqrt(one + other);
  return { value, low: value - half, high: value + half };
}

function tOf(freedom: number): number {
  return T.findLast(([each]) => each <= freedom)?.[1] ?? Number.POSITIVE_INFINITY;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
}
