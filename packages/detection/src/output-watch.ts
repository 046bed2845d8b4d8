import { PACE_WINDOW_MS, type OutputWatch } from "./output-state.ts";
import type { DetectorConfig } from "./config.ts";
import { advance } from "./counters.ts";
import { isEcho, noteNews } from "./echoes.ts";
import { ONE, permille, towards } from "./fixed.ts";
import { remember } from "./recent.ts";
import type { OpenRecord } from "./records.ts";
import { Flag } from "./flags.ts";
import type { Scan } from "./scan.ts";
import { failureFinding } from "./failure-finding.ts";
import { floodFinding } from "./flood-finding.ts";
import { occur, signatureOf } from "./signatures.ts";
import { addFailureToSurge, addToSurge } from "./surge.ts";
import type { Span } from "./span.ts";
import { surgeFinding } from "./surge-finding.ts";
import type { Finding } from "./verdicts.ts";

/** A sign of progress that is not printed weighs as this many lines with news. */
const PROGRESS_WEIGHT = 16;

/** A line that is no failure. Returns a finding when repetition alone has become a flood. */
export function watchLine(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  line: Scan,
  span: Readonly<Span>,
  at: number,
  number: number,
): Finding | null {
  if ((line.flags & Flag.empty) !== 0) return null;
  begin(watch, at);
  watch.records += 1;
  watch.bytes += span.to - span.from;
  notePace(watch, at);
  if (config.version >= 2) addToSurge(watch.surge, config, 1, line.flags, at, number);
  if (isEcho(watch.echoes, line.stable, at)) return floodFinding(watch, config, hash, span, at, number);
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
  return isNews ? null : floodFinding(watch, config, hash, span, at, number);
}

/** Progress that was not printed. */
export function noteProgress(
  watch: OutputWatch,
  config: DetectorConfig,
  what: string,
  at: number,
  line: number,
): void {
  begin(watch, at);
  watch.lastProgress = { what, line, at };
  watch.news = towards(watch.news, ONE, PROGRESS_WEIGHT);
  renew(watch, config, at, line);
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
  if (config.version >= 2)
    addToSurge(watch.surge, config, record.lines, record.flags, record.at, record.line);
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
  if (config.version >= 2) {
    addFailureToSurge(watch.surge, signature.id);
    if (signature.all > watch.commonestCount) {
      watch.commonest = signature.id;
      watch.commonestCount = signature.all;
    }
  }
  const surging = config.version < 2 ? null : surgeFinding(watch, config, hash, record.at, record.line);
  if (signature.count === counted) {
    watch.bursts += 1;
    return surging;
  }
  return surging ?? failureFinding(watch, config, hash, signature);
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
  watch.commonest = 0;
  watch.commonestCount = 0;
}
