import { assign, composeFor, readDeliveries, retryDelivery, withdraw } from "../delivery/delivery.ts";
import { readHeardSince } from "../gateway/beats.ts";
import { isUnknownSinceOffer } from "../health/levels.ts";
import { readRates } from "../telemetry/throughput.ts";
import type { Ports } from "./ports.ts";

/** Rollouts over the delivery and the telemetry of this control plane. */
export const connected: Ports = {
  delivery: {
    composeFor: (ctx, target, agentIds) => composeFor(ctx, target, agentIds),
    async assign(ctx, assignments) {
      await assign(
        ctx,
        assignments.map(({ agent_id, target, rollout_id, offer_hash }) => ({
          agent_id,
          configuration_id: target?.configuration_id ?? null,
          version: target?.version ?? null,
          rollout_id,
          offer_hash,
        })),
      );
      // Assigned again what it is assigned, an agent is not sent it again unless that is asked for.
      const again = assignments.filter(({ retry }) => retry).map(({ agent_id }) => agent_id);
      if (again.length > 0) await retryDelivery(ctx, again);
    },
    withdraw: (ctx, rolloutId, agents) =>
      withdraw(
        ctx,
        rolloutId,
        agents.map(({ agent_id, target, offer_hash }) => ({
          agent_id,
          configuration_id: target?.configuration_id ?? null,
          version: target?.version ?? null,
          rollout_id: rolloutId,
          offer_hash,
        })),
      ),
    async readDeliveries(ctx, agentIds) {
      const deliveries = await readDeliveries(ctx.db, agentIds, ctx.now());
      return new Map(
        [...deliveries].map(([agentId, row]) => [
          agentId,
          {
            rolloutId: row.rollout_id,
            offerHash: row.offer_hash,
            status: row.status,
            statusAt: row.status_at.getTime(),
            offeredAt: row.offered_at?.getTime() ?? null,
            // Why it is not sent is the word on one that waits.
            errorMessage: row.error_message === "" ? (row.held_reason ?? "") : row.error_message,
            reachable: row.reachable,
            healthy: row.healthy,
            healthStatus: row.health_status,
            healthAt: row.health_at?.getTime() ?? null,
            isHealthEcho: isUnknownSinceOffer(row, ctx.now()),
          },
        ]),
      );
    },
  },
  heardSince: readHeardSince,
  telemetry: { readRates },
};
