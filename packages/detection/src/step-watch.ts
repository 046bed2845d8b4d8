import type { DetectorConfig } from "./config.ts";
import type { FamilyReading, StepEvent } from "./events.ts";
import { ramp } from "./fixed.ts";
import { hashText } from "./hash.ts";
import { Flag } from "./flags.ts";
import { newScan, scan } from "./scan.ts";
import { gate, type Finding } from "./verdicts.ts";

/**
 * Watches what an agent does. A step is (tool, arguments, result): the same call with a new result is polling, the same
 * call with the same result brings nothing. Digits in arguments are never masked.
 */
export interface StepWatch {
  /** The newest last. */
  readonly steps: Step[];
  conversation: string | null;
  count: number;
}

interface Step {
  readonly call: number;
  readonly triple: number;
  readonly outcome: number;
  readonly tool: number;
  readonly failed: boolean;
  readonly poll: boolean;
  readonly news: boolean;
  readonly text: string;
  readonly line: number;
  readonly at: number;
}

const STEPS_KEPT = 64;
const PERIOD_MAX = 6;
const POLL_FACTOR = 4;
const RESULT_SCANNED = 2_048;
const STEP_TEXT_MAX = 240;
const WINDOW = 24;
const encoder = new TextEncoder();
const outcomeScan = newScan();

export function newStepWatch(): StepWatch {
  return { steps: [], conversation: null, count: 0 };
}

export function watchStep(
  watch: StepWatch,
  config: DetectorConfig,
  hash: string,
  event: StepEvent,
  line: number,
): Finding | null {
  if (event.conversation !== watch.conversation) {
    watch.conversation = event.conversation;
    watch.steps.length = 0;
  }
  const call = hashText(`${event.tool} ${event.args}`, 1);
  const outcome = event.result === null ? 0 : outcomeOf(event.result);
  const failed = event.failed || (event.result !== null && (outcomeScan.flags & Flag.failure) !== 0);
  const triple = hashText(`${call} ${outcome}`, 2);
  const step: Step = {
    call,
    triple,
    outcome,
    tool: hashText(event.tool, 3),
    failed,
    poll: config.poll.some((name) => event.tool === name || event.args.startsWith(`${name} `)),
    news: !watch.steps.some((before) => before.triple === triple),
    text: `${event.tool} ${event.args}`.slice(0, STEP_TEXT_MAX),
    line,
    at: event.at,
  };
  watch.steps.push(step);
  if (watch.steps.length > STEPS_KEPT) watch.steps.shift();
  watch.count += 1;
  return findingOf(watch, config, hash, step);
}

function outcomeOf(result: string): number {
  const bytes = encoder.encode(result.slice(0, RESULT_SCANNED));
  scan(bytes, 0, bytes.length, outcomeScan);
  return outcomeScan.stable;
}

interface Pattern {
  readonly what: string;
  readonly value: number;
  readonly threshold: number;
  readonly from: number;
}

function findingOf(watch: StepWatch, config: DetectorConfig, hash: string, last: Step): Finding | null {
  const { steps } = watch;
  const factor = last.poll ? POLL_FACTOR : 1;
  const stepsMin = (last.failed ? config.stepsMin - 1 : config.stepsMin) * factor;
  const patterns = [
    sameInARow(steps, stepsMin),
    sameFailureInARow(steps, (config.stepsMin + 2) * factor),
    cycle(steps, config.cycleRoundsMin * factor),
    fewInMany(steps, factor),
  ];
  let best: Pattern | null = null;
  for (const pattern of patterns) {
    if (pattern === null) continue;
    if (best === null || pattern.value * best.threshold > best.value * pattern.threshold) best = pattern;
  }
  if (best === null || best.value * 2 < best.threshold) return null;
  const found = best;
  const span = steps.slice(found.from);
  const news = Math.round((span.filter((step) => step.news).length * 1000) / span.length);
  const families: FamilyReading[] = [
    {
      family: "steps",
      strength: ramp(found.value, 0, found.threshold * 2),
      value: found.value,
      threshold: found.threshold,
      unit: found.what,
    },
    {
      family: "no_progress",
      strength: 1000 - ramp(news, 0, 1000),
      value: news,
      threshold: 500,
      unit: "‰ of steps with a call or result not seen before",
    },
  ];
  const established = found.value >= found.threshold && news <= 500;
  const share = Math.min(1000, Math.floor((found.value * 1000) / found.threshold));
  const score = Math.min(100, Math.floor((share * 60 + (1000 - news) * 40) / 1000) + (established ? 10 : 0));
  return {
    category: "agent_loop",
    score: gate(established ? Math.max(75, score) : Math.min(70, score), families),
    established,
    evidence: () => ({
      families,
      signature: {
        text: last.text,
        lastText: last.text,
        count: found.value,
        periodMs: Math.round((last.at - (span[0]?.at ?? last.at)) / Math.max(1, span.length - 1)),
      },
      lines: { from: span[0]?.line ?? last.line, to: last.line },
      since: { line: span[0]?.line ?? last.line, at: span[0]?.at ?? last.at },
      lastProgress: null,
      suppressions: last.poll ? [{ name: "waiting tool", count: POLL_FACTOR }] : [],
      configHash: hash,
    }),
  };
}

function sameInARow(steps: readonly Step[], threshold: number): Pattern {
  const last = steps.at(-1);
  let from = steps.length;
  while (from > 0 && steps[from - 1]?.triple === last?.triple) from -= 1;
  return { what: "equal steps in a row", value: steps.length - from, threshold, from };
}

/** The arguments change, the failure does not. */
function sameFailureInARow(steps: readonly Step[], threshold: number): Pattern | null {
  const last = steps.at(-1);
  if (last === undefined || !last.failed) return null;
  let from = steps.length;
  while (from > 0) {
    const step = steps[from - 1];
    if (step === undefined || step.tool !== last.tool || step.outcome !== last.outcome) break;
    from -= 1;
  }
  const distinct = new Set(steps.slice(from).map((step) => step.call)).size;
  const length = steps.length - from;
  // Many different attempts are a search, even if all fail alike.
  if (distinct * 2 > length) return null;
  return { what: "calls of one tool with the same failure", value: length, threshold, from };
}

/** A, B, A, B …: full rounds of the shortest period that fits. */
function cycle(steps: readonly Step[], threshold: number): Pattern | null {
  for (let period = 2; period <= PERIOD_MAX; period += 1) {
    let from = steps.length - 1;
    while (from - period >= 0 && steps[from]?.triple === steps[from - period]?.triple) from -= 1;
    const length = steps.length - 1 - from + period;
    const rounds = Math.floor(length / period);
    if (rounds >= 2)
      return {
        what: `rounds of ${period} steps`,
        value: rounds,
        threshold,
        from: Math.max(0, steps.length - length),
      };
  }
  return null;
}

/** No neat cycle, yet many steps and hardly any that is new. */
function fewInMany(steps: readonly Step[], factor: number): Pattern | null {
  if (steps.length < WINDOW) return null;
  const from = steps.length - WINDOW;
  const window = steps.slice(from);
  const old = window.filter((step) => !step.news).length;
  const distinct = new Set(window.map((step) => step.triple)).size;
  if (distinct * 2 > WINDOW) return null;
  return {
    what: `of ${WINDOW} steps seen before`,
    value: old,
    threshold: Math.min(WINDOW, 18 * factor),
    from,
  };
}
