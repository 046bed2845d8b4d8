import { Counter } from "prom-client";
import { metrics } from "../../platform/metrics.ts";

const registers = [metrics];

export const gatewayHeartbeats = new Counter({
  name: "flowplane_gateway_heartbeats_total",
  help: "Heartbeats over the gateway API: ok, or refused for their credential or for another's instance.",
  labelNames: ["outcome"],
  registers,
});
export const gatewayRegistrations = new Counter({
  name: "flowplane_gateway_registrations_total",
  help: "Registrations over the gateway API: ok, or refused.",
  labelNames: ["outcome"],
  registers,
});
