import { Counter, Gauge, Histogram } from "prom-client";
import { metrics } from "../../platform/metrics.ts";

const registers = [metrics];

/** Sites that have series of their own; those beyond, the ones with least to show, are added up as `other`. */
export const SITES_MAX = 200;
export const OTHER_SITES = { organization: "other", site: "other" };

export const runsActive = new Gauge({
  name: "flowplane_runs_active",
  help: "Runs that have not ended, by site and state.",
  labelNames: ["organization", "site", "state"],
  registers,
});
export const runsFrozen = new Gauge({
  name: "flowplane_runs_frozen",
  help: "Runs that are paused now.",
  registers,
});
export const agents = new Gauge({
  name: "flowplane_agents",
  help: "Agents by state.",
  labelNames: ["state"],
  registers,
});
export const heartbeatAge = new Gauge({
  name: "flowplane_agent_heartbeat_age_seconds",
  help: "Time since the longest silent agent of a site was heard of, among agents heard of within a day that did not take their leave.",
  labelNames: ["organization", "site"],
  registers,
});
export const intentsOutstanding = new Gauge({
  name: "flowplane_intents_outstanding",
  help: "Orders to agents that no agent has confirmed yet.",
  registers,
});
export const intentOldestAge = new Gauge({
  name: "flowplane_intent_oldest_age_seconds",
  help: "Age of the oldest order that a connected agent has not confirmed; 0 when there is none.",
  registers,
});
export const queueJobs = new Gauge({
  name: "flowplane_queue_jobs",
  help: "Background work of the control plane itself, by kind and state.",
  labelNames: ["work", "state"],
  registers,
});
export const scheduleLag = new Gauge({
  name: "flowplane_schedule_lag_seconds",
  help: "How late the most overdue scheduled start is; 0 when none is.",
  registers,
});
export const incidentsOpen = new Gauge({
  name: "flowplane_incidents_open",
  help: "Incidents that are not closed, by severity.",
  labelNames: ["severity"],
  registers,
});
export const fallbackSites = new Gauge({
  name: "flowplane_detection_fallback_sites",
  help: "Sites whose policies act as in shadow mode now, because too many interventions were made.",
  registers,
});
export const lookSeconds = new Gauge({
  name: "flowplane_figures_look_seconds",
  help: "What the last look at the database for these figures took.",
  registers,
});

export const incidents = new Counter({
  name: "flowplane_incidents_total",
  help: "Incidents that agents opened, by category and severity.",
  labelNames: ["category", "severity"],
  registers,
});
export const interventions = new Counter({
  name: "flowplane_interventions_total",
  help: "What was done to runs, by action and by whom: a policy or a person.",
  labelNames: ["action", "source"],
  registers,
});
export const withheld = new Counter({
  name: "flowplane_interventions_withheld_total",
  help: "What a policy in shadow mode, or a guard, kept from being done, and what failed, by action and outcome.",
  labelNames: ["action", "outcome"],
  registers,
});
export const confidence = new Histogram({
  name: "flowplane_detection_confidence",
  help: "Score of opened incidents, 0 to 1, by category.",
  labelNames: ["category"],
  buckets: [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1],
  registers,
});
export const guardTrips = new Counter({
  name: "flowplane_detection_guard_trips_total",
  help: "How often an agent's own guard put its policies into shadow mode.",
  registers,
});
export const redactions = new Counter({
  name: "flowplane_log_redactions_total",
  help: "Secrets blacked out in logs of runs that ended.",
  registers,
});
export const spoolDelay = new Histogram({
  name: "flowplane_agent_spool_delay_seconds",
  help: "From what happened on an agent's host to its report being stored here; long after an outage.",
  buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3_600, 86_400],
  registers,
});
