import type { Config, Listen } from "../../config.ts";

/** The origin people reach the dashboard at, without a trailing slash: as configured, else by the listener's own address. */
export function publicUrlOf(config: Config): string {
  return config.publicUrl ?? `http://${hostOf(config.http)}:${config.http.port}`;
}

/** The URL agents are told: as configured, else by their listener's own address. */
export function agentsUrlOf(config: Config): string {
  return config.agentsUrl ?? `https://${hostOf(config.agents)}:${config.agents.port}`;
}

/** An address that listens everywhere is none that one can go to. */
function hostOf(listen: Listen): string {
  if (listen.host === "0.0.0.0" || listen.host === "::") return "localhost";
  return listen.host.includes(":") ? `[${listen.host}]` : listen.host;
}
