import type { EndpointRequest, Rollout, RolloutCounts, rolloutApi } from "@flowplane/contract";
import { noCounts } from "@flowplane/rollouts";
import { actorRef, inTransaction, newId, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { plural } from "../../platform/words.ts";
import { record } from "../audit/audit.ts";
import { lockLive } from "../configurations/configurations.ts";
import { ACTIVE_PER_ORGANIZATION_MAX } from "./limits.ts";
import { isEverybody, planRollout, problemsOf, rowsOf, type Planned } from "./plan.ts";
import type { Ports } from "./ports.ts";
import { overlapSentence, readShown } from "./read.ts";
import { lockRollouts } from "./overlaps-store.ts";
import { countActiveRollouts, insertRollout } from "./store.ts";

type Wanted = EndpointRequest<(typeof rolloutApi)["rolloutCreate"]>["body"];

/**
 * Makes a rollout; the worker begins it. Its agents are those that match now. Throws `invalid_input` when nobody
 * would be changed, or everybody and that was not confirmed, and `conflict` when another rollout has some of its agents.
 */
export async function createRollout(ctx: Ctx, { delivery }: Ports, wanted: Wanted): Promise<Rollout> {
  return inTransaction(ctx, async (ctx) => {
    const [id, now] = [newId(), new Date(ctx.now())];
    const { organization_id } = ctx.actor;
    await lockRollouts(ctx.db, organization_id);
    if ((await countActiveRollouts(ctx.db)) >= ACTIVE_PER_ORGANIZATION_MAX)
      throw new AppError(
        "conflict",
        `There are ${ACTIVE_PER_ORGANIZATION_MAX} rollouts under way already. End some of them first.`,
      );
    const planned = await planRollout(ctx, delivery, id, wanted);
    await refuse(ctx, planned, wanted);
    // Whoever archives the configuration at this moment is either seen here, or sees this rollout.
    await lockLive(ctx, planned.configuration.id);
    const isQueued = planned.overlaps.length > 0;
    await insertRollout(
      ctx.db,
      {
        id,
        organization_id,
        kind: "configuration",
        configuration_id: planned.configuration.id,
        version: planned.version,
        split: wanted.split === null ? null : JSON.stringify(wanted.split),
        selector: wanted.selector,
        plan: JSON.stringify(wanted.plan),
        message: wanted.message,
        state: isQueued ? "queued" : "running",
        state_since: now,
        reason: null,
        wave: null,
        created_by: JSON.stringify(actorRef(ctx.actor)),
        created_at: now,
        started_at: isQueued ? null : now,
        ended_at: null,
      },
      countWaves(planned).map((counts, index) => ({
        rollout_id: id,
        organization_id,
        index,
        state: "waiting" as const,
        agents: planned.waves[index] ?? 0,
        counts: JSON.stringify(counts),
        started_at: null,
        ended_at: null,
      })),
      rowsOf(planned),
      now,
    );
    record(ctx, {
      action: "rollout.create",
      target_type: "rollout",
      target_id: id,
      reason: wanted.message,
      metadata: {
        configuration: planned.configuration.name,
        configuration_id: planned.configuration.id,
        version: planned.version,
        split: wanted.split,
        selector: wanted.selector,
        agents: planned.agents.length,
        waves: planned.waves,
        queued: isQueued,
      },
    });
    notify(ctx, { topic: "rollout", id });
    return readShown(ctx, id);
  });
}

function countWaves({ agents, waves }: Planned): RolloutCounts[] {
  const counts = waves.map(() => noCounts());
  for (const { wave, skip } of agents) {
    const those = counts[wave];
    if (those !== undefined) those[skip === null ? "waiting" : "skipped"] += 1;
  }
  return counts;
}

async function refuse(ctx: Tx, planned: Planned, wanted: Wanted): Promise<void> {
  const [problem] = problemsOf(planned);
  if (problem !== undefined)
    throw new AppError(
      planned.configuration.archived ? "conflict" : "invalid_input",
      `${problem} ${skippedSentences(planned).join(" ")}`.trimEnd(),
      { fields: [{ pointer: "/selector", message: "nobody would be changed" }] },
    );
  if (isEverybody(planned) && !wanted.confirm_everybody)
    throw new AppError(
      "invalid_input",
      `The selector matches all ${plural(planned.fleet, "agent")} there are. If that is meant, say so with confirm_everybody.`,
      { fields: [{ pointer: "/confirm_everybody", message: "must be true for a rollout to everybody" }] },
    );
  if (wanted.on_overlap === "queue" || planned.overlaps.length === 0) return;
  const sentences = await Promise.all(planned.overlaps.map((overlap) => overlapSentence(ctx, overlap)));
  throw new AppError(
    "conflict",
    `${sentences.join(" ")} Wait for it, end it, or queue this one behind it with on_overlap "queue".`,
  );
}

/** Why agents are left out, each reason once. */
export function skippedSentences(planned: Planned): string[] {
  return groupSkipped(planned).map(({ sentence }) => sentence);
}

export function groupSkipped({ agents }: Planned) {
  const groups = new Map<
    string,
    { reason_code: NonNullable<Planned["agents"][number]["skip"]>["code"]; agents: number; first: string }
  >();
  for (const { skip } of agents) {
    if (skip === null) continue;
    const group = groups.get(skip.code) ?? { reason_code: skip.code, agents: 0, first: skip.sentence };
    group.agents += 1;
    groups.set(skip.code, group);
  }
  return [...groups.values()].map(({ first, ...group }) => ({
    ...group,
    sentence: `${plural(group.agents, "agent")} ${group.agents === 1 ? "is" : "are"} left out: ${first}`,
  }));
}
