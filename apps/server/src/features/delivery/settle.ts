import { notify, type Tx } from "../../platform/context.ts";
import { noteSecretsUsed } from "../secrets/secrets.ts";
import type { Composed } from "./compose.ts";
import { holdAssignments, moveAssignments, type AssignmentRow } from "./store.ts";

/** Agents held back by one composition of which dashboards are told singly. */
const HELD_TOLD_MAX = 50;

/** Writes down what composing came to: another content, or why there is none. */
export async function settle(
  ctx: Tx,
  rows: readonly AssignmentRow[],
  composed: ReadonlyMap<string, Composed>,
): Promise<void> {
  const now = new Date(ctx.now());
  const moves: { agent_id: string; from: string; to: string }[] = [];
  const holds: { agent_id: string; reason: string | null }[] = [];
  const secrets = new Set<string>();
  for (const row of rows) {
    const one = composed.get(row.agent_id);
    if (one === undefined) continue;
    if (!one.ok) holds.push({ agent_id: row.agent_id, reason: one.reason });
    else {
      for (const name of one.secrets) secrets.add(name);
      if (one.hash !== row.offer_hash)
        moves.push({ agent_id: row.agent_id, from: row.offer_hash, to: one.hash });
      else if (row.held_reason !== null) holds.push({ agent_id: row.agent_id, reason: null });
    }
  }
  await moveAssignments(ctx.db, ctx.actor.organization_id, moves, now);
  const told = await holdAssignments(ctx.db, holds, now);
  for (const id of told.slice(0, HELD_TOLD_MAX)) notify(ctx, { topic: "agent", id });
  await noteSecretsUsed(ctx, [...secrets].toSorted());
}
