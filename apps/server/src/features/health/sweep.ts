import { every, type Task } from "@flowplane/runtime";
import { subjects } from "../../platform/bus/bus.ts";
import type { Base } from "../../platform/context.ts";
import { sweepHealth } from "./store.ts";

/** A level is at most this old in lists and counts; one agent's own is worked out when it is read. */
export const SWEEP_INTERVAL_MS = 10_000;
/** Agents whose change is told one by one; when more change at once, dashboards read the fleet again as they do anyhow. */
const TOLD_MAX = 500;

/** Notes how agents' health changes. Two workers that sweep at once write the same. */
export function healthSweep(base: Base): Task {
  return {
    name: "health sweep",
    run: (signal) =>
      every(SWEEP_INTERVAL_MS, signal, async () => {
        try {
          const changed = await sweepHealth(base.storage.system, base.now());
          for (const { id, organization_id } of changed.slice(0, TOLD_MAX))
            base.bus.publish(subjects.changes(organization_id), { topic: "agent", id });
        } catch (error) {
          base.log.warn({ err: error }, "noting agents' health failed; it is tried again");
        }
      }),
  };
}
