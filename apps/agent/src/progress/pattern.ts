// Lines that are a sign of progress: a regular expression of the run's owner, matched against every redacted line. It can be
// anything, so it must not be able to hold the agent up: only what can be matched in linear time is taken, lines are cut, and
// the engine falls back to the linear one by itself when backtracking gets out of hand.

import { setFlagsFromString } from "node:v8";
import { bytesOf } from "@flowplane/detection";
import type { RunObserver } from "../supervisor/observer.ts";

/** Bytes of a line that are looked at. */
const LINE_BYTES_MAX = 4096;
/** A sign of progress this often is enough; lines in between are not matched. */
const MATCH_MS = 1000;

let isPrepared = false;

/** The expression, or why it is not taken. */
export function compilePattern(source: string): { pattern: RegExp } | { problem: string } {
  if (!isPrepared) {
    // V8's names for: know the flag `l`, and finish in linear time what backtracks too often.
    setFlagsFromString("--enable-experimental-regexp-engine");
    setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");
    isPrepared = true;
  }
  try {
    new RegExp(source);
  } catch (error) {
    return { problem: `the progress pattern is no regular expression: ${(error as Error).message}` };
  }
  try {
    // oxlint-disable-next-line no-invalid-regexp -- V8's own flag: throws where the pattern cannot be matched in linear time.
    new RegExp(source, "l");
  } catch {
    return {
      problem: `the progress pattern ${source} could take for ever on some line; leave out lookarounds, back references and large counted repeats`,
    };
  }
  return { pattern: new RegExp(source) };
}

/** Hears the lines on their way to `observer`, and tells it of progress besides. */
export function watchPatterns(observer: RunObserver): RunObserver {
  const watched = new Map<string, { pattern: RegExp; nextAtMs: number }>();
  const forward: RunObserver = {
    ...bind(observer),
    began(run, atMs) {
      const source = run.spec.progress?.pattern;
      const compiled = source === undefined ? null : compilePattern(source);
      if (compiled && "pattern" in compiled) watched.set(run.id, { ...compiled, nextAtMs: -Infinity });
      observer.began(run, atMs);
    },
    line(runId, seq, atMs, stream, line, partial) {
      observer.line(runId, seq, atMs, stream, line, partial);
      const watch = watched.size === 0 ? undefined : watched.get(runId);
      if (!watch || atMs < watch.nextAtMs) return;
      const { buffer, byteOffset, byteLength } = bytesOf(line);
      const text = Buffer.from(buffer, byteOffset, Math.min(byteLength, LINE_BYTES_MAX)).toString();
      if (!watch.pattern.test(text)) return;
      watch.nextAtMs = atMs + MATCH_MS;
      observer.progressed(runId, atMs, "a line that matches its progress pattern");
    },
    ended(runId, state) {
      watched.delete(runId);
      observer.ended(runId, state);
    },
  };
  return forward;
}

/** An observer may be an object with state of its own: its methods are called on it. */
function bind(observer: RunObserver): RunObserver {
  return {
    began: (...args) => observer.began(...args),
    line: (...args) => observer.line(...args),
    committed: (...args) => observer.committed(...args),
    resumesAfter: (...args) => observer.resumesAfter(...args),
    segmentClosed: (...args) => observer.segmentClosed(...args),
    sampled: (...args) => observer.sampled(...args),
    heartbeat: (...args) => observer.heartbeat(...args),
    progressed: (...args) => observer.progressed(...args),
    frozen: (...args) => observer.frozen(...args),
    exited: (...args) => observer.exited(...args),
    ending: (...args) => observer.ending(...args),
    ended: (...args) => observer.ended(...args),
  };
}
