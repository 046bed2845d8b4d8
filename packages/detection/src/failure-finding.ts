import type { DetectorConfig } from "./config.ts";
import type { Category, Evidence, FamilyReading, Suppression } from "./events.ts";
import { permille, ramp } from "./fixed.ts";
import { Flag } from "./flags.ts";
import type { OutputWatch } from "./output-state.ts";
import { progressReading, repetitionReading } from "./readings.ts";
import { meanGapMs, periodMs, readableText, type Signature } from "./signatures.ts";
import { CONFIRM_AT, gate, type Finding } from "./verdicts.ts";

/** Bounded retries fail a few times for each success. */
const FAILURES_PER_SUCCESS = 4;
const WORKED_MS_MIN = 60_000;
const WORKED_RECORDS_MIN = 100;
const SLOW_MS = 10_000;
const SLOW_FAILING_SHARE = 500;
const WAIT_MS = 3_000;
/** What comes back no faster is paced by somebody who waits. */
const WAIT_GAP_MS = 1_000;
const KNOWN_WEIGHT = 3;
const SCORE_MAX_UNTIL_ESTABLISHED = 70;

/** What a failure's return says, given all that came with it. */
export function failureFinding(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  signature: Signature,
): Finding {
  const period = periodMs(signature);
  // What announces a retry or reports a restart belongs to the failure it answers.
  const answered = Math.floor(((watch.retries + watch.restarts + watch.failures) * 1000) / watch.records);
  const slow = period > SLOW_MS;
  const failing = slow
    ? Math.max(permille(watch.failing), Math.min(1000, answered))
    : permille(watch.failing);
  const failingMin = slow ? SLOW_FAILING_SHARE : config.errorShare;
  const suppressions: Suppression[] = [];
  // A success that is part of each restart says only that it was started.
  const recovers =
    watch.restarts * 4 < signature.count && watch.succeeding * FAILURES_PER_SUCCESS >= watch.failing;
  if (recovers) suppressions.push({ name: "failures followed by success", count: watch.successes });
  // What a server says of callers it turns away comes with remarks that do not name the caller.
  const besieged = watch.peerFailures >= signature.count;
  if (besieged) suppressions.push({ name: "failures of those who connect", count: watch.peerFailures });
  if (watch.benignLines > 0) suppressions.push({ name: "benign by configuration", count: watch.benignLines });
  if (watch.bursts > 0) suppressions.push({ name: "same failure within a second", count: watch.bursts });
  const families: FamilyReading[] = [
    {
      family: "error",
      strength: recovers || besieged ? 300 : ramp(failing, 0, failingMin * 2),
      value: failing,
      threshold: failingMin,
      unit: "‰ of lines",
    },
    repetitionReading(watch, config),
    progressReading(watch, config),
  ];
  const [error = 0, repetition = 0, noProgress = 0] = families.map((f) => f.strength);
  // Once it has been at work for a while, a job is no longer starting.
  const hasWorked =
    watch.epochAt - watch.startedAt >= WORKED_MS_MIN && watch.recordsBefore >= WORKED_RECORDS_MIN;
  const starting =
    !hasWorked &&
    (signature.flags & (Flag.waiting | Flag.connect)) !== 0 &&
    signature.lastAt - watch.startedAt < config.startupMs;
  if (starting) suppressions.push({ name: "may still be starting", count: signature.count });
  const weight = signature.repeats * KNOWN_WEIGHT + (signature.count - signature.repeats);
  const enough = weight >= (config.failuresMin - 1) * KNOWN_WEIGHT + 1;
  const lasting = signature.lastAt - signature.firstAt >= config.streakMsMin;
  const established =
    enough &&
    lasting &&
    !starting &&
    !recovers &&
    !besieged &&
    error >= 500 &&
    repetition >= 500 &&
    noProgress >= 500;
  const named = namedBy(watch, config, signature);
  // Few failures say little, however pure.
  const trust = 600 + Math.floor((400 * weight) / Math.max(weight, config.failuresMin * KNOWN_WEIGHT));
  const score = Math.floor(((45 * error + 25 * repetition + 30 * noProgress) * trust) / 1_000_000);
  return {
    category: categoryOf(watch, config, named),
    score: gate(
      established ? Math.max(score, CONFIRM_AT) : Math.min(score, SCORE_MAX_UNTIL_ESTABLISHED),
      families,
    ),
    established,
    evidence: () => evidenceOf(watch, hash, families, suppressions, named),
  };
}

/** Of several failures that come back the commonest gives the name, whichever was the first to be enough. */
function namedBy(watch: OutputWatch, config: DetectorConfig, signature: Signature): Signature {
  if (config.version < 2 || watch.commonest === 0) return signature;
  return watch.signatures.get(watch.commonest) ?? signature;
}

export function categoryOf(watch: OutputWatch, config: DetectorConfig, signature: Signature): Category {
  const often = (count: number) => count * 4 >= signature.count;
  if (often(watch.restarts) || often(watch.retries) || (signature.flags & Flag.connect) !== 0)
    return "retry_storm";
  const waits = config.version < 2 ? periodMs(signature) >= WAIT_MS : meanGapMs(signature) >= WAIT_GAP_MS;
  if ((signature.flags & Flag.waiting) !== 0 && waits) return "stall";
  return "loop";
}

function evidenceOf(
  watch: OutputWatch,
  hash: string,
  families: readonly FamilyReading[],
  suppressions: readonly Suppression[],
  signature: Signature,
): Evidence {
  return {
    families,
    signature: {
      text: signature.firstText,
      lastText: signature.lastBytes === null ? "" : readableText(signature.lastBytes),
      count: signature.all,
      periodMs: periodMs(signature),
    },
    lines: { from: signature.firstLine, to: signature.lastLine },
    since: { line: watch.epochLine, at: watch.epochAt },
    lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
    suppressions,
    configHash: hash,
  };
}

/** Says that what was suspected is over: the job does something new. */
export function progressFinding(watch: OutputWatch, category: Category, hash: string): Finding {
  const news = permille(watch.news);
  return {
    category,
    score: 0,
    established: false,
    evidence: () => ({
      families: [
        { family: "no_progress", strength: 0, value: news, threshold: news, unit: "‰ of lines with news" },
      ],
      signature: null,
      lines: { from: watch.epochLine, to: watch.epochLine },
      since: { line: watch.epochLine, at: watch.epochAt },
      lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
      suppressions: [],
      configHash: hash,
    }),
  };
}
