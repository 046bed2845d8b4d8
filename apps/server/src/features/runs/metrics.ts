import { Counter, Gauge, Histogram } from "prom-client";
import { RUN_STATES, type RunState } from "@flowplane/contract";
import { metrics } from "../../platform/metrics.ts";

const active = new Gauge({
  name: "flowplane_runs_active",
  help: "Runs that have not ended, by state; counted by the worker",
  labelNames: ["state"],
  registers: [metrics],
});
const launchLatency = new Histogram({
  name: "flowplane_run_launch_latency_seconds",
  help: "From the accepted request to the agent's report that the process runs",
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  registers: [metrics],
});
const stopLatency = new Gauge({
  name: "flowplane_stop_latency_last_seconds",
  help: "From the last request to stop a run to the agent's report that it is at it",
  registers: [metrics],
});
const ingestLag = new Histogram({
  name: "flowplane_log_ingest_lag_seconds",
  help: "Age of the newest line of a log segment when it was stored",
  buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
  registers: [metrics],
});
const storedBytes = new Counter({
  name: "flowplane_log_stored_bytes_total",
  help: "Bytes of log lines this process has stored since it started",
  registers: [metrics],
});

export function setActiveRuns(counts: ReadonlyMap<RunState, number>): void {
  for (const state of RUN_STATES.slice(0, 4)) active.set({ state }, counts.get(state) ?? 0);
}

export function observeLaunch(ms: number): void {
  launchLatency.observe(Math.max(0, ms) / 1_000);
}

export function observeStop(ms: number): void {
  stopLatency.set(Math.max(0, ms) / 1_000);
}

export function observeSegment(lagMs: number, bytes: number): void {
  ingestLag.observe(Math.max(0, lagMs) / 1_000);
  storedBytes.inc(bytes);
}
