import { every, type Task } from "@flowplane/runtime";
import { inTransaction, type Base } from "../../platform/context.ts";
import { systemContext } from "../runs/system-context.ts";
import { advanceRollout } from "./advance.ts";
import {
  ACTIVE_ROLLOUTS_MAX,
  LOOK_EVERY_MS,
  NEWCOMERS_EVERY_MS,
  RETURNED_EVERY_MS,
  STEPS_PER_LOOK_MAX,
  UNSETTLED_ROLLOUTS_MAX,
} from "./limits.ts";
import { welcomeNewcomers } from "./newcomers.ts";
import type { Ports } from "./ports.ts";
import { settleRollout } from "./settle.ts";
import { listUnsettled } from "./agents-store.ts";
import { listOrganizationsWithCompleted } from "./newcomer-store.ts";
import { listActiveRollouts } from "./store.ts";

/** The worker's task: rollouts go on, wherever they were. */
export function runRollouts(base: Base, ports: Ports): Task {
  let returnedAt = Number.NEGATIVE_INFINITY;
  let newcomersAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const now = base.now();
    const lookForReturned = Math.abs(now - returnedAt) >= RETURNED_EVERY_MS;
    if (lookForReturned) returnedAt = now;
    try {
      await advanceRollouts(base, ports, { lookForReturned });
      if (lookForReturned) await settleRollouts(base, ports);
      if (Math.abs(now - newcomersAt) < NEWCOMERS_EVERY_MS) return;
      newcomersAt = now;
      await convergeNewcomers(base, ports);
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

/** Judges agents of rollouts that have ended. */
export async function settleRollouts(base: Base, ports: Ports): Promise<void> {
  for (const { id, organization_id } of await listUnsettled(base.storage.system, UNSETTLED_ROLLOUTS_MAX)) {
    try {
      await inTransaction(systemContext(base, organization_id), (ctx) => settleRollout(ctx, ports, id));
    } catch (error) {
      base.log.error({ err: error, rollout_id: id }, "settling a rollout failed");
    }
  }
}

/** Gives new agents of all organizations what the newest completed rollout that they match brought. */
export async function convergeNewcomers(base: Base, ports: Ports): Promise<void> {
  for (const organization_id of await listOrganizationsWithCompleted(base.storage.system)) {
    try {
      await inTransaction(systemContext(base, organization_id), (ctx) => welcomeNewcomers(ctx, ports));
    } catch (error) {
      base.log.error({ err: error, organization_id }, "giving new agents what they match failed");
    }
  }
}
