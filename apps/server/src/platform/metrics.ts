import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";

/** Every figure of this process. A feature that has one to give declares it here by `registers: [metrics]`, named `flowplane_…`. */
export const metrics = new Registry();

export const apiRequests = new Counter({
  name: "flowplane_api_requests_total",
  help: "Answers of the REST API by route and HTTP status.",
  labelNames: ["route", "status"],
  registers: [metrics],
});

export const apiRequestSeconds = new Histogram({
  name: "flowplane_api_request_duration_seconds",
  help: "Time from a request's arrival to its answer's last byte, streams left out.",
  labelNames: ["route"],
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  registers: [metrics],
});

export const authFailures = new Counter({
  name: "flowplane_auth_failures_total",
  help: "Requests refused because their credential is missing, wrong, expired or revoked: of the API, or of agents.",
  labelNames: ["listener"],
  registers: [metrics],
});
for (const listener of ["api", "agents"]) authFailures.inc({ listener }, 0);

let collecting = false;

/** Adds the figures of the process itself (memory, event loop, garbage collection). Once per process, however often called. */
export function collectProcessMetrics(): void {
  if (collecting) return;
  collecting = true;
  collectDefaultMetrics({ register: metrics });
}
