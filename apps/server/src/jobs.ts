import { verifyAllChains } from "./features/audit/nightly.ts";
import { cleanIdentity } from "./features/identity/clean.ts";
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
  { name: "audit.verify", cron: "41 2 * * *", run: verifyAllChains },
];

/** Takes up the scheduled work. */
export async function startJobs(base: Base, queue: Queue): Promise<void> {
  for (const { name, cron, run } of SCHEDULED) {
    await queue.work(name, async () => {
      await run(base);
    });
    await queue.schedule(name, cron);
  }
}
