import type { DetectorConfig } from "./config.ts";
import { advance, newCounters, type Counters } from "./counters.ts";
import type { Category, Evidence, FamilyReading, Suppression } from "./events.ts";
import { isEcho, newEchoes, noteNews, type Echoes } from "./echoes.ts";
import { ONE, permille, ramp, towards } from "./fixed.ts";
import { newRecent, remember, type Recent } from "./recent.ts";
import type { OpenRecord } from "./records.ts";
import { Flag, type Scan } from "./scan.ts";
import { occur, periodMs, readableText, signatureOf, type Signature, type Signatures } from "./signatures.ts";
import { CONFIRM_AT, gate, type Finding } from "./verdicts.ts";

/**
 * Watches what a run prints. The question is not whether lines repeat, which healthy jobs' lines do, but whether the same
 * failure comes back again and again *and nothing new comes with it*. News is a line never seen before (times and ids
 * aside) or a counter that moves on. Three moving averages over the last 32 lines or so say how much of the output is
 * news, failure and novelty; while there is enough news the job is at work and all counts start over.
 */
export interface OutputWatch {
  readonly stables: Recent;
  readonly counters: Counters;
  readonly signatures: Signatures;
  /** Shares in fixed point. */
  news: number;
  failing: number;
  succeeding: number;
  novelty: number;
  /** Since when no progress is made; a number that names the stretch. */
  epoch: number;
  epochAt: number;
  epochLine: number;
  records: number;
  successes: number;
  retries: number;
  restarts: number;
  failures: number;
  bytes: number;
  readonly echoes: Echoes;
  /** Pace before the stretch began. */
  recordsBefore: number;
  /** The most lines of ten seconds, in the stretches that ended with news. */
  peakBefore: number;
  peak: number;
  tenth: number;
  tenthLines: number;
  startedAt: number;
  lastProgress: { what: string; line: number; at: number } | null;
  peerFailures: number;
  benignLines: number;
  bursts: number;
}

/** What a job starts with: neither at work nor stuck. */
const NEWS_AT_START = Math.floor(ONE * 0.3);
/** Bounded retries fail a few times for each success. */
const FAILURES_PER_SUCCESS = 4;
const WORKED_MS_MIN = 60_000;
const WORKED_RECORDS_MIN = 100;
const SLOW_MS = 10_000;
const SLOW_FAILING_SHARE = 500;
const WAIT_MS = 3_000;
const KNOWN_WEIGHT = 3;
const SCORE_MAX_UNTIL_ESTABLISHED = 70;
const FLOOD_FACTOR = 10;
const PEAK_FACTOR = 2;
const PACE_WINDOW_MS = 10_000;
const PACE_RECORDS_MIN = 50;
const PACE_MS_MIN = 30_000;
const RUNAWAY_BYTES_PER_SECOND = 1_000_000;

export function newOutputWatch(): OutputWatch {
  return {
    stables: newRecent(),
    echoes: newEchoes(),
    counters: newCounters(),
    signatures: new Map(),
    news: NEWS_AT_START,
    failing: 0,
    succeeding: 0,
    novelty: ONE,
    epoch: 0,
    epochAt: -1,
    epochLine: 1,
    records: 0,
    successes: 0,
    retries: 0,
    restarts: 0,
    failures: 0,
    bytes: 0,
    recordsBefore: 0,
    peakBefore: 0,
    peak: 0,
    tenth: 0,
    tenthLines: 0,
    startedAt: -1,
    lastProgress: null,
    peerFailures: 0,
    benignLines: 0,
    bursts: 0,
  };
}

