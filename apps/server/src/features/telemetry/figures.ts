import { Counter, Histogram } from "prom-client";
import { metrics } from "../../platform/metrics.ts";

const registers = [metrics];

export const otlpItems = new Counter({
  name: "flowplane_otlp_items_total",
  help: "Data points, log records and spans that agents sent about themselves, by signal and what became of them. Spans are counted and not kept.",
  labelNames: ["signal", "outcome"],
  registers,
});
export const otlpRequests = new Counter({
  name: "flowplane_otlp_requests_total",
  help: "OTLP bodies of agents by signal and answer.",
  labelNames: ["signal", "status"],
  registers,
});
export const reportWriteSeconds = new Histogram({
  name: "flowplane_otlp_write_duration_seconds",
  help: "Time to store one batch of agents' reports and logs.",
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  registers,
});
export const rollupSeconds = new Histogram({
  name: "flowplane_telemetry_rollup_duration_seconds",
  help: "Time to roll up agents' reports of some minutes.",
  buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  registers,
});
