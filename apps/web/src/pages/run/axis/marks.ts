/** What stands on the time axis of a run besides its curves: the states it was in, and what was seen and done. */
import { isTerminal, type Incident, type ReplayResult, type Run, type RunEvent } from "@flowplane/contract";
import { ACTION_WORD, CATEGORY_WORD, OUTCOME_LOOK, RUN_LOOK, type Tone } from "../../../api/states.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
  readonly word: string;
  readonly tone: Tone;
}
export interface Mark {
  readonly key: string;
  readonly at: number;
  readonly kind: "incident" | "intervention" | "decision" | "person";
  readonly tone: Tone;
  readonly text: string;
  readonly incidentId: string | undefined;
  readonly line: number | undefined;
}

/** The states a run was in, one after another, up to `now` (ms); times frozen lie over the running one. */
export function spansOf(run: Run, events: readonly RunEvent[], now: number): Span[] {
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  const started = run.started_at === null ? undefined : Date.parse(run.started_at);
  const asked = run.stop === null ? undefined : Date.parse(run.stop.requested_at);
  const created = Date.parse(run.created_at);
  const span = (from: number, to: number, state: Run["state"]): Span[] =>
    to > from ? [{ from, to, ...RUN_LOOK[state] }] : [];
  if (started === undefined)
    return span(created, Math.max(end, created + 1), isTerminal(run.state) ? "QUEUED" : run.state);
  const stopping = asked !== undefined && asked > started && asked < end ? asked : end;
  return [
    ...span(created, started, "QUEUED"),
    ...span(started, stopping, "RUNNING"),
    ...span(stopping, end, "STOPPING"),
    ...frozenSpans(run, events, end),
  ];
}

function frozenSpans(run: Run, events: readonly RunEvent[], end: number): Span[] {
  const look = { word: "Frozen", tone: "attention" } as const;
  const spans: Span[] = [];
  let since: number | undefined;
  for (const { type, at, payload } of events) {
    if (type !== "run.frozen") continue;
    if (payload.frozen === true) since ??= Date.parse(at);
    else if (since !== undefined) {
      spans.push({ from: since, to: Date.parse(at), ...look });
      since = undefined;
    }
  }
  since ??= run.frozen_since === null ? undefined : Date.parse(run.frozen_since);
  return since === undefined ? spans : [...spans, { from: since, to: end, ...look }];
}

const SEVERITY_TONE = { critical: "bad", warning: "attention", info: "off" } as const;

/** What was seen, decided and done, in order. Decisions are known only once the run was replayed. */
export function marksOf(
  run: Run,
  incidents: readonly Incident[],
  decisions: ReplayResult["decisions"],
): Mark[] {
  const person: Mark[] =
    run.stop === null || run.stop.actor.type !== "user"
      ? []
      : [
          {
            key: "stop",
            at: Date.parse(run.stop.requested_at),
            kind: "person",
            tone: "off",
            text: `${run.stop.actor.name} asked to ${run.stop.mode} it: “${run.stop.reason}”`,
            incidentId: undefined,
            line: undefined,
          },
        ];
  const seen = incidents.flatMap((incident): Mark[] => [
    {
      key: incident.id,
      at: Date.parse(incident.opened_at),
      kind: "incident",
      tone: SEVERITY_TONE[incident.severity],
      text: `${CATEGORY_WORD[incident.category]}: ${incident.title}`,
      incidentId: incident.id,
      line: undefined,
    },
    ...incident.interventions
      .filter(({ action }) => action !== "notify")
      .map((intervention, index): Mark => ({
        key: `${incident.id}-${index}`,
        at: Date.parse(intervention.at),
        kind: "intervention",
        tone: OUTCOME_LOOK[intervention.outcome].tone,
        text: `${ACTION_WORD[intervention.action]}, ${OUTCOME_LOOK[intervention.outcome].word.toLowerCase()}: ${intervention.why}`,
        incidentId: incident.id,
        line: undefined,
      })),
  ]);
  const decided = decisions.map((decision): Mark => ({
    key: `${decision.at}-${decision.line}-${decision.kind}-${decision.category}`,
    at: Date.parse(decision.at),
    kind: "decision",
    tone: decision.kind === "confirmed" ? "bad" : decision.kind === "suspected" ? "attention" : "ok",
    text: `${decision.category.replaceAll("_", " ")} ${decision.kind}, score ${decision.score}`,
    incidentId: undefined,
    line: decision.line > 0 ? decision.line : undefined,
  }));
  return [...seen, ...decided, ...person].toSorted((a, b) => a.at - b.at);
}
