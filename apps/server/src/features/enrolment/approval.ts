import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { record } from "../audit/audit.ts";
import { agentOf } from "../fleet/fleet.ts";
import { setAgent, type AgentRow } from "../fleet/agents.ts";
import { lockAgent, revokeBearersOf, revokeCertificates } from "./store.ts";

/** Lets a waiting agent in. Done twice it is done once. */
export async function approveAgent(ctx: Ctx, id: string) {
  return inTransaction(ctx, async (ctx) => {
    const agent = await mustLock(ctx, id);
    if (agent.revoked_at !== null)
      throw new AppError("conflict", `The agent ${agent.name} is revoked; it cannot be approved.`);
    if (agent.approval === "approved") return agentOf(agent, ctx.now());
    if (agent.approval === "expected")
      throw new AppError(
        "conflict",
        `The agent ${agent.name} has not come yet; there is nothing to approve.`,
      );
    const approved = await setAgent(ctx.db, id, { approval: "approved" });
    record(ctx, {
      action: "agent.approve",
      target_type: "agent",
      target_id: id,
      metadata: { name: agent.name },
    });
    notify(ctx, { topic: "agent", id });
    ctx.afterCommit(() => ctx.bus.publish(subjects.agentNudge(id), {}));
    return agentOf(approved, ctx.now());
  });
}

/** Takes an agent's identity away: certificates, bearers, live sockets. It is refused from then on. */
export async function revokeAgent(ctx: Ctx, id: string, reason: string) {
  return inTransaction(ctx, async (ctx) => {
    const agent = await mustLock(ctx, id);
    if (agent.revoked_at !== null) return agentOf(agent, ctx.now());
    const at = new Date(ctx.now());
    const revoked = await setAgent(ctx.db, id, { revoked_at: at, revoked_reason: reason });
    await revokeCertificates(ctx.db, id, at, reason);
    await revokeBearersOf(ctx.db, id, at);
    record(ctx, {
      action: "agent.revoke",
      target_type: "agent",
      target_id: id,
      reason,
      metadata: { name: agent.name },
    });
    notify(ctx, { topic: "agent", id });
    ctx.afterCommit(() => ctx.bus.publish(subjects.agentRevoked(id), {}));
    return agentOf(revoked, ctx.now());
  });
}

async function mustLock(ctx: Tx, id: string): Promise<AgentRow> {
  const agent = await lockAgent(ctx.db, id);
  if (agent === undefined) throw notFound("agent", id);
  return agent;
}
