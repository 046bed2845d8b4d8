import type { Category, Decision, Source } from "./events.ts";
import { hashText } from "./hash.ts";
import { isInCanary, type LadderAction, type PastIncident, type Policy, type Verdict } from "./policy.ts";
import { newScan, scan } from "./scan.ts";
import { duration } from "./telling.ts";

/**
 * What a policy makes of what the detector confirms. The n-th incident of a category in a run, its attempts and restarts takes
 * the n-th rung of the ladder; trouble that came back after a restart is not restarted again. Whatever keeps it from acting
 * is said; what only delays it (warm-up, cooldown, guard) is looked at again when its time has come.
 */
export interface PolicyState {
  startedAt: number;
  incidents: number;
  /** How many of each category there were, earlier attempts included. */
  readonly counts: Map<Category, number>;
  /** Keys of trouble that was answered with a restart. */
  readonly restarted: string[];
  /** The last intervention that was carried out, in this run or before. */
  interventionAt: number | null;
  guard: { until: number | null; spent: boolean };
  open: OpenIncident[];
}

interface OpenIncident {
  readonly incident: number;
  readonly source: Source;
  readonly category: Category;
  readonly key: string;
  readonly nth: number;
  readonly score: number;
  /** When to look again, for one that is only delayed. */
  againAt: number | null;
  heldByGuard: boolean;
}

/** More are not kept apart: the oldest is forgotten, which costs its second look. */
const OPEN_MAX = 16;

export interface PolicyRun {
  readonly policy: Policy;
  readonly lineage: string;
}

/** `incidents`: how many this very run already had, where a watch begins anew. */
export function newPolicyState(
  startedAt: number,
  history: readonly PastIncident[],
  incidents = 0,
): PolicyState {
  const counts = new Map<Category, number>();
  for (const { category } of history) counts.set(category, (counts.get(category) ?? 0) + 1);
  const done = history.filter(({ action, outcome }) => outcome === "done" && action !== "notify");
  return {
    startedAt,
    incidents,
    counts,
    restarted: done.filter(({ action }) => action === "restart").map(({ key }) => key),
    interventionAt: done.length === 0 ? null : Math.max(...done.map(({ at }) => at)),
    guard: { until: null, spent: false },
    open: [],
  };
}

/** Equal for trouble that says the same, whatever its numbers, times and ids. */
export function keyOf({ category, source, evidence }: Decision): string {
  const text = evidence.signature?.text ?? "";
  const bytes = encoder.encode(text);
  scan(bytes, 0, bytes.length, line);
  return `${category}:${source}:${hashText(String(line.template), 5).toString(16)}`;
}

const encoder = new TextEncoder();
const line = newScan();

/** A confirmed decision opens an incident. */
export function openIncident(state: PolicyState, run: PolicyRun, decision: Decision): Verdict {
  const { category, source, score, at } = decision;
  const nth = (state.counts.get(category) ?? 0) + 1;
  state.counts.set(category, nth);
  state.incidents += 1;
  const incident: OpenIncident = {
    incident: state.incidents,
    source,
    category,
    key: keyOf(decision),
    nth,
    score,
    againAt: null,
    heldByGuard: false,
  };
  state.open.push(incident);
  if (state.open.length > OPEN_MAX) state.open.shift();
  return decide(state, run, incident, at);
}

/** What was withdrawn needs no second look. */
export function closeIncident(state: PolicyState, source: Source): void {
  state.open = state.open.filter((incident) => incident.source !== source);
}

/** What was only delayed, and whose time has come. */
export function lookAgain(state: PolicyState, run: PolicyRun, at: number): Verdict[] {
  return state.open
    .filter(({ againAt }) => againAt !== null && at >= againAt)
    .map((incident) => decide(state, run, incident, at));
}

/** The agent's guard, as it is from now on. What it held back is looked at again when it lets go. */
export function setGuard(state: PolicyState, until: number | null, spent: boolean, at: number): void {
  state.guard = { until, spent };
  for (const incident of state.open) if (incident.heldByGuard) incident.againAt = until ?? at;
}

