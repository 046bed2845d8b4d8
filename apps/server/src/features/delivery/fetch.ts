import { inTransaction, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { writeAttempts } from "./attempts.ts";
import { composeFor, type Composed } from "./compose.ts";
import { settle } from "./settle.ts";
import { findAssignment, findWanted, type AssignmentRow } from "./store.ts";

export type { AssignmentRow } from "./store.ts";

/** What an agent fetched. `text` has its secrets filled in; null: the agent has it already. */
export interface Fetched {
  readonly assignment: AssignmentRow;
  readonly text: string | null;
}

/**
 * What is assigned to an agent that fetches its configuration by itself, for that agent alone; undefined when nothing is. It
 * counts as offered from then on. As on a socket, an agent that `has` its content is not composed for, and any other is given
 * the newest composition. `held` says why there is none.
 */
export async function fetchAssigned(
  ctx: Ctx,
  agentId: string,
  has: (assignment: AssignmentRow) => boolean,
): Promise<Fetched | { readonly held: string } | undefined> {
  return inTransaction(ctx, async (ctx) => {
    const [row] = await findWanted(ctx.db, [agentId]);
    if (row === undefined) return undefined;
    if (has(row)) {
      if (row.attempt === "waiting") await noteOffered(ctx, agentId, row.offer_hash);
      return { assignment: row, text: null };
    }
    const composed = await composeAssigned(ctx, row);
    if (composed === undefined) return undefined;
    await settle(ctx, [row], new Map([[agentId, composed]]));
    if (!composed.ok) return { held: composed.reason };
    const { hash, rendering } = composed;
    if (row.attempt === "waiting" || hash !== row.offer_hash) await noteOffered(ctx, agentId, hash);
    return { assignment: { ...row, offer_hash: hash }, text: rendering.offer.entries[0]?.body ?? "" };
  });
}

/** What is assigned to an agent, as people see it: references stay. Undefined when nothing is. */
export async function readShown(
  ctx: Ctx,
  agentId: string,
): Promise<{ readonly assignment: AssignmentRow; readonly composed: Composed } | undefined> {
  return inTransaction(ctx, async (ctx) => {
    const assignment = await findAssignment(ctx.db, agentId);
    const composed = assignment === undefined ? undefined : await composeAssigned(ctx, assignment);
    return assignment === undefined || composed === undefined ? undefined : { assignment, composed };
  });
}

/** What an assignment comes to now; undefined when its agent is gone. */
export async function composeAssigned(ctx: Tx, row: AssignmentRow): Promise<Composed | undefined> {
  const target =
    row.configuration_id === null || row.version === null
      ? null
      : { configuration_id: row.configuration_id, version: row.version };
  return (await composeFor(ctx, target, [row.agent_id])).get(row.agent_id);
}

async function noteOffered(ctx: Tx, agentId: string, hash: string): Promise<void> {
  const now = ctx.now();
  const news = { status: "offered", at: now, offeredAt: now, error: "", rolledBackTo: null } as const;
  await writeAttempts(ctx.db, [{ agentId, attempts: new Map([[hash, news]]) }]);
  notify(ctx, { topic: "agent", id: agentId });
}
