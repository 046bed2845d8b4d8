import type { Decision } from "./events.ts";
import type { Verdict } from "./policy.ts";

export type Severity = "info" | "warning" | "critical";

const LASTING_MS = 1_800_000;
const NEAR_LIMIT = 750;

/** How much somebody should care: what acts on a run, is near its limit, or has lasted for long, cannot wait. */
export function severityOf(verdict: Verdict, decision: Decision | null): Severity {
  if (verdict.outcome === "done" && verdict.action.do !== "notify") return "critical";
  if (decision === null) return "warning";
  const { families, since } = decision.evidence;
  const nearLimit = families.some(({ family, strength }) => family === "volume" && strength >= NEAR_LIMIT);
  if (nearLimit || decision.at - since.at >= LASTING_MS) return "critical";
  return verdict.action.do === "notify" && decision.score < 80 ? "info" : "warning";
}
