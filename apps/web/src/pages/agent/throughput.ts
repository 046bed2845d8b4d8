/** Throughput as it is drawn and said: pure. */
import type { ThroughputSeries } from "@flowplane/contract";
import type { TELEMETRY_RANGES } from "../../search.ts";

export type RangeName = (typeof TELEMETRY_RANGES)[number];
const HOUR_MS = 3_600_000;
export const RANGE_MS: Readonly<Record<RangeName, number>> = {
  "1h": HOUR_MS,
  "6h": 6 * HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 168 * HOUR_MS,
};
const STEP_MS = 60_000;

/** The query of a range; its beginning moves in whole minutes, so that the answer is asked for once a minute, not always. */
export function queryOf(range: RangeName, now: number): { from: string } {
  return { from: new Date(Math.floor((now - RANGE_MS[range]) / STEP_MS) * STEP_MS).toISOString() };
}

/** Seconds since the epoch of each step. */
export function timesOf({ start, step_seconds, accepted }: ThroughputSeries): number[] {
  const first = Date.parse(start) / 1_000;
  return accepted.map((_, index) => first + index * step_seconds);
}

/** "1,240/s", "0.4/s": items a second with as many digits as one can use. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)}/s`;
}

/** Failed and refused of everything that came, in percent over the range; null when nothing came. */
export function errorPercent({ accepted, refused, failed, sent }: ThroughputSeries): number | null {
  const sum = (values: readonly (number | null)[]) =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const [came, wrong] = [Math.max(sum(accepted), sum(sent)) + sum(refused), sum(refused) + sum(failed)];
  return came === 0 ? null : Math.min(100, (wrong / came) * 100);
}
