import type { z } from "zod";
import type { api } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { register, type Registration } from "../enrolment/registration.ts";
import { writeReports } from "../fleet/status.ts";
import { attributesOf, capabilityBits, countsOf, type Described } from "./describe.ts";
import { gatewayRegistrations } from "./figures.ts";
import { invalidRegistrationToken } from "./refusals.ts";
import { findAgentOfInstance, lockInstanceId, noteSaid, putGateway } from "./store.ts";

type NewGateway = z.output<typeof api.gatewayRegister.body>;

/** Where a gateway that outgrows its script speaks OpAMP; the path is that of the older gateway documents. */
const OPAMP_PATH = "/api/v1/opamp/v1/opamp";
const UNIQUE_VIOLATION = "23505";

/**
 * Registers a gateway by the enrolment token that the request showed, which is the actor. Throws `unauthenticated` for a
 * token that lets nobody in, `conflict` for an instance_id that is somebody else's.
 */
export async function registerGateway(ctx: Ctx, { addresses }: Enrolment, body: NewGateway) {
  const described: Described = {
    name: body.name,
    instanceId: body.instance_id,
    hostname: body.hostname ?? null,
    ipAddress: body.ip_address ?? null,
    metadata: body.metadata,
  };
  const registration = await inTransaction(ctx, (ctx) => decide(ctx, described)).catch((error: unknown) => {
    // Its instance_id is a UUID, and an agent that speaks OpAMP has it.
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return taken("Another agent has it.");
    throw error;
  });
  gatewayRegistrations.inc({ outcome: registration.ok ? "ok" : "refused" });
  if (!registration.ok) {
    if (registration.reason === "token") throw invalidRegistrationToken(registration.problem);
    throw new AppError("conflict", `The instance_id ${body.instance_id} is taken. ${registration.problem}`);
  }
  const { agent, secret } = registration;
  return {
    id: agent.id,
    name: agent.name,
    instance_id: body.instance_id,
    org_id: agent.organization_id,
    status: "registered" as const,
    opamp_token: secret,
    opamp_endpoint: addresses.httpUrl() + OPAMP_PATH,
    created_at: timestamp(agent.created_at),
  };
}

async function decide(ctx: Tx, described: Described): Promise<Registration> {
  const { name, instanceId, hostname, ipAddress, metadata } = described;
  await lockInstanceId(ctx.db, ctx.actor.organization_id, instanceId);
  const registration = await register(ctx, ctx.actor.id, {
    name,
    hostname,
    version: metadata.version ?? null,
    capabilities: capabilityBits(metadata),
    instanceUid: isUuid(instanceId) ? instanceId.toLowerCase() : null,
    knownAgentId: (await findAgentOfInstance(ctx.db, instanceId)) ?? null,
  });
  if (!registration.ok) return registration;
  const { agent } = registration;
  await putGateway(ctx.db, {
    agent_id: agent.id,
    organization_id: agent.organization_id,
    instance_id: instanceId,
    ip_address: ipAddress,
    metadata,
  });
  const metrics = countsOf(metadata, undefined);
  if (metrics !== null)
    await noteSaid(ctx.db, [
      { agentId: agent.id, seenAt: ctx.now(), metadata: null, metrics, configVersion: null },
    ]);
  await writeReports(ctx.db, [{ agentId: agent.id, report: attributesOf(described), session: null }]);
  return registration;
}

function taken(problem: string): Registration {
  return { ok: false, reason: "taken", problem };
}
