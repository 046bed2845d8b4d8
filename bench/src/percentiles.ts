import { round } from "./machine.ts";

/** Count, median, tail and worst of some measurements in milliseconds. */
export function percentiles(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    p50_ms: round(quantile(sorted, 0.5), 2),
    p95_ms: round(quantile(sorted, 0.95), 2),
    p99_ms: round(quantile(sorted, 0.99), 2),
    max_ms: round(sorted.at(-1) ?? Number.NaN, 2),
  };
}

/** Nearest rank: the smallest measured value that at least this share of all is not above. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
