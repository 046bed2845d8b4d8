// How things are said to people, the same wherever they are said: in the control plane's answers and in those of an agent
// that has none.

import type { RunState } from "./runs.ts";

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** A length of time as people say it, one unit: `3 s`, `7 h`, `12 d`; below a second `0 s`. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  const [size, name] = UNITS.find(([unit]) => length >= unit) ?? [1_000, "s"];
  return `${Math.floor(length / size)} ${name}`;
}

/** A moment as people say it, in UTC: `at 02:14 UTC`, and its day when that is not today: `on 2026-03-01 at 02:14 UTC`. */
export function moment(at: Date, now: number): string {
  const [day, time] = [at.toISOString().slice(0, 10), at.toISOString().slice(11, 16)];
  const isToday = day === new Date(now).toISOString().slice(0, 10);
  return isToday ? `at ${time} UTC` : `on ${day} at ${time} UTC`;
}

/** How a run's end is said in a title or a sentence, without its time: `failed with exit code 3`. */
export function endWords(run: { state: RunState; exit_code: number | null; signal: string | null }): string {
  switch (run.state) {
    case "SUCCEEDED":
      return "succeeded";
    case "FAILED":
      if (run.signal !== null) return `failed: ended by ${run.signal}`;
      return run.exit_code === null ? "failed" : `failed with exit code ${run.exit_code}`;
    case "STOPPED":
      return "stopped";
    case "TIMED_OUT":
      return "ended at its time limit";
    case "FAILED_STOP":
      return "could not be stopped";
    case "LOST":
      return "was lost";
    case "QUEUED":
      return "is queued";
    case "STARTING":
      return "is starting";
    case "RUNNING":
      return "is running";
    case "STOPPING":
      return "is stopping";
  }
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A reason as the tail of a sentence: exactly one full stop at its end. */
export function withFullStop(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