/** A line that is no failure. Returns a finding when repetition alone has become a flood. */
export function watchLine(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  line: Scan,
  bytes: Uint8Array,
  at: number,
  number: number,
): Finding | null {
  if ((line.flags & Flag.empty) !== 0) return null;
  begin(watch, at);
  watch.records += 1;
  watch.bytes += bytes.length;
  notePace(watch, at);
  if (isEcho(watch.echoes, line.stable, at)) return floodFinding(watch, config, hash, bytes, at, number);
  const known = remember(watch.stables, line.stable);
  const repeated = (line.flags & (Flag.retry | Flag.restart)) !== 0;
  const advanced = repeated ? "none" : advance(watch.counters, line);
  const isNews = !known || advanced !== "none";
  if (isNews) {
    noteNews(watch.echoes, line.stable);
    const what = advanced === "explicit" ? "progress" : advanced === "counter" ? "counter" : "new line";
    if (watch.lastProgress === null) watch.lastProgress = { what, line: number, at };
    else {
      watch.lastProgress.what = what;
      watch.lastProgress.line = number;
      watch.lastProgress.at = at;
    }
  }
  watch.news = towards(watch.news, isNews ? ONE : 0, 1);
  watch.novelty = towards(watch.novelty, known ? 0 : ONE, 1);
  watch.failing = towards(watch.failing, 0, 1);
  watch.succeeding = towards(watch.succeeding, (line.flags & Flag.success) === 0 ? 0 : ONE, 1);
  if ((line.flags & Flag.success) !== 0) watch.successes += 1;
  if ((line.flags & Flag.retry) !== 0) watch.retries += 1;
  if ((line.flags & Flag.restart) !== 0) watch.restarts += 1;
  if ((line.flags & Flag.peer) !== 0) watch.peerFailures += 1;
  renew(watch, config, at, number);
  return isNews ? null : floodFinding(watch, config, hash, bytes, at, number);
}

function notePace(watch: OutputWatch, at: number): void {
  const tenth = Math.floor(at / PACE_WINDOW_MS);
  if (tenth !== watch.tenth) {
    watch.tenth = tenth;
    watch.tenthLines = 0;
  }
  watch.tenthLines += 1;
  watch.peak = Math.max(watch.peak, watch.tenthLines);
}

