import { newId, notify, type Tx } from "../../platform/context.ts";
import { nudgeDesired } from "../../platform/bus/bus.ts";
import type { Db } from "../../platform/storage/database.ts";
import {
  findDeliveries,
  forgetUnsent,
  lockUnsent,
  putAssignments,
  retryAssignments,
  type DeliveryRow,
  type NewAssignment,
  type Unsent,
} from "./store.ts";

export { composeFor, type Composed, type Target } from "./compose.ts";

export type Assignment = Omit<NewAssignment, "retry_id">;
export type Delivery = DeliveryRow;

/** Dashboards are told of single agents up to this many; of more they learn from what told them of the rollout. */
const AGENTS_TOLD_MAX = 50;

/**
 * Says what agents are to run from now on; null is nothing of ours. `offer_hash` is what `composeFor` gave. It costs the same few
 * statements for one agent and for thousands; what is assigned already stays as it is. Gateways offer it after the commit.
 */
export async function assign(ctx: Tx, list: readonly Assignment[]): Promise<void> {
  const { organization_id } = ctx.actor;
  const changed = await putAssignments(
    ctx.db,
    organization_id,
    list.map((assignment) => ({ ...assignment, retry_id: newId() })),
    new Date(ctx.now()),
  );
  offerSoon(ctx, changed);
}

/**
 * Takes back what a rollout assigned to agents and no gateway has sent them yet: each is assigned what `list` says it had before, and one
 * that had nothing has no assignment again. Returns the agents it was taken back from; the others were sent it meanwhile.
 */
export async function withdraw(
  ctx: Tx,
  rolloutId: string,
  list: readonly Assignment[],
): Promise<readonly string[]> {
  const unsent = await lockUnsent(
    ctx.db,
    rolloutId,
    list.map(({ agent_id }) => agent_id),
  );
  const before = new Map(list.map((assignment) => [assignment.agent_id, assignment]));
  const isNew = ({ agent_id, had_nothing }: Unsent) =>
    before.get(agent_id)?.configuration_id === null && !had_nothing;
  const ids = unsent.map(({ agent_id }) => agent_id);
  const withNothing = unsent.filter(isNew).map(({ agent_id }) => agent_id);
  await forgetUnsent(ctx.db, ids, withNothing);
  offerSoon(ctx, withNothing);
  await assign(
    ctx,
    unsent.filter((one) => !isNew(one)).flatMap(({ agent_id }) => before.get(agent_id) ?? []),
  );
  return ids;
}

/** Tries the contents of these agents once more, of those that failed. Returns the agents it is tried on. */
export async function retryDelivery(ctx: Tx, agentIds: readonly string[]): Promise<string[]> {
  const changed = await retryAssignments(
    ctx.db,
    agentIds.map((agent_id) => ({ agent_id, retry_id: newId() })),
    new Date(ctx.now()),
  );
  offerSoon(ctx, changed);
  return changed;
}

/** How far what is assigned to agents has come, by agent; agents without an assignment are absent. */
export async function readDeliveries(
  db: Db,
  agentIds: readonly string[],
  now: number = Date.now(),
): Promise<Map<string, Delivery>> {
  const rows = await findDeliveries(db, agentIds, now);
  return new Map(rows.map((row) => [row.agent_id, row]));
}

function offerSoon(ctx: Tx, agentIds: readonly string[]): void {
  if (agentIds.length === 0) return;
  ctx.afterCommit(() => nudgeDesired(ctx.bus, agentIds));
  if (agentIds.length <= AGENTS_TOLD_MAX) for (const id of agentIds) notify(ctx, { topic: "agent", id });
}
