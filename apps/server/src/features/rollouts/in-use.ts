import type { Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { plural } from "../../platform/words.ts";
import { countUses } from "./overlaps-store.ts";

/** Throws `conflict` while an active rollout brings a configuration to agents, or agents are assigned it. */
export async function refuseInUse(ctx: Tx, configurationId: string, name: string): Promise<void> {
  const { rollouts, agents } = await countUses(ctx.db, configurationId);
  if (rollouts > 0)
    throw new AppError(
      "conflict",
      `${plural(rollouts, "rollout")} of ${name} ${rollouts === 1 ? "is" : "are"} under way. End ${rollouts === 1 ? "it" : "them"} first.`,
    );
  if (agents > 0)
    throw new AppError(
      "conflict",
      `${plural(agents, "agent")} ${agents === 1 ? "runs" : "run"} ${name}. Roll out another configuration to ${agents === 1 ? "it" : "them"} first, or roll its rollout back.`,
    );
}
