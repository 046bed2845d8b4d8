import { Counter, Gauge, Histogram } from "prom-client";
import { metrics } from "../../platform/metrics.ts";

const registers = [metrics];

export const agentsConnected = new Gauge({
  name: "flowplane_agents_connected",
  help: "Agents with an open WebSocket on this process.",
  registers,
});
export const opampMessages = new Counter({
  name: "flowplane_opamp_messages_total",
  help: "OpAMP messages by direction, transport and what became of them.",
  labelNames: ["direction", "transport", "outcome"],
  registers,
});
export const statusWrites = new Counter({
  name: "flowplane_status_writes_total",
  help: "Agents whose status was written, batched.",
  registers,
});
export const statusWriteFailures = new Counter({
  name: "flowplane_status_write_failures_total",
  help: "Batches of status that failed and were kept for another try.",
  registers,
});
export const statusWriteSeconds = new Histogram({
  name: "flowplane_status_write_duration_seconds",
  help: "Time to write one batch of agents' status.",
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  registers,
});
export const turnedAway = new Counter({
  name: "flowplane_gateway_turned_away_total",
  help: "Connections and polls told to come back later, by reason.",
  labelNames: ["reason"],
  registers,
});
export const certificatesIssued = new Counter({
  name: "flowplane_certificates_issued_total",
  help: "Client certificates issued to agents, by occasion.",
  labelNames: ["occasion"],
  registers,
});
export const intentsDelivered = new Counter({
  name: "flowplane_intents_delivered_total",
  help: "Intents that agents acknowledged to have stored.",
  registers,
});
export const eventsStored = new Counter({
  name: "flowplane_agent_events_total",
  help: "Events of agents' spools stored, each once.",
  registers,
});
