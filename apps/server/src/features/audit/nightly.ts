import { Gauge } from "prom-client";
import { inTransaction, newId, type Base, type Ctx } from "../../platform/context.ts";
import { metrics } from "../../platform/metrics.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { record, verifyChain } from "./audit.ts";

const brokenChains = new Gauge({
  name: "flowplane_audit_chains_broken",
  help: "Organizations whose audit chain did not verify at the last nightly check.",
  registers: [metrics],
});

/**
 * Verifies every organization's chain. One that is broken is said in the log, in the metrics, and in the chain itself,
 * as an event of today: what is wrong stays wrong, but nobody can make it look as if nobody had noticed.
 */
export async function verifyAllChains(base: Base): Promise<{ broken: string[] }> {
  const organizations = await base.storage.system.selectFrom("organizations").select("id").execute();
  const broken: string[] = [];
  for (const { id } of organizations) {
    const ctx: Ctx = { ...base, actor: systemActor(id), requestId: newId(), remoteAddress: null };
    const { problem } = await verifyChain(ctx);
    if (problem === null) continue;
    broken.push(id);
    base.log.error(
      { event_type: "audit.broken", tenant_id: id, seq: problem.seq },
      `the audit chain is broken: ${problem.what}`,
    );
    await recordBroken(ctx, problem).catch((error: unknown) => {
      base.log.error(
        { error, event_type: "audit.broken", tenant_id: id },
        "the chain takes no event any more",
      );
    });
  }
  brokenChains.set(broken.length);
  return { broken };
}

async function recordBroken(ctx: Ctx, problem: { seq: number; what: string }): Promise<void> {
  await inTransaction(ctx, async (ctx) =>
    record(ctx, {
      action: "audit.broken",
      target_type: "audit_chain",
      target_id: ctx.actor.organization_id,
      metadata: problem,
    }),
  );
}
