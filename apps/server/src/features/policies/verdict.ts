import { duration, type Category, type ComparedRun, type PolicyComparison } from "@flowplane/contract";
import type { ReplayReport } from "@flowplane/detection";
import { plural } from "../../platform/words.ts";

/** A past run as a comparison knows it. Times in ms. */
export interface PastRun {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** It ended well, or somebody said that its incident was wrong. */
  readonly wasFine: boolean;
}

/** Times nearer to each other than this are the same: what is looked at is looked at in ticks. */
const SAME_MS = 1_000;

interface Act {
  readonly action: string;
  readonly at: number;
  readonly category: string;
}

/** What a policy would have done first, beyond telling. */
function firstAct(report: ReplayReport): Act | null {
  const act = report.decisions.find(
    ({ action, outcome }) => action !== null && action !== "notify" && outcome === "done",
  );
  return act?.action == null ? null : { action: act.action, at: act.at, category: act.category };
}

/** Two replays of one run side by side. A replay with a problem is none to compare. */
export function compareRun(run: PastRun, base: ReplayReport, candidate: ReplayReport): ComparedRun {
  const problem = base.problem ?? candidate.problem;
  if (problem !== null) return notReplayable(run, problem);
  const [was, would] = [firstAct(base), firstAct(candidate)];
  const isFine = run.wasFine;
  return {
    ...shownRun(run),
    category: ((would ?? was)?.category as Category | undefined) ?? null,
    base_action: was?.action ?? null,
    base_at: was === null ? null : iso(was.at),
    candidate_action: would?.action ?? null,
    candidate_at: would === null ? null : iso(would.at),
    saved_ms: would === null || run.endedAt === null || isFine ? null : span(would.at, run.endedAt),
    cost_ms: would === null || !isFine ? null : span(run.startedAt, would.at),
    verdict: verdictOf(was, would),
    detail: null,
  };
}

export function notReplayable(run: PastRun, detail: string): ComparedRun {
  return {
    ...shownRun(run),
    category: null,
    base_action: null,
    base_at: null,
    candidate_action: null,
    candidate_at: null,
    saved_ms: null,
    cost_ms: null,
    verdict: "not_replayable",
    detail,
  };
}

function shownRun(run: PastRun) {
  return {
    run_id: run.id,
    run_name: run.name,
    state: run.state,
    ended_at: run.endedAt === null ? null : iso(run.endedAt),
  };
}

function verdictOf(was: Act | null, would: Act | null): ComparedRun["verdict"] {
  if (was === null) return would === null ? "same" : "newly_stopped";
  if (would === null) return "no_longer_stopped";
  if (Math.abs(was.at - would.at) < SAME_MS) return "same";
  return would.at < was.at ? "stopped_earlier" : "stopped_later";
}

function span(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}

/** The last moment that a date can be; evidence may hold any number. */
const TIME_MAX = 8.64e15;

function iso(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), TIME_MAX)).toISOString();
}

/** What all compared runs say together. `wasFine` names those that should not have been touched. */
export function summarize(
  runs: readonly ComparedRun[],
  wasFine: ReadonlySet<string>,
): NonNullable<PolicyComparison["summary"]> {
  const replayed = runs.filter(({ verdict }) => verdict !== "not_replayable");
  const would = replayed.filter(({ candidate_action }) => candidate_action !== null);
  const was = replayed.filter(({ base_action }) => base_action !== null);
  const sum = (values: readonly (number | null)[]) =>
    values.reduce<number>((all, each) => all + (each ?? 0), 0);
  const summary = {
    runs: runs.length,
    not_replayable: runs.length - replayed.length,
    base_stops: was.length,
    candidate_stops: would.length,
    wrong_base: was.filter(({ run_id }) => wasFine.has(run_id)).length,
    wrong_candidate: would.filter(({ run_id }) => wasFine.has(run_id)).length,
    saved_ms: sum(would.map(({ saved_ms }) => saved_ms)),
    cost_ms: sum(would.map(({ cost_ms }) => cost_ms)),
  };
  return { ...summary, sentence: sentenceOf(summary, replayed) };
}

function sentenceOf(
  summary: Omit<NonNullable<PolicyComparison["summary"]>, "sentence">,
  replayed: readonly ComparedRun[],
): string {
  if (replayed.length === 0)
    return summary.runs === 0
      ? "No past run with evidence was found; there is nothing to compare yet."
      : `None of ${plural(summary.runs, "run")} could be repeated from what is stored.`;
  const count = (verdict: ComparedRun["verdict"]) => replayed.filter((run) => run.verdict === verdict).length;
  const earlier = count("stopped_earlier") + count("newly_stopped");
  const no_longer = count("no_longer_stopped");
  const parts = [
    summary.candidate_stops === 0
      ? `Would have touched none of ${plural(replayed.length, "run")}`
      : `Would have stopped ${summary.candidate_stops} of ${plural(replayed.length, "run")}`,
    ...(earlier > 0 ? [`${earlier} of them earlier than now`] : []),
    ...(summary.saved_ms > 0 ? [`saving ${duration(summary.saved_ms)}`] : []),
    ...(no_longer > 0 ? [`and no longer ${no_longer} that are stopped now`] : []),
  ];
  const wrong =
    summary.wrong_candidate === 0
      ? summary.candidate_stops === 0
        ? ""
        : " None of them had gone well."
      : ` ${summary.wrong_candidate} of them had gone well, at a cost of ${duration(summary.cost_ms)} of work.`;
  const left =
    summary.not_replayable === 0 ? "" : ` ${plural(summary.not_replayable, "run")} could not be repeated.`;
  return `${parts.join(", ")}.${wrong}${left}`;
}