function decide(state: PolicyState, run: PolicyRun, incident: OpenIncident, at: number): Verdict {
  const action = rungOf(state, run.policy, incident);
  const hurdle = action.do === "notify" ? null : hurdleOf(state, run, action, at);
  incident.againAt = hurdle?.againAt ?? null;
  incident.heldByGuard = hurdle?.byGuard ?? false;
  const { category, key, nth } = incident;
  const verdict = { incident: incident.incident, category, key, nth, action, at };
  if (hurdle !== null)
    return { ...verdict, outcome: "withheld", why: hurdle.why, trips_guard: hurdle.tripsGuard ?? false };
  if (action.do !== "notify") {
    state.interventionAt = at;
    if (action.do === "restart" && !state.restarted.includes(key)) state.restarted.push(key);
  }
  return { ...verdict, outcome: "done", why: reasonOf(run.policy, incident, action), trips_guard: false };
}

function rungOf(
  { restarted }: PolicyState,
  policy: Policy,
  { category, key, nth }: OpenIncident,
): LadderAction {
  const ladder = policy.actions[category] ?? [NOTIFY];
  const from = Math.min(nth, ladder.length) - 1;
  const action = ladder[from] ?? NOTIFY;
  if (action.do !== "restart" || !restarted.includes(key)) return action;
  // It came back after a restart: the same again would come back again.
  return ladder.slice(from + 1).find((rung) => rung.do !== "restart") ?? { do: "stop_for_good" };
}

interface Hurdle {
  readonly why: string;
  /** When it is worth another look. */
  readonly againAt?: number;
  readonly byGuard?: true;
  readonly tripsGuard?: true;
}

function hurdleOf(
  state: PolicyState,
  { policy, lineage }: PolicyRun,
  action: LadderAction,
  at: number,
): Hurdle | null {
  const would = `it would have been ${PAST[action.do]}`;
  if (policy.mode === "shadow") return { why: `The policy is in shadow mode; in enforce mode ${would}.` };
  const percent = policy.canary_percent ?? 0;
  if (policy.mode === "canary" && !isInCanary(lineage, percent))
    return { why: `This run is not among the ${percent} % the policy is tried on; else ${would}.` };
  const { guard, startedAt, interventionAt } = state;
  if (guard.until !== null && at < guard.until)
    return {
      why: `After too many interventions nothing is done for a while; else ${would}.`,
      againAt: guard.until,
      byGuard: true,
    };
  const warm = startedAt + policy.warm_up_ms;
  if (at < warm)
    return {
      why: `It started ${duration(at - startedAt)} ago, and the policy leaves it ${duration(policy.warm_up_ms)} to warm up; else ${would}.`,
      againAt: warm,
    };
  if (interventionAt !== null && at < interventionAt + policy.cooldown_ms)
    return {
      why: `The last intervention was ${duration(at - interventionAt)} ago, and the policy waits ${duration(policy.cooldown_ms)} between two; else ${would}.`,
      againAt: interventionAt + policy.cooldown_ms,
    };
  if (!guard.spent) return null;
  const { interventions_max: max, window_ms: window, fallback_ms: fallback } = policy.rate_limit;
  return {
    why: `It would be one more than ${max} interventions in ${duration(window)}, so everything falls back to shadow mode for ${duration(fallback)}; else ${would}.`,
    againAt: at + fallback,
    byGuard: true,
    tripsGuard: true,
  };
}

const NOTIFY: LadderAction = { do: "notify" };

const PAST = {
  notify: "told of",
  freeze: "paused",
  stop: "stopped",
  restart: "restarted",
  stop_for_good: "stopped for good",
} as const;

function reasonOf(policy: Policy, { category, nth }: OpenIncident, action: LadderAction): string {
  if (action.do === "notify")
    return policy.actions[category] === undefined
      ? "The policy has no action for this category; it is told."
      : "The policy asks for no more than telling.";
  const ordinal = ["first", "second", "third", "fourth", "fifth"][nth - 1] ?? `${nth}th`;
  return `The policy answers the ${ordinal} ${category.replace("_", " ")} of a run and its restarts with ${action.do.replaceAll("_", " ")}.`;
}
