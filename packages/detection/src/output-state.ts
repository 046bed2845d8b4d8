import { newCounters, type Counters } from "./counters.ts";
import { newEchoes, type Echoes } from "./echoes.ts";
import { ONE } from "./fixed.ts";
import { newRecent, type Recent } from "./recent.ts";
import type { Signatures } from "./signatures.ts";
import { newSurge, type Surge } from "./surge.ts";

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
  /** From configuration 2 on: the failure that came most often in this stretch, and how often; 0 for none. */
  commonest: number;
  commonestCount: number;
  readonly surge: Surge;
}

/** What a job starts with: neither at work nor stuck. */
const NEWS_AT_START = Math.floor(ONE * 0.3);
export const PACE_WINDOW_MS = 10_000;

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
    commonest: 0,
    commonestCount: 0,
    surge: newSurge(),
  };
}
