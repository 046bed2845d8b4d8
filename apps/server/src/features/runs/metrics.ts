import { Counter, Gauge, Histogram } from "prom-client";
import { metrics } from "../../platform/metrics.ts";

const launchLatency = new Histogram({
  name: "flowplane_run_launch_latency_seconds",
  help: "From the order to a connected agent to its report that the process runs",
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
  registers: [metrics],
});
/** A stop, and the start that a restart leads to, keep their promise when they take no longer. */
const STOP_SLO_MS = 150;
const RESTART_SLO_MS = 1_500;
/** Ratios are over so many of the newest, since this process started. */
const SLO_WINDOW = 1_000;

const stops = slo(
  "stop",
  "From a request to stop a run to the first signal, as its agent tells",
  STOP_SLO_MS,
);
const restarts = slo(
  "restart",
  "From a request to restart a run to the agent's report that the new process runs",
  RESTART_SLO_MS,
);
const ingestLag = new Histogram({
  name: "flowplane_log_ingest_lag_seconds",
  help: "Age of the newest line of a log segment when it was stored",
  buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
  registers: [metrics],
});
const streamDelay = new Histogram({
  name: "flowplane_log_stream_delay_seconds",
  help: "Age of the newest line when it came from the agent for those who watch",
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [metrics],
});
const storedBytes = new Counter({
  name: "flowplane_log_stored_bytes_total",
  help: "Bytes of log lines this process has stored since it started",
  registers: [metrics],
});

const storedEvidence = new Counter({
  name: "flowplane_evidence_stored_bytes_total",
  help: "Bytes of evidence, compressed, this process has stored since it started",
  registers: [metrics],
});

export function observeEvidence(bytes: number): void {
  storedEvidence.inc(bytes);
}

export function observeLaunch(ms: number): void {
  launchLatency.observe(Math.max(0, ms) / 1_000);
}

export function observeStop(ms: number): void {
  stops(ms);
}

export function observeRestart(ms: number): void {
  restarts(ms);
}

/** Lines of a watched run came from their agent; the newest is this old. */
export function observeTail(lagMs: number): void {
  streamDelay.observe(Math.max(0, lagMs) / 1_000);
}

export function observeSegment(lagMs: number, bytes: number): void {
  ingestLag.observe(Math.max(0, lagMs) / 1_000);
  storedBytes.inc(bytes);
}

/** The last latency, the share of the newest that kept their promise (1 before the first), and how many did in all. */
function slo(what: "stop" | "restart", help: string, limitMs: number): (ms: number) => void {
  const last = new Gauge({
    name: `flowplane_${what}_latency_last_seconds`,
    help: `${help}; the last one`,
    registers: [metrics],
  });
  const ratio = new Gauge({
    name: `flowplane_${what}_slo_compliance_ratio`,
    help: `${help}: the share within ${limitMs / 1_000} s among the newest ${SLO_WINDOW}`,
    registers: [metrics],
  });
  const count = new Counter({
    name: `flowplane_${what}_slo_total`,
    help: `${help}: how many were within ${limitMs / 1_000} s (met) and how many were not (missed)`,
    labelNames: ["result"],
    registers: [metrics],
  });
  ratio.set(1);
  for (const result of ["met", "missed"]) count.inc({ result }, 0);
  const newest: boolean[] = [];
  return (ms) => {
    const isMet = ms <= limitMs;
    newest.push(isMet);
    if (newest.length > SLO_WINDOW) newest.shift();
    last.set(Math.max(0, ms) / 1_000);
    ratio.set(newest.filter(Boolean).length / newest.length);
    count.inc({ result: isMet ? "met" : "missed" });
  };
}
