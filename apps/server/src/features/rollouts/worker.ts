import { every, type Task } from "@flowplane/runtime";
import { inTransaction, type Base } from "../../platform/context.ts";
import { systemContext } from "../runs/system-context.ts";
import { advanceRollout } from "./advance.ts";
import {
  ACTIVE_ROLLOUTS_MAX,
  LOOK_EVERY_MS,
  NEWCOMERS,
  RETURNED,
  STEPS_PER_LOOK_MAX,
  UNSETTLED_ROLLOUTS_MAX,
} from "./limits.ts";
import { type Look, Looks } from "./looks.ts";
import { welcomeNewcomers } from "./newcomers.ts";
import type { Ports } from "./ports.ts";
import { settleRollout } from "./settle.ts";
import { listUnsettled } from "./agents-store.ts";
import { listOrganizationsWithCompleted } from "./newcomer-store.ts";
import { listActiveRollouts } from "./store.ts";

/** The worker's task: rollouts go on, wherever they were. */
export function runRollouts(base: Base, ports: Ports): Task {
  const returned = new Looks(RETURNED);
  const newcomers = new Looks(NEWCOMERS);
  const known = new Map<string, string>();
  const look = async () => {
    const now = base.now();
    const due = returned.due(now);
    try {
      await advanceRollouts(base, ports, due ?? null);
      if (due !== undefined) {
        await settleRollouts(base, ports, due);
        returned.done(now, due);
      }
      const newcomersDue = newcomers.due(now);
      if (newcomersDue === undefined) return;
      await convergeNewcomers(base, ports, newcomersDue, known);
      newcomers.done(now, newcomersDue);
    } catch (error) {
      // The database may be away for a while; a later look finds the same rollouts.
      base.log.error({ err: error }, "advancing rollouts failed");
    }
  };
  return { name: "rollouts", run: (signal) => every(LOOK_EVERY_MS, signal, look) };
}

const AMONG_ALL: Look = { since: null };

/**
 * Takes every active rollout of all organizations as far as it goes now; `returned` says where agents that came back are looked for, if
 * at all. Without memory: any number of workers may do it at once, and each rollout is stepped by one of them at a time.
 */
export async function advanceRollouts(
  base: Base,
  ports: Ports,
  returned: Look | null = AMONG_ALL,
): Promise<void> {
  for (const { id, organization_id } of await listActiveRollouts(base.storage.system, ACTIVE_ROLLOUTS_MAX)) {
    try {
      let look = returned;
      const heardSince = (await ports.heardSince?.(base)) ?? 0;
      for (let step = 0; step < STEPS_PER_LOOK_MAX; step += 1) {
        const { isMore, areMoreBack } = await inTransaction(systemContext(base, organization_id), (ctx) =>
          advanceRollout(ctx, ports, id, { returned: look, heardSince }),
        );
        if (!isMore && !areMoreBack) break;
        if (!areMoreBack) look = null;
      }
    } catch (error) {
      // One rollout that cannot be advanced holds up no other.
      base.log.error({ err: error, rollout_id: id }, "advancing a rollout failed");
    }
  }
}

/** Judges agents of rollouts that have ended. */
export async function settleRollouts(base: Base, ports: Ports, returned: Look = AMONG_ALL): Promise<void> {
  const unsettled = await listUnsettled(base.storage.system, returned, UNSETTLED_ROLLOUTS_MAX);
  for (const { id, organization_id } of unsettled) {
    try {
      const heardSince = (await ports.heardSince?.(base)) ?? 0;
      for (let step = 0; step < STEPS_PER_LOOK_MAX; step += 1)
        if (
          !(await inTransaction(systemContext(base, organization_id), (ctx) =>
            settleRollout(ctx, ports, id, { returned, heardSince }),
          ))
        )
          break;
    } catch (error) {
      base.log.error({ err: error, rollout_id: id }, "settling a rollout failed");
    }
  }
}

/**
 * Gives new agents of all organizations what the newest completed rollout that they match brought. `known` keeps, by organization, what
 * its agents have been held against as a whole; those that are not in it are looked at whole.
 */
export async function convergeNewcomers(
  base: Base,
  ports: Ports,
  look: Look = AMONG_ALL,
  known = new Map<string, string>(),
): Promise<void> {
  const organizations = await listOrganizationsWithCompleted(base.storage.system);
  for (const id of known.keys()) if (!organizations.includes(id)) known.delete(id);
  for (const organization_id of organizations) {
    try {
      const { rollouts, areMore } = await inTransaction(systemContext(base, organization_id), (ctx) =>
        welcomeNewcomers(ctx, ports, { ...look, known: known.get(organization_id) }),
      );
      if (areMore) known.delete(organization_id);
      else known.set(organization_id, rollouts);
    } catch (error) {
      known.delete(organization_id);
      base.log.error({ err: error, organization_id }, "giving new agents what they match failed");
    }
  }
}
