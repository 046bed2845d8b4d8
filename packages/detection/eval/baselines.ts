import type { LineEvent } from "../src/index.ts";
import { Flag } from "../src/flags.ts";
import { newScan, scan } from "../src/scan.ts";

/** Rules that supervisors and CI systems use, or that one would write first: what the detector has to beat. */
export const BASELINES: Readonly<Record<string, (log: readonly LineEvent[]) => boolean>> = {
  "no output for 10 minutes": (log) =>
    log.some((line, index) => index > 0 && line.at - (log[index - 1]?.at ?? 0) >= 600_000),
  "identical lines: at most 20 % differ": (log) =>
    windows(
      log,
      (window) => new Set(window.map((line) => Buffer.from(line.bytes).toString("latin1"))).size <= 12,
    ),
  "the same without times": (log) =>
    windows(log, (window) => new Set(window.map((line) => read(line).stable)).size <= 12),
  "templates: at most 10 % differ": (log) =>
    windows(log, (window) => new Set(window.map((line) => read(line).template)).size <= 6),
  "failures: half of all lines": (log) =>
    windows(log, (window) => window.filter((line) => (read(line).flags & Flag.failure) !== 0).length >= 30),
};

const SIZE = 60;
const STEP = 15;
const IN_A_ROW = 3;
const reused = newScan();

function read(line: LineEvent): { stable: number; template: number; flags: number } {
  scan(line.bytes, 0, line.bytes.length, reused);
  return { stable: reused.stable, template: reused.template, flags: reused.flags };
}

function windows(log: readonly LineEvent[], hits: (window: readonly LineEvent[]) => boolean): boolean {
  let row = 0;
  for (let from = 0; from + SIZE <= log.length; from += STEP) {
    row = hits(log.slice(from, from + SIZE)) ? row + 1 : 0;
    if (row === IN_A_ROW) return true;
  }
  return false;
}
