import { Counter } from "prom-client";
import { metrics } from "../../platform/metrics.ts";
import { interventions } from "./gauges.ts";

const changes = new Counter({
  name: "flowplane_changes_total",
  help: "Changes written to the audit log, by what was done and who did it.",
  labelNames: ["action", "actor"],
  registers: [metrics],
});

/** Changes that are interventions, under the names policies use for the same. */
const INTERVENTIONS: Readonly<Record<string, string>> = {
  "run.stop": "stop",
  "run.kill": "kill",
  "run.restart": "restart",
  "run.freeze": "freeze",
  "run.resume": "resume",
};

/** Counts a change that is durable. Actions are the program's own words, so there are only so many. */
export function countChange(actor: string, action: string): void {
  changes.inc({ action, actor });
  const intervention = INTERVENTIONS[action];
  if (intervention !== undefined && (actor === "user" || actor === "api_token"))
    interventions.inc({ action: intervention, source: "person" });
}
