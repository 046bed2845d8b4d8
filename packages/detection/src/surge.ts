import type { DetectorConfig } from "./config.ts";
import { Flag } from "./flags.ts";

/**
 * A sudden flood: five times as many lines in ten seconds as ever before, and on and on. Where other lines bring news all the while, nothing
 * begins anew with them, so that a surge is counted by itself.
 */
export interface Surge {
  /** Names it; the next one has another number. */
  number: number;
  /** -1 while there is none. */
  since: number;
  sinceLine: number;
  /** What the run printed in ten seconds at most, before. */
  usual: number;
  /** In the ten seconds before these, in the middle of which it may have begun. */
  latest: number;
  lines: number;
  failures: number;
  /** Records that speak of another attempt or a restart. */
  retries: number;
  /** The failure most of them are, if any is: what is left of it once each other failure has taken one away. */
  signature: number;
  majority: number;
  tenth: number;
  tenthLine: number;
  tenthLines: number;
  tenthsSeen: number;
}

const TENTH_MS = 10_000;
const FACTOR = 5;
/** It is over when it falls below half of what began it. */
const OVER_FACTOR = FACTOR / 2;
const TENTHS_BEFORE_MIN = 3;
/** So long a run of one failure is no burst. */
const LASTS_MS_MIN = 60_000;

export function newSurge(): Surge {
  return {
    number: 0,
    since: -1,
    sinceLine: 0,
    usual: 0,
    latest: 0,
    lines: 0,
    failures: 0,
    retries: 0,
    signature: 0,
    majority: 0,
    tenth: -1,
    tenthLine: 0,
    tenthLines: 0,
    tenthsSeen: 0,
  };
}

/** So many lines came, with these flags. */
export function addToSurge(
  surge: Surge,
  config: DetectorConfig,
  lines: number,
  flags: number,
  at: number,
  number: number,
): void {
  const tenth = Math.floor(at / TENTH_MS);
  if (tenth !== surge.tenth) {
    if (surge.tenth >= 0) closeTenth(surge, config, tenth);
    surge.tenth = tenth;
    surge.tenthLine = number;
    surge.tenthLines = 0;
  }
  surge.tenthLines += lines;
  if (surge.since < 0) return;
  surge.lines += lines;
  if ((flags & (Flag.retry | Flag.restart)) !== 0) surge.retries += 1;
}

function closeTenth(surge: Surge, config: DetectorConfig, next: number): void {
  const { tenth, tenthLines } = surge;
  if (surge.since >= 0) {
    if (next === tenth + 1 && tenthLines * FACTOR >= surgeOf(surge, config) * OVER_FACTOR) return;
    surge.since = -1;
  } else if (surge.tenthsSeen >= TENTHS_BEFORE_MIN && tenthLines >= surgeOf(surge, config)) {
    surge.number += 1;
    surge.since = tenth * TENTH_MS;
    surge.sinceLine = surge.tenthLine;
    surge.lines = tenthLines;
    surge.failures = 0;
    surge.retries = 0;
    surge.majority = 0;
    return;
  }
  surge.usual = Math.max(surge.usual, surge.latest);
  surge.latest = tenthLines;
  surge.tenthsSeen += 1;
}

/** Lines in ten seconds that are one. */
export function surgeOf(surge: Surge, config: DetectorConfig): number {
  return Math.max((config.floodPerSecond * TENTH_MS) / 1000, FACTOR * surge.usual);
}

export function addFailureToSurge(surge: Surge, signature: number): void {
  if (surge.since < 0) return;
  surge.failures += 1;
  if (surge.majority === 0) surge.signature = signature;
  surge.majority += surge.signature === signature ? 1 : -1;
}

/** Whether it is one failure again and again, and has lasted. */
export function isOfOneFailure(surge: Surge, at: number): boolean {
  return (
    surge.since >= 0 &&
    at - surge.since >= LASTS_MS_MIN &&
    surge.failures >= surge.usual &&
    surge.majority * 3 >= surge.failures
  );
}
