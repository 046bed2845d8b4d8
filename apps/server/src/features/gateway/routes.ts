import { api } from "@flowplane/contract";
import { hasCapability, whyNot } from "@flowplane/opamp";
import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { route, type Http } from "../../platform/http/route.ts";
import { record } from "../audit/audit.ts";
import { agentOf } from "../fleet/fleet.ts";
import type { Gateway } from "./gateway.ts";

/** `gateway` is absent in a process without that role: what only the gateway's memory holds cannot be shown there. */
export function gatewayRoutes(http: Http, gateway: Pick<Gateway, "wire"> | undefined): void {
  route(http, api.agentWire, async (ctx, { params }) => {
    await inTransaction(ctx, (ctx) => mustFind(ctx, params.agent_id));
    if (gateway === undefined)
      throw new AppError("unavailable", "The wire recorder is in the gateway's process; ask that one.");
    return { items: gateway.wire(params.agent_id) };
  });
  route(http, api.agentRestart, (ctx, { params, body }) => restartAgent(ctx, params.agent_id, body.reason));
}

/** Has the gateway send the restart command once. It is not kept for an agent that is away: by then nobody may want it. */
export async function restartAgent(ctx: Ctx, id: string, reason: string) {
  return inTransaction(ctx, async (ctx) => {
    const agent = await mustFind(ctx, id);
    const { state } = agentOf(agent, ctx.now());
    if (state !== "connected")
      throw new AppError(
        "conflict",
        `The agent ${agent.name} is ${state}; it can be restarted when it is connected.`,
      );
    if (!hasCapability(BigInt(agent.capabilities), "AcceptsRestartCommand")) {
      const { consequence, remedy } = whyNot("AcceptsRestartCommand");
      throw new AppError("conflict", `${consequence} ${remedy}`);
    }
    record(ctx, {
      action: "agent.restart",
      target_type: "agent",
      target_id: id,
      reason,
      metadata: { name: agent.name },
    });
    ctx.afterCommit(() => ctx.bus.publish(subjects.agentRestart(id), {}));
    return {
      status: "restart_requested" as const,
      agent_id: id,
      requested_at: timestamp(new Date(ctx.now())),
    };
  });
}

async function mustFind(ctx: Tx, id: string) {
  const agent = await ctx.db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
  if (agent === undefined) throw notFound("agent", id);
  return agent;
}
