import { verifyAllChains } from "./features/audit/nightly.ts";
import { cleanIdentity } from "./features/identity/clean.ts";
import { workOnComparison } from "./features/policies/compare.ts";
import type { EnqueueComparison } from "./features/policies/comparisons.ts";
import { cleanObjects } from "./features/releases/objects.ts";
import { keepRetention } from "./features/runs/retention/nightly.ts";
import { keepTelemetry } from "./features/telemetry/retention.ts";
import type { Base } from "./platform/context.ts";
import { cleanIdempotencyKeys } from "./platform/http/idempotency.ts";
import type { JobName, Queue } from "./platform/queue/queue.ts";

interface Job {
  readonly name: JobName;
  /** In UTC. */
  readonly cron: string;
  readonly run: (base: Base) => Promise<unknown>;
}

/** What happens by the clock, in one process of however many have the role `worker`. */
export const SCHEDULED: readonly Job[] = [
  { name: "idempotency.clean", cron: "7 * * * *", run: cleanIdempotencyKeys },
  { name: "identity.clean", cron: "23 2 * * *", run: cleanIdentity },
  { name: "packages.clean", cron: "53 2 * * *", run: cleanObjects },
  { name: "audit.verify", cron: "41 2 * * *", run: verifyAllChains },
  { name: "retention.keep", cron: "11 1-5 * * *", run: keepRetention },
  { name: "telemetry.keep", cron: "37 * * * *", run: keepTelemetry },
];

interface AskedJob {
  readonly name: JobName;
  readonly run: (base: Base, queue: Queue, data: object) => Promise<void>;
}

/** What happens because somebody asked for it. */
export const ASKED_FOR: readonly AskedJob[] = [
  {
    name: "policy.compare",
    run: (base, queue, data) =>
      workOnComparison(base, String((data as { id?: unknown }).id), enqueueComparison(queue)),
  },
];

export function enqueueComparison(queue: Queue): EnqueueComparison {
  return (ctx, id) => queue.enqueue(ctx, "policy.compare", { id });
}

/** Takes up the work of the queue. */
export async function startJobs(base: Base, queue: Queue): Promise<void> {
  for (const { name, run } of ASKED_FOR) await queue.work(name, (data) => run(base, queue, data));
  for (const { name, cron, run } of SCHEDULED) {
    await queue.work(name, async () => {
      await run(base);
    });
    await queue.schedule(name, cron);
  }
}
