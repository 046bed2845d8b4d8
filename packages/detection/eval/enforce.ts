import {
  configHash,
  DEFAULT_POLICY,
  detectorConfig,
  savedLogConfig,
  Watch,
  type DetectionEvent,
  type DetectorConfig,
  type HeaderEntry,
  type Observation,
  type Output,
  type Policy,
} from "../src/index.ts";
import {
  benignRuns,
  describe,
  isFalse,
  type BenignResult,
  type LabelledLog,
  type SickCase,
} from "./evaluate.ts";
import { spanOf } from "../src/span.ts";
import { CATEGORIES } from "./pathologies.ts";
import { latin1 } from "./transforms.ts";

/** The sternest policy there is: whatever is confirmed is stopped, once the run has warmed up. */
export const ENFORCING: Policy = {
  ...DEFAULT_POLICY,
  mode: "enforce",
  actions: Object.fromEntries(CATEGORIES.map((category) => [category, [{ do: "stop" }]])),
};

/** How often an agent measures a run, or looks at it: also when what had to wait is taken up again. */
const TICK_MS = 5_000;
/** In a longer pause of a log there are this many looks and one at its end. */
const TICKS_MAX = 720;

export interface Enforced {
  /** The first intervention that was carried out while the log went on; with it the run is over. */
  readonly acted: { readonly at: number; readonly line: number; readonly category: string } | null;
  /** The log ended within the warm-up, with something confirmed that would have been acted upon after it. */
  readonly heldByWarmUp: boolean;
}

/** One run under detector and policy together, as an agent would watch it. */
export function enforce(events: readonly DetectionEvent[], config: Partial<DetectorConfig>): Enforced {
  const startedAt = events[0]?.at ?? 0;
  const watch = new Watch(headerOf(startedAt, config));
  const lineOf = new Map<number, number>();
  let incidents = 0;
  let previous = startedAt;
  for (const event of events) {
    for (const part of [...ticksBetween(previous, event.at, startedAt), event]) {
      const outputs = part.kind === "line" || part.kind === "step" ? feed(watch, part) : observe(watch, part);
      for (const output of outputs) {
        if (output.type === "decision") {
          if (output.kind === "confirmed") lineOf.set((incidents += 1), output.line);
        } else if (isDone(output)) {
          const { incident, category, at } = output;
          return { acted: { at, line: lineOf.get(incident) ?? 0, category }, heldByWarmUp: false };
        }
      }
    }
    previous = Math.max(previous, event.at);
  }
  const warm = startedAt + ENFORCING.warm_up_ms;
  const heldByWarmUp = previous < warm && watch.observe({ kind: "tick", at: warm }).some(isDone);
  return { acted: null, heldByWarmUp };
}

function isDone(output: Output): boolean {
  return output.type === "verdict" && output.outcome === "done" && output.action.do !== "notify";
}

function headerOf(at: number, config: Partial<DetectorConfig>): HeaderEntry {
  const full = detectorConfig({ sensitivity: ENFORCING.sensitivity, ...config });
  return {
    type: "header",
    run_id: "run",
    lineage: "run",
    attempt: 1,
    at,
    policy: { id: null, name: "enforcing", version: 1, document: ENFORCING },
    detector: { config: full, hash: configHash(full) },
    history: [],
  };
}

/** At an even pace from the start of the run, whatever is printed meanwhile. */
function* ticksBetween(
  from: number,
  to: number,
  startedAt: number,
): Generator<{ readonly kind: "tick"; readonly at: number }> {
  const first = from - ((from - startedAt) % TICK_MS) + TICK_MS;
  const last = Math.min(to, first + TICKS_MAX * TICK_MS);
  for (let at = first; at <= last; at += TICK_MS) yield { kind: "tick", at };
  if (last < to) yield { kind: "tick", at: to };
}

/** An agent's steps reach a supervisor as lines of its transcript. */
function feed(watch: Watch, event: DetectionEvent & { kind: "line" | "step" }): readonly Output[] {
  if (event.kind === "line") return watch.line(watch.seq + 1, event.at, event.stream, spanOf(event.bytes));
  const { tool, args, result } = event;
  return watch.line(
    watch.seq + 1,
    event.at,
    "stdout",
    spanOf(latin1(JSON.stringify({ tool, args, result }))),
  );
}

function observe(watch: Watch, event: Exclude<DetectionEvent, { kind: "line" | "step" }>): readonly Output[] {
  return watch.observe(toObservation(event));
}

function toObservation(event: Exclude<DetectionEvent, { kind: "line" | "step" }>): Observation {
  switch (event.kind) {
    case "sample":
      return {
        kind: "sample",
        at: event.at,
        cpu_ms: event.cpuMs,
        rss_bytes: event.rssBytes,
        rss_limit_bytes: event.rssLimitBytes,
        io_bytes: event.ioBytes,
        disk_bytes: event.diskBytes,
        disk_limit_bytes: event.diskLimitBytes,
        children: event.children,
        children_limit: event.childrenLimit,
      };
    case "heartbeat":
      return { kind: "heartbeat", at: event.at, progress: event.progress ?? null };
    case "past_exit":
      throw new Error("made-up runs have no earlier attempts");
    default:
      return event;
  }
}

/** Interventions in benign logs and their transforms, by name of the transform. */
export function enforceBenign(logs: readonly LabelledLog[]): BenignResult {
  const rows = new Map<string, [runs: number, wrong: number]>();
  const wrong: string[] = [];
  for (const { transform, file, other, timed, events } of benignRuns(logs)) {
    const row = rows.get(transform.name) ?? [0, 0];
    rows.set(transform.name, row);
    row[0] += 1;
    const { acted } = enforce(events, savedLogConfig(timed));
    if (acted === null || !isFalse(file, acted)) continue;
    row[1] += 1;
    wrong.push(describe(transform, file, other, acted, ""));
  }
  const all = [...rows].map(([name, counts]) => [name, ...counts] as const);
  return { rows: all, wrong, runs: all.reduce((sum, [, runs]) => sum + runs, 0) };
}

export interface EnforcedSick {
  readonly category: string;
  /** From the first line of what is sick; null when nothing was done. */
  readonly ms: number | null;
  readonly heldByWarmUp: boolean;
  /** Done before anything was wrong. */
  readonly early: boolean;
}

export function enforceLabelled(logs: readonly LabelledLog[]): EnforcedSick[] {
  return logs
    .filter(({ label }) => label !== "benign")
    .map((file) => {
      const { acted, heldByWarmUp } = enforce(file.log, savedLogConfig(file.timed));
      const ms = acted === null ? null : acted.at - (file.log[0]?.at ?? 0);
      return { category: file.label, ms, heldByWarmUp, early: false };
    });
}

export function enforceSick(cases: readonly SickCase[]): EnforcedSick[] {
  return cases.map(({ run }) => {
    const { acted, heldByWarmUp } = enforce(run.events, {});
    const early = acted !== null && acted.at < run.onsetAt;
    const ms = acted === null || early ? null : acted.at - run.onsetAt;
    return { category: run.category, ms, heldByWarmUp, early };
  });
}
