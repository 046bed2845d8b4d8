import { every, type Task } from "@flowplane/runtime";
import { inTransaction, type Base } from "../../platform/context.ts";
import { systemContext } from "../runs/system-context.ts";
import { advanceRollout } from "./advance.ts";
import { ACTIVE_ROLLOUTS_MAX, LOOK_EVERY_MS, RETURNED_EVERY_MS, STEPS_PER_LOOK_MAX } from "./limits.ts";
import type { Ports } from "./ports.ts";
import { listActiveRollouts } from "./store.ts";

/** The worker's task: rollouts go on, wherever they were. */
export function runRollouts(base: Base, ports: Ports): Task {
  let lookedForReturned = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const now = base.now();
    const lookForReturned = Math.abs(now - lookedForReturned) >= RETURNED_EVERY_MS;
    if (lookForReturned) lookedForReturned = now;
    try {
      await advanceRollouts(base, ports, { lookForReturned });
    } catch (error) {
      // The database may be away for a while; a later look finds the same rollouts.
      base.log.error({ err: error }, "advancing rollouts failed");
    }
  };
  return { name: "rollouts", run: (signal) => every(LOOK_EVERY_MS, signal, look) };
}

/**
 * Takes every active rollout of all organizations as far as it goes now. Without input and without memory: any number of
 * workers may do it at once, and each rollout is stepped by one of them at a time.
 */
export async function advanceRollouts(
  base: Base,
  ports: Ports,
  { lookForReturned }: { lookForReturned: boolean } = { lookForReturned: true },
): Promise<void> {
  for (const { id, organization_id } of await listActiveRollouts(base.storage.system, ACTIVE_ROLLOUTS_MAX)) {
    try {
      for (let step = 0; step < STEPS_PER_LOOK_MAX; step += 1) {
        const isMore = await inTransaction(systemContext(base, organization_id), (ctx) =>
          advanceRollout(ctx, ports, id, { lookForReturned: lookForReturned && step === 0 }),
        );
        if (!isMore) break;
      }
    } catch (error) {
      // One rollout that cannot be advanced holds up no other.
      base.log.error({ err: error, rollout_id: id }, "advancing a rollout failed");
    }
  }
}
