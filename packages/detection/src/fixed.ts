/** Fixed-point shares: 1 is 65,536. Sums of integers come out the same in any order and on any machine. */
export const ONE = 65_536;

const WEIGHT_MAX = 16;
/** A line moves an average by one 32nd; a record of n lines by as much as n lines. */
const STEP: readonly number[] = Array.from({ length: WEIGHT_MAX + 1 }, (_, lines) => {
  let keep = ONE;
  for (let line = 0; line < lines; line += 1) keep = Math.floor((keep * 31) / 32);
  return ONE - keep;
});

/** Moves `share` towards `target` by the weight of a record of so many lines. */
export function towards(share: number, target: number, lines: number): number {
  const step = STEP[Math.min(lines, WEIGHT_MAX)] ?? 0;
  return share + Math.trunc(((target - share) * step) / ONE);
}

export function permille(share: number): number {
  return Math.round((share * 1000) / ONE);
}

/** 0 to 1000: how far `value` is from `low` to `high`. */
export function ramp(value: number, low: number, high: number): number {
  if (value <= low) return 0;
  if (value >= high) return 1000;
  return Math.floor(((value - low) * 1000) / (high - low));
}
