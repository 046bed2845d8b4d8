import type { z } from "zod";
import { GATEWAY_STATUS_CHARS_MAX, type api } from "@flowplane/contract";
import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, notify, type Base, type Ctx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { setAgent } from "../fleet/agents.ts";
import { noteRunning } from "../delivery/running.ts";
import { noteRequestHeartbeats, type RequestHeartbeat } from "../fleet/heartbeats.ts";
import { writeReports } from "../fleet/status.ts";
import { BatchLoader } from "../gateway/batch-loader.ts";
import { attributesOf, capabilityBits, countsOf } from "./describe.ts";
import { gatewayHeartbeats } from "./figures.ts";
import { instanceMismatch } from "./refusals.ts";
import {
  findAgentOfInstance,
  findGateway,
  findInstanceIds,
  lockInstanceId,
  noteSaid,
  putGateway,
  type Said,
} from "./store.ts";

type Beat = z.output<typeof api.gatewayHeartbeat.body>;

interface Pending extends Said {
  readonly remoteAddress: string | null;
  readonly configHash: string | null;
  readonly health: RequestHeartbeat["health"];
}

/**
 * Takes heartbeats that come as requests. An answer means that it is in the database: those that come while a statement is
 * on its way share the next one, so that a fleet costs a few statements a second and a single caller waits for one.
 */
export class Heartbeats {
  readonly #base: Base;
  readonly #pending = new Map<string, Pending>();
  readonly #writer: BatchLoader<true>;
  readonly #instances: BatchLoader<string>;

  constructor(base: Base) {
    this.#base = base;
    this.#writer = new BatchLoader((ids) => this.#write(ids));
    this.#instances = new BatchLoader((ids) => findInstanceIds(base.storage.system, ids));
  }

  /** Throws `forbidden` when the actor, an agent, is not this instance. */
  async mustBe(ctx: Ctx, instanceId: string): Promise<void> {
    const agentId = ctx.actor.id;
    const own = (await this.#instances.load(agentId)) ?? (await bindInstanceId(ctx, instanceId));
    if (own === instanceId) return;
    gatewayHeartbeats.inc({ outcome: "mismatch" });
    throw instanceMismatch(
      own === undefined
        ? `The token belongs to the agent ${ctx.actor.name}, which is no gateway, or the instance_id is another gateway's.`
        : `The token belongs to the instance ${own}. Use that one's path, or register ${instanceId} for a token of its own.`,
    );
  }

  async beat(ctx: Ctx, instanceId: string, beat: Beat) {
    const { metadata, metrics, config_version, config_hash: said } = beat;
    await this.mustBe(ctx, instanceId);
    const agentId = ctx.actor.id;
    const earlier = this.#pending.get(agentId);
    // A script that has none yet says an empty one.
    const config_hash = said === "" ? undefined : said;
    const counts = countsOf(metadata, metrics);
    this.#pending.set(agentId, {
      agentId,
      seenAt: ctx.now(),
      remoteAddress: ctx.remoteAddress,
      metadata: metadata ?? earlier?.metadata ?? null,
      metrics: earlier?.metrics == null ? counts : { ...earlier.metrics, ...counts },
      configVersion: config_version ?? earlier?.configVersion ?? null,
      health: healthOf(beat) ?? earlier?.health ?? null,
      configHash: config_hash ?? (config_version === undefined ? (earlier?.configHash ?? null) : null),
    });
    await this.#writer.load(agentId);
    gatewayHeartbeats.inc({ outcome: "ok" });
    return { status: "ok" as const, gateway_id: agentId };
  }

  async #write(agentIds: readonly string[]): Promise<Map<string, true>> {
    const beats = agentIds.flatMap((id) => this.#pending.get(id) ?? []);
    for (const id of agentIds) this.#pending.delete(id);
    const { storage, bus } = this.#base;
    const arrived = await noteRequestHeartbeats(storage.system, beats);
    const running = await noteRunning(
      storage.system,
      beats.map(({ agentId, seenAt, configVersion, configHash }) => ({
        agentId,
        at: seenAt,
        version: configVersion,
        hash: configHash,
      })),
    );
    const speaking = beats.filter(
      ({ metadata, metrics, configVersion }) =>
        metadata !== null || metrics !== null || configVersion !== null,
    );
    const changed = speaking.length === 0 ? [] : await noteSaid(storage.system, speaking);
    for (const id of changed) await this.#describe(id);
    for (const { id, organization_id } of arrived)
      bus.publish(subjects.changes(organization_id), { topic: "agent", id });
    for (const { agent_id: id, organization_id } of running)
      bus.publish(subjects.changes(organization_id), { topic: "agent", id });
    return new Map(agentIds.map((id) => [id, true]));
  }

  /** Its metadata is another, after an upgrade say: the fleet's columns follow. */
  async #describe(agentId: string): Promise<void> {
    const { system } = this.#base.storage;
    const row = await findGateway(system, agentId);
    if (row === undefined || row.metadata === null || row.gateway_instance_id === null) return;
    await setAgent(system, agentId, {
      version: row.metadata.version ?? null,
      capabilities: capabilityBits(row.metadata),
    });
    const report = attributesOf({
      name: row.name,
      instanceId: row.gateway_instance_id,
      hostname: row.hostname,
      ipAddress: row.ip_address,
      metadata: row.metadata,
    });
    await writeReports(system, [{ agentId, report, session: null }]);
    this.#base.bus.publish(subjects.changes(row.organization_id), { topic: "agent", id: agentId });
  }
}

function healthOf({ status, status_message = "" }: Beat): RequestHeartbeat["health"] {
  if (status === undefined) return null;
  // A pair may have been cut in half, which the database does not take.
  const said = status_message.trim().slice(0, GATEWAY_STATUS_CHARS_MAX).toWellFormed();
  return { healthy: status === "active", status: said };
}

/**
 * The first contact of an agent of kind gateway that a bearer was made for: from now on the instance_id it came under is its
 * own. Undefined when it cannot have that one.
 */
async function bindInstanceId(ctx: Ctx, instanceId: string): Promise<string | undefined> {
  return inTransaction(ctx, async (ctx) => {
    await lockInstanceId(ctx.db, ctx.actor.organization_id, instanceId);
    const agent = await findGateway(ctx.db, ctx.actor.id);
    if (agent === undefined || (await findAgentOfInstance(ctx.db, instanceId)) !== undefined)
      return undefined;
    if (agent.gateway_instance_id !== null) return agent.gateway_instance_id;
    await putGateway(ctx.db, {
      agent_id: agent.id,
      organization_id: agent.organization_id,
      instance_id: instanceId,
      ip_address: null,
      metadata: {},
    });
    if (agent.approval === "expected") await setAgent(ctx.db, agent.id, { approval: "approved" });
    record(ctx, {
      action: "agent.first_contact",
      target_type: "agent",
      target_id: agent.id,
      metadata: { from: null, to: instanceId },
    });
    notify(ctx, { topic: "agent", id: agent.id });
    return instanceId;
  });
}
