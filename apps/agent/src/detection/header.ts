// What a run is judged by: its policy, the detector's settings that follow from it, and what happened before.

import { PolicyDocument } from "@flowplane/contract/policy-document";
import { configHash, DEFAULT_POLICY, detectorConfig } from "@flowplane/detection";
import type { HeaderEntry, PastIncident, Policy } from "@flowplane/detection";
import type { RunSpec } from "@flowplane/link";

export type JudgedRun = { id: string; spec: RunSpec; lineage: string; attempt: number };

/** `problem` says what of the run's spec could not be used, in a sentence; null: nothing. */
export function makeHeader(
  run: JudgedRun,
  history: readonly PastIncident[],
  at: number,
): { header: HeaderEntry; problem: string | null } {
  const { policy, problem } = policyOf(run.spec);
  const config = detectorConfig({
    sensitivity: policy.document.sensitivity,
    benign: policy.document.benign,
    heartbeatMs: run.spec.progress?.heartbeat_ms ?? null,
  });
  const { id, lineage, attempt } = run;
  const detector = { config, hash: configHash(config) };
  return {
    header: { type: "header", run_id: id, lineage, attempt, at, policy, detector, history },
    problem,
  };
}

const BUILT_IN = { id: null, name: "built-in", version: 0, document: DEFAULT_POLICY };

function policyOf({ detection }: RunSpec): { policy: HeaderEntry["policy"]; problem: string | null } {
  if (detection === undefined) return { policy: BUILT_IN, problem: null };
  const parsed = PolicyDocument.safeParse(detection.document);
  if (parsed.success) {
    const { policy_id: id, policy_name: name, version } = detection;
    const document: Policy = parsed.data;
    return { policy: { id, name, version, document }, problem: null };
  }
  const issue = parsed.error.issues[0];
  return {
    policy: BUILT_IN,
    problem: `Its detection policy ${detection.policy_name} is not valid (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}); the built-in one only watches.`,
  };
}
