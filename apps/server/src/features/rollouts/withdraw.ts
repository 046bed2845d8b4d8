import type { Verdict } from "@flowplane/rollouts";
import type { Tx } from "../../platform/context.ts";
import type { Assignment, Ports } from "./ports.ts";
import { listGivenFrom, setWithdrawn } from "./agents-store.ts";
import type { ShownRolloutRow } from "./store.ts";

/**
 * Agents that went away after they were given the version and before it was sent to them: it is taken back. They do not count as
 * unavailable while they are away, so they must not come back with it beside those that do; they get their turn again.
 */
export async function withdrawFromAway(
  ctx: Tx,
  { delivery }: Ports,
  row: ShownRolloutRow,
  verdicts: readonly Verdict[],
): Promise<void> {
  const away = verdicts.filter(({ from, state }) => from === "offered" && state === "unreachable");
  if (away.length === 0) return;
  const given = await listGivenFrom(
    ctx.db,
    row.id,
    away.map(({ agentId }) => agentId),
  );
  const before: Pick<Assignment, "agent_id" | "target" | "offer_hash">[] = [];
  const groups = Map.groupBy(given, (agent) => `${agent.from_configuration_id}/${agent.from_version}`);
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const target =
      first.from_configuration_id === null || first.from_version === null
        ? null
        : { configuration_id: first.from_configuration_id, version: first.from_version };
    const composed = await delivery.composeFor(
      ctx,
      target,
      group.map(({ agent_id }) => agent_id),
    );
    for (const { agent_id } of group) {
      const one = composed.get(agent_id);
      // One that cannot have what it had before keeps the version: without either it would be nobody's.
      if (one?.ok === true) before.push({ agent_id, target, offer_hash: one.hash });
    }
  }
  await setWithdrawn(ctx.db, row.id, await delivery.withdraw(ctx, row.id, before));
}
