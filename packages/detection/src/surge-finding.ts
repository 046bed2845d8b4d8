import type { DetectorConfig } from "./config.ts";
import { categoryOf } from "./failure-finding.ts";
import type { FamilyReading } from "./events.ts";
import { permille, ramp } from "./fixed.ts";
import type { OutputWatch } from "./output-state.ts";
import { repetitionReading } from "./readings.ts";
import { meanGapMs, readableText } from "./signatures.ts";
import { isOfOneFailure, surgeOf } from "./surge.ts";
import { CONFIRM_AT, gate, type Finding } from "./verdicts.ts";

/** Bounded retries fail a few times for each success. */
const FAILURES_PER_SUCCESS = 4;

/**
 * One failure, many times a second, at five times the pace the run ever had and for a minute: that others' lines bring news
 * meanwhile does not make it less of a loop. Null until it is that.
 */
export function surgeFinding(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  at: number,
  line: number,
): Finding | null {
  const { surge } = watch;
  if (!isOfOneFailure(surge, at)) return null;
  if (watch.succeeding * FAILURES_PER_SUCCESS >= watch.failing) return null;
  const signature = watch.signatures.get(surge.signature);
  if (signature === undefined) return null;
  const lastsMs = at - surge.since;
  const perSecond = Math.floor((surge.lines * 1000) / lastsMs);
  // A surge may fall to half of what began it.
  const threshold = Math.floor(surgeOf(surge, config) / 20);
  const families: FamilyReading[] = [
    {
      family: "error",
      strength: ramp(permille(watch.failing), 0, config.errorShare * 2),
      value: permille(watch.failing),
      threshold: config.errorShare,
      unit: "‰ of lines",
    },
    repetitionReading(watch, config),
    {
      family: "activity",
      strength: ramp(perSecond, 0, threshold * 2),
      value: perSecond,
      threshold,
      unit: "lines/s",
    },
  ];
  if (families.some(({ strength }) => strength < 500)) return null;
  const sum = families.reduce((total, { strength }) => total + strength, 0);
  return {
    category: surge.retries * 4 >= surge.failures ? "retry_storm" : categoryOf(watch, config, signature),
    score: gate(Math.max(CONFIRM_AT, Math.floor(sum / 30)), families),
    established: true,
    surge: surge.number,
    evidence: () => ({
      families,
      signature: {
        text: signature.firstText,
        lastText: signature.lastBytes === null ? "" : readableText(signature.lastBytes),
        count: surge.failures,
        periodMs: Math.max(meanGapMs(signature), Math.floor(lastsMs / surge.failures)),
      },
      lines: { from: surge.sinceLine, to: line },
      since: { line: surge.sinceLine, at: surge.since },
      lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
      suppressions: [],
      configHash: hash,
    }),
  };
}
