import { asPart, incidentSentence, seenWords, type Incident } from "@flowplane/contract";
import { timestamp } from "../../platform/context.ts";
import { keepEvidence } from "./evidence.ts";
import type { IncidentRow } from "./store.ts";

/** What was seen, as part of a sentence. */
export function seenIn(row: Pick<IncidentRow, "category" | "evidence" | "opened_at">): string {
  const evidence = keepEvidence(row.evidence);
  return evidence.sentence === undefined || evidence.sentence === ""
    ? seenWords(row.category, evidence, row.opened_at.getTime())
    : asPart(evidence.sentence);
}

/** An incident as the API shows it. */
export function incidentOf(row: IncidentRow, now: number): Incident {
  return {
    id: row.id,
    run_id: row.run_id,
    run_name: row.run_name,
    job_id: row.job_id,
    site_id: row.site_id,
    agent_id: row.agent_id,
    agent_name: row.agent_name,
    category: row.category,
    severity: row.severity,
    state: row.state,
    score: row.score,
    confidence: row.score / 100,
    title: row.title,
    sentence: incidentSentence(
      { seen: seenIn(row), interventions: row.interventions, closed_because: row.closed_because },
      now,
    ),
    policy:
      row.policy_mode === null
        ? null
        : {
            id: row.policy_id,
            name: row.policy_name ?? "",
            version: row.policy_version ?? 0,
            mode: row.policy_mode,
          },
    interventions: row.interventions,
    feedback: row.feedback,
    opened_at: timestamp(row.opened_at),
    closed_at: timestamp(row.closed_at),
    closed_because: row.closed_because,
    acknowledged_by: row.acknowledged_by,
  };
}
