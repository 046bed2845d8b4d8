// A run's incidents: opened by what is confirmed, given the policy's verdicts, closed by what is cleared or by the run's end.
// Each is stored together with the journal that led to it.

import type { DecisionEntry, HeaderEntry, VerdictEntry } from "@flowplane/detection";
import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { IncidentOpened } from "@flowplane/link";
import { newUid } from "@flowplane/opamp";
import { findIncident, findOpen, insertIncident, markClosed, saveVerdict } from "../spool/incidents.ts";
import type { StoredIncident } from "../spool/incidents.ts";
import { carryOut } from "./interventions.ts";
import type { DetectionOptions } from "./options.ts";
import { tell } from "./telling.ts";
import type { WatchedRun } from "./watched-run.ts";

/** A verdict on an incident that is known, or on one that what was just confirmed opens. */
export function takeVerdict(options: DetectionOptions, watched: WatchedRun, verdict: VerdictEntry): void {
  const { db } = options;
  const decision = [...watched.confirmed.values()].find(({ at }) => at === verdict.at);
  const known = watched.incidents.get(verdict.incident) ?? findIncident(db, watched.id, verdict.incident)?.id;
  if (known !== undefined)
    watched.with(() => {
      saveVerdict(db, known, verdict);
      tellVerdict(options, watched.id, known, verdict);
    });
  else if (decision !== undefined) open(options, watched, verdict, decision);
}

function open(
  options: DetectionOptions,
  watched: WatchedRun,
  verdict: VerdictEntry,
  decision: DecisionEntry,
): void {
  const { db, clock, random } = options;
  const id = newUid(clock(), random);
  watched.incidents.set(verdict.incident, id);
  const { id: runId, header } = watched;
  const { source, sentence } = decision;
  watched.note({
    type: "note",
    after: watched.seq,
    at: verdict.at,
    what: "incident",
    detail: { incident: verdict.incident, id },
  });
  watched.with(() => {
    insertIncident(db, header.lineage, { id, runId, number: verdict.incident, source, sentence, verdict });
    tell(options, runId, "incident.opened", {
      incident_id: id,
      category: decision.category,
      severity: verdict.severity,
      score: decision.score,
      title: decision.title.slice(0, TEXT_CHARS_MAX),
      line: decision.line,
      evidence: { ...decision.evidence, sentence },
      policy: policyOf(header),
    });
    tellVerdict(options, runId, id, verdict);
  });
}

/** What is to be done is told when it is done. */
function tellVerdict(
  options: DetectionOptions,
  runId: string,
  id: string,
  { action, outcome, why }: VerdictEntry,
): void {
  if (outcome === "done" && action.do !== "notify") {
    options.db.afterCommit(() => setImmediate(() => carryOut(options)));
    return;
  }
  const payload = { incident_id: id, action: action.do, outcome, why, run_id: null };
  tell(options, runId, "incident.intervention", payload);
}

/** What a source had confirmed is over. */
export function closeCleared(
  options: DetectionOptions,
  watched: WatchedRun,
  { source, sentence }: DecisionEntry,
): void {
  watched.confirmed.delete(source);
  watched.with(() => {
    for (const incident of findOpen(options.db, watched.id))
      if (incident.source === source) {
        close(options, incident, sentence);
        watched.incidents.delete(incident.number);
      }
  });
}

/** The run is over, and with it what it has open. In the open transaction. */
export function closeAll(options: DetectionOptions, runId: string, reason: string): void {
  for (const incident of findOpen(options.db, runId)) close(options, incident, reason);
}

function close(options: DetectionOptions, { id, runId }: StoredIncident, reason: string): void {
  markClosed(options.db, id);
  tell(options, runId, "incident.closed", { incident_id: id, reason: reason.slice(0, TEXT_CHARS_MAX) });
}

/** No policy judges this one: processes of the run outlived its end. */
export function tellFailedStop(options: DetectionOptions, { id: runId, header, seq }: WatchedRun): void {
  const { clock, random, steady } = options;
  tell(options, runId, "incident.opened", {
    incident_id: newUid(clock(), random),
    category: "failed_stop",
    severity: "critical",
    score: 100,
    title: "Failed stop: processes of the run are still there",
    line: seq,
    evidence: { lines: { from: seq, to: seq }, since: { line: seq, at: steady() } },
    policy: policyOf(header),
  });
}

function policyOf({ policy }: HeaderEntry): IncidentOpened["policy"] {
  const { id, name, version, document } = policy;
  return { id, name, version, mode: document.mode };
}
