import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { retireCredentials, revokeOffered } from "../enrolment/retire.ts";
import { DETAIL_CHARS_MAX } from "./limits.ts";
import { findNewest, lockAgent, setState, type OfferRow } from "./store.ts";

/** The agent has come with its new credential: the offer is applied, and the old credentials end where that was asked for. */
export async function noteCame(ctx: Ctx, offer: OfferRow): Promise<OfferRow> {
  return inTransaction(ctx, async (ctx) => {
    await lockAgent(ctx.db, offer.agent_id);
    const current = await findNewest(ctx.db, offer.agent_id);
    // Another process was quicker, or another offer was made since.
    if (current === undefined || current.bearer_id !== offer.bearer_id || current.state === "applied")
      return current ?? offer;
    const at = new Date(ctx.now());
    await setState(ctx.db, offer.id, { state: "applied", state_at: at });
    const proofs = offer.retire_old
      ? await retireCredentials(ctx, offer.agent_id, { except: offer.bearer_id, madeUntil: offer.created_at })
      : [];
    tell(ctx, "agent.connection_applied", offer, { retired: proofs.length });
    if (proofs.length > 0)
      ctx.afterCommit(() => ctx.bus.publish(subjects.agentRevoked(offer.agent_id), { proofs }));
    return { ...current, state: "applied" as const, state_at: at, sealed: null };
  });
}

/** The agent said what becomes of the settings. One that refused them goes on as before; nobody has the new credential then. */
export async function noteReported(
  ctx: Ctx,
  offerId: string,
  state: "applying" | "failed",
  error: string,
): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await lockAgent(ctx.db, ctx.actor.id);
    const current = await findNewest(ctx.db, ctx.actor.id);
    if (current?.id !== offerId || current.sealed === null) return;
    const detail = state === "failed" ? error.slice(0, DETAIL_CHARS_MAX) : "";
    await setState(ctx.db, offerId, { state, state_at: new Date(ctx.now()), detail });
    if (state === "failed") await revokeOffered(ctx, current.bearer_id);
    tell(ctx, state === "failed" ? "agent.connection_failed" : "agent.connection_applying", current, {
      detail,
    });
  });
}

function tell(ctx: Tx, action: string, offer: OfferRow, metadata: Record<string, unknown>): void {
  record(ctx, {
    action,
    target_type: "agent",
    target_id: offer.agent_id,
    metadata: { offer_id: offer.id, endpoint: offer.endpoint, ...metadata },
  });
  notify(ctx, { topic: "agent", id: offer.agent_id });
}
