import { newId, type Tx } from "../../platform/context.ts";
import { subjects } from "../../platform/bus/bus.ts";

/** Purpose under which payloads are sealed. */
export const INTENT_SECRET = "intent";

export interface NewIntent {
  readonly agent_id: string;
  readonly type: "run.start" | "run.stop";
  readonly run_id: string | null;
  readonly payload: Record<string, unknown>;
}

/**
 * Asks an agent for something, in the transaction of the change that causes it. The gateway delivers the row
 * until the agent has stored it; the nudge after the commit only makes that soon.
 */
export async function addIntent(ctx: Tx, intent: NewIntent): Promise<string> {
  const id = newId();
  await ctx.db
    .insertInto("intents")
    .values({
      id,
      organization_id: ctx.actor.organization_id,
      agent_id: intent.agent_id,
      type: intent.type,
      run_id: intent.run_id,
      payload_sealed: ctx.secrets.seal(INTENT_SECRET, JSON.stringify(intent.payload)),
      acknowledged_at: null,
    })
    .execute();
  ctx.afterCommit(() => ctx.bus.publish(subjects.agentNudge(intent.agent_id), {}));
  return id;
}