/** A failure, all its lines together. */
export function watchFailure(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  record: OpenRecord,
): Finding | null {
  begin(watch, record.at);
  if (isEcho(watch.echoes, record.stable, record.at)) {
    watch.bursts += 1;
    return null;
  }
  const known = remember(watch.stables, record.stable);
  watch.news = towards(watch.news, 0, record.lines);
  watch.novelty = towards(watch.novelty, known ? 0 : ONE, record.lines);
  watch.failing = towards(watch.failing, ONE, record.lines);
  watch.succeeding = towards(watch.succeeding, 0, record.lines);
  watch.records += 1;
  watch.failures += 1;
  if ((record.flags & Flag.retry) !== 0) watch.retries += 1;
  if ((record.flags & (Flag.restart | Flag.exit)) !== 0) watch.restarts += 1;
  renew(watch, config, record.at, record.line);
  const signature = signatureOf(watch.signatures, record.signature);
  const counted = signature.count;
  occur(signature, {
    at: record.at,
    line: record.line,
    lastLine: record.lastLine,
    flags: record.flags,
    epoch: watch.epoch,
    known,
    bytes: record.bytes,
  });
  if (signature.count === counted) {
    watch.bursts += 1;
    return null;
  }
  return failureFinding(watch, config, hash, signature);
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

function begin(watch: OutputWatch, at: number): void {
  if (watch.startedAt >= 0) return;
  watch.startedAt = at;
  watch.epochAt = at;
}

/** Where there is enough news, the stretch without progress begins again, here. */
function renew(watch: OutputWatch, config: DetectorConfig, at: number, line: number): void {
  if (permille(watch.news) <= config.progressShare) return;
  watch.recordsBefore += watch.records;
  watch.peakBefore = Math.max(watch.peakBefore, watch.peak);
  watch.epoch += 1;
  watch.epochAt = at;
  watch.epochLine = line;
  watch.records = 0;
  watch.successes = 0;
  watch.retries = 0;
  watch.restarts = 0;
  watch.failures = 0;
  watch.bytes = 0;
  watch.peerFailures = 0;
  watch.benignLines = 0;
  watch.bursts = 0;
}

function failureFinding(
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
    {
      family: "repetition",
      strength: ramp(
        1000 - permille(watch.novelty),
        1000 - 2 * config.noveltyShare,
        1000 - Math.floor(config.noveltyShare / 2),
      ),
      value: permille(watch.novelty),
      threshold: config.noveltyShare,
      unit: "‰ of records new",
    },
    {
      family: "no_progress",
      strength: 1000 - ramp(permille(watch.news), 0, config.progressShare * 2),
      value: permille(watch.news),
      threshold: config.progressShare,
      unit: "‰ of lines with news",
    },
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
  // Few failures say little, however pure.
  const trust = 600 + Math.floor((400 * weight) / Math.max(weight, config.failuresMin * KNOWN_WEIGHT));
  const score = Math.floor(((45 * error + 25 * repetition + 30 * noProgress) * trust) / 1_000_000);
  return {
    category: categoryOf(watch, signature, period),
    score: gate(
      established ? Math.max(score, CONFIRM_AT) : Math.min(score, SCORE_MAX_UNTIL_ESTABLISHED),
      families,
    ),
    established,
    evidence: () => evidenceOf(watch, hash, families, suppressions, signature, period),
  };
}

function categoryOf(watch: OutputWatch, signature: Signature, period: number): Category {
  const often = (count: number) => count * 4 >= signature.count;
  if (often(watch.restarts) || often(watch.retries) || (signature.flags & Flag.connect) !== 0)
    return "retry_storm";
  if ((signature.flags & Flag.waiting) !== 0 && period >= WAIT_MS) return "stall";
  return "loop";
}

function floodFinding(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  bytes: Uint8Array,
  at: number,
  line: number,
): Finding | null {
  const lastsMs = at - watch.epochAt;
  if (lastsMs < config.floodMsMin || watch.records < PACE_RECORDS_MIN) return null;
  if ((watch.records & 15) !== 0) return null;
  if (watch.successes * 4 >= watch.records) return null;
  const perSecond = Math.floor((watch.records * 1000) / lastsMs);
  const beforeMs = watch.epochAt - watch.startedAt;
  // What is a flood for this job only its own pace can tell.
  if (beforeMs < PACE_MS_MIN || watch.recordsBefore < PACE_RECORDS_MIN) return null;
  const pace = Math.ceil((FLOOD_FACTOR * watch.recordsBefore * 1000) / beforeMs);
  const peak = Math.ceil((PEAK_FACTOR * watch.peakBefore * 1000) / PACE_WINDOW_MS);
  const threshold = Math.max(config.floodPerSecond, pace, peak);
  const bytesPerSecond = Math.floor((watch.bytes * 1000) / lastsMs);
  const families: FamilyReading[] = [
    {
      family: "repetition",
      strength: ramp(
        1000 - permille(watch.novelty),
        1000 - 2 * config.noveltyShare,
        1000 - Math.floor(config.noveltyShare / 2),
      ),
      value: permille(watch.novelty),
      threshold: config.noveltyShare,
      unit: "‰ of records new",
    },
    {
      family: "no_progress",
      strength: 1000 - ramp(permille(watch.news), 0, config.progressShare * 2),
      value: permille(watch.news),
      threshold: config.progressShare,
      unit: "‰ of lines with news",
    },
    {
      family: "activity",
      strength: ramp(perSecond, 0, threshold * 2),
      value: perSecond,
      threshold,
      unit: "records/s",
    },
  ];
  const [repetition = 0, noProgress = 0, activity = 0] = families.map((f) => f.strength);
  const score = Math.floor((35 * repetition + 25 * noProgress + 40 * Math.min(1000, activity * 2)) / 1000);
  if (activity < 500) return null;
  return {
    category: bytesPerSecond >= RUNAWAY_BYTES_PER_SECOND ? "runaway" : "loop",
    score: gate(score, families),
    established: repetition >= 500 && noProgress >= 500,
    evidence: () => ({
      families,
      signature: {
        text: readableText(bytes),
        lastText: readableText(bytes),
        count: watch.records,
        periodMs: Math.floor(lastsMs / watch.records),
      },
      lines: { from: watch.epochLine, to: line },
      since: { line: watch.epochLine, at: watch.epochAt },
      lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
      suppressions: [],
      configHash: hash,
    }),
  };
}

function evidenceOf(
  watch: OutputWatch,
  hash: string,
  families: readonly FamilyReading[],
  suppressions: readonly Suppression[],
  signature: Signature,
  period: number,
): Evidence {
  return {
    families,
    signature: {
      text: signature.firstText,
      lastText: signature.lastBytes === null ? "" : readableText(signature.lastBytes),
      count: signature.all,
      periodMs: period,
    },
    lines: { from: signature.firstLine, to: signature.lastLine },
    since: { line: watch.epochLine, at: watch.epochAt },
    lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
    suppressions,
    configHash: hash,
  };
}
