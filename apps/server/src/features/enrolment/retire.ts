import { sql } from "kysely";
import type { Tx } from "../../platform/context.ts";
import { setAgent } from "../fleet/agents.ts";
import { lockAgent, revokeBearer } from "./store.ts";

/**
 * Ends what an agent proved itself by before it was given a credential of its own: bearers made until then, certificates, and
 * the enrolment token it shows with every connection, which stays good for others. Gives what ended: ids of bearers and tokens, serial numbers.
 */
export async function retireCredentials(
  ctx: Tx,
  agentId: string,
  given: { readonly except: string; readonly madeUntil: Date },
): Promise<string[]> {
  const at = new Date(ctx.now());
  const { rows } = await sql<{ proof: string }>`
    with old_bearers as (
      update bearers set revoked_at = ${at}
      where agent_id = ${agentId} and id <> ${given.except} and revoked_at is null and created_at <= ${given.madeUntil}
      returning id::text as proof
    ), old_certificates as (
      update agent_certificates set revoked_at = ${at}, revoked_reason = 'the agent was given another credential'
      where agent_id = ${agentId} and revoked_at is null and not_after > ${at}
      returning serial as proof
    )
    select proof from old_bearers union all select proof from old_certificates`.execute(ctx.db);
  const proofs = rows.map(({ proof }) => proof);
  const agent = await lockAgent(ctx.db, agentId);
  if (agent === undefined || agent.enrolment_token_id === null || agent.token_retired_at !== null)
    return proofs;
  await setAgent(ctx.db, agentId, { token_retired_at: at });
  return [...proofs, agent.enrolment_token_id];
}

/** Ends a bearer that its agent refused: nobody holds it. */
export function revokeOffered(ctx: Tx, bearerId: string): Promise<void> {
  return revokeBearer(ctx.db, bearerId, new Date(ctx.now()));
}
