import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Actor, Base } from "../../platform/context.ts";

/** Who is at the other end of an agent's connection, as proven by its credential. */
export interface AgentIdentity {
  readonly agent_id: string;
  readonly organization_id: string;
  readonly site_id: string;
  readonly name: string;
  readonly credential: "certificate" | "bearer" | "token";
}

/** The agents' listener as other features see it: where to hang bulk routes, and how a request becomes an agent. */
export interface AgentHttp {
  readonly fastify: FastifyInstance;
  readonly base: Base;
  /** Throws `unauthenticated` for a missing, unknown, expired or revoked credential. */
  readonly identify: (request: IncomingMessage) => Promise<AgentIdentity>;
}

export interface TelemetryHttp extends AgentHttp {
  /** As `identify`, for telemetry an agent sends about itself, which has a credential of its own. `trustHeader` as in credentials.ts. */
  readonly identifyTelemetry: (request: IncomingMessage, trustHeader: boolean) => Promise<AgentIdentity>;
}

/** An agent as the actor of what it reports: it may touch its own organization, by the features' own rules. */
export function agentActor(identity: AgentIdentity): Actor {
  return {
    type: "agent",
    id: identity.agent_id,
    name: identity.name,
    organization_id: identity.organization_id,
    role: "service",
    permissions: [],
  };
}
