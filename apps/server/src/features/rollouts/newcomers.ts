import { hasCapability } from "@flowplane/opamp";
import { notify, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { selectFirst } from "../fleet/select-agents.ts";
import { parseSelector } from "../fleet/selector.ts";
import { assignAgents, giveToAway } from "./give.ts";
import { BATCH_AGENTS_MAX, COMPLETED_ROLLOUTS_MAX } from "./limits.ts";
import type { Look } from "./looks.ts";
import { variantOf } from "./plan.ts";
import type { Ports } from "./ports.ts";
import { addAgents, filterUnknown, listForNewAgents } from "./newcomer-store.ts";
import { lockRollouts } from "./overlaps-store.ts";
import { listWaves, lockRollout, type ShownRolloutRow } from "./store.ts";
import { Tally } from "./tally.ts";

/** What a look for newcomers came to. */
export interface Welcomed {
  /** The completed rollouts that agents were held against. */
  readonly rollouts: string;
  /** There are newcomers that were not given it yet. */
  readonly areMore: boolean;
}

/**
 * Gives agents that came after a rollout had completed, or were labelled to match it since, its version. The newest
 * completed rollout that an agent matches decides, and nothing is done to one that it or any later rollout knows: what those did
 * with it stands. As many at a time as may be unavailable.
 *
 * It costs the agents that changed since the last look, each held against the rollouts; the whole fleet where other rollouts have completed
 * than those that `known` names.
 */
export async function welcomeNewcomers(
  ctx: Tx,
  ports: Ports,
  { since, known }: Look & { known: string | undefined },
): Promise<Welcomed> {
  await lockRollouts(ctx.db, ctx.actor.organization_id);
  const rollouts = (await listForNewAgents(ctx.db, COMPLETED_ROLLOUTS_MAX)).flatMap((rollout) => {
    const selector = parseSelector(rollout.selector);
    return selector.ok ? [{ rollout, selector }] : [];
  });
  const names = rollouts.map(({ rollout }) => rollout.id).join(" ");
  const { agents } = await selectFirst(
    ctx.db,
    rollouts.map(({ selector }) => selector),
    { now: ctx.now(), changedSince: since === null || names !== known ? undefined : since },
  );
  const deciding = new Map<string, ShownRolloutRow>();
  for (const { agent, index } of agents) {
    const found = rollouts[index]?.rollout;
    if (found !== undefined && hasCapability(BigInt(agent.capabilities), "AcceptsRemoteConfig"))
      deciding.set(agent.id, found);
  }
  const unknown = await filterUnknown(
    ctx.db,
    [...deciding].map(([agent_id, { id }]) => ({ agent_id, rollout_id: id })),
  );
  let areMore = false;
  for (const { rollout } of rollouts) {
    const ids = [...unknown].filter((id) => deciding.get(id) === rollout);
    const those = ids.slice(0, Math.min(rollout.plan.max_unavailable, BATCH_AGENTS_MAX));
    if (those.length > 0) await welcome(ctx, ports, rollout, those);
    areMore ||= those.length < ids.length;
  }
  return { rollouts: names, areMore };
}

async function welcome(
  ctx: Tx,
  ports: Ports,
  rollout: ShownRolloutRow,
  ids: readonly string[],
): Promise<void> {
  const row = await lockRollout(ctx.db, rollout.id);
  const waves = await listWaves(ctx.db, [rollout.id]);
  const last = waves.at(-1);
  // Somebody takes it back at this moment.
  if (row?.state !== "completed" || last === undefined) return;
  const agents = ids.map((agent_id) => ({
    agent_id,
    wave: last.index,
    variant: variantOf(row, row.configuration_id, agent_id),
    attempts: 0,
  }));
  await addAgents(ctx.db, row, last.index, agents, new Date(ctx.now()));
  const tally = new Tally(waves);
  tally.add(last.index, "waiting", agents.length);
  const away = await assignAgents(ctx, ports, row, agents, tally);
  await giveToAway(ctx, ports, row, away, tally);
  await tally.write(ctx.db, row.id);
  record(ctx, {
    action: "rollout.new_agents",
    target_type: "rollout",
    target_id: row.id,
    metadata: { configuration: row.configuration_name, version: row.version, agents: ids.length },
  });
  notify(ctx, { topic: "rollout", id: row.id });
}
