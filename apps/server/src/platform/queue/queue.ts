import { sql } from "kysely";
import { PgBoss } from "pg-boss";
import type { Base, Tx } from "../context.ts";
import { QUEUE_SCHEMA } from "./install.ts";

/** Every kind of job, in one place. */
export const JOBS = [
  "idempotency.clean",
  "identity.clean",
  "packages.clean",
  "audit.verify",
  "policy.compare",
  "retention.keep",
  "telemetry.keep",
] as const;
export type JobName = (typeof JOBS)[number];

const POLL_SECONDS = 5;
const RETRY_LIMIT = 3;
const RETRY_DELAY_SECONDS = 30;
/** A job whose worker died is taken up again after this. */
const EXPIRE_SECONDS = 15 * 60;
const STOP_TIMEOUT_MS = 8_000;

/** Work that may wait: done at least once, by any one process with the role `worker`. Handlers must bear a repetition. */
export interface Queue {
  /** Adds a job in the transaction of the change that needs it: both happen or neither. */
  enqueue(ctx: Tx, name: JobName, data?: object): Promise<void>;
  /** Does the jobs of a name from now on. A handler that throws is called again later, a few times. */
  work(name: JobName, handler: (data: object) => Promise<void>): Promise<void>;
  /** Adds a job at every time a cron expression names (UTC), once however many processes say so. */
  schedule(name: JobName, cron: string): Promise<void>;
  /** Ends after the jobs at work, or when they take too long; those are done again later. */
  stop(): Promise<void>;
}

/** Opens the queue on the same PostgreSQL, as the system role. Its tables are there since the migrations. */
export async function openQueue(base: Base): Promise<Queue> {
  const boss = new PgBoss({
    schema: QUEUE_SCHEMA,
    db: { executeSql: (text, values) => base.storage.systemPool.query(text, values) },
    migrate: false,
    createSchema: false,
    // Rebuilding an index is for its owner, whom no process of ours is after the migrations.
    reindex: false,
  });
  boss.on("error", (error) => base.log.error({ error, event_type: "queue" }, "job queue"));
  await boss.start();
  for (const name of JOBS)
    await boss.createQueue(name, {
      retryLimit: RETRY_LIMIT,
      retryDelay: RETRY_DELAY_SECONDS,
      retryBackoff: true,
      expireInSeconds: EXPIRE_SECONDS,
    });

  return {
    async enqueue(ctx, name, data = {}) {
      // The tenant role may not see the jobs of others, so it may not see jobs. The connection's user is a member of both.
      const role = await currentRole(ctx);
      await sql`set local role flowplane_system`.execute(ctx.db);
      await boss.send(name, data, {
        db: {
          executeSql: async (text, values) => {
            const result = await ctx.db.executeQuery<Record<string, unknown>>({
              sql: text,
              parameters: values ?? [],
              query: { kind: "RawNode", sqlFragments: [], parameters: [] },
              queryId: { queryId: "queue" },
            });
            return { rows: result.rows };
          },
        },
      });
      await sql`set local role ${sql.id(role)}`.execute(ctx.db);
    },
    async work(name, handler) {
      await boss.work<object>(name, { pollingIntervalSeconds: POLL_SECONDS, batchSize: 1 }, async (jobs) => {
        for (const job of jobs) {
          try {
            await handler(job.data ?? {});
          } catch (error) {
            base.log.error({ error, event_type: "job.failed", job: name }, `job ${name} failed`);
            throw error;
          }
        }
      });
    },
    async schedule(name, cron) {
      await boss.schedule(name, cron, {}, { tz: "UTC" });
    },
    async stop() {
      await boss.stop({ graceful: true, timeout: STOP_TIMEOUT_MS, close: false });
    },
  };
}

async function currentRole(ctx: Tx): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user as role`.execute(ctx.db);
  return rows[0]?.role ?? "flowplane_app";
}
