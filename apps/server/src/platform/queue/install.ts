import type pg from "pg";
import { PgBoss } from "pg-boss";

/** The schema of the job queue's tables; pg-boss owns its shape. */
export const QUEUE_SCHEMA = "queue";

/**
 * Brings pg-boss's tables to the version of the library, as the migrating user and under the migrations' lock, and lets the
 * system role use them. The tenant role has no grant there: jobs of all organizations stand in one table.
 */
export async function installQueue(client: pg.Client): Promise<void> {
  const boss = new PgBoss({
    schema: QUEUE_SCHEMA,
    db: { executeSql: (text, values) => client.query(text, values) },
    supervise: false,
    schedule: false,
  });
  const failures: unknown[] = [];
  boss.on("error", (error) => failures.push(error));
  await boss.start();
  await boss.stop({ graceful: false, close: false });
  if (failures.length > 0) throw new AggregateError(failures, "installing the job queue");
  await client.query(`
    grant usage on schema ${QUEUE_SCHEMA} to flowplane_system;
    grant select, insert, update, delete on all tables in schema ${QUEUE_SCHEMA} to flowplane_system;
    grant usage on all sequences in schema ${QUEUE_SCHEMA} to flowplane_system;
  `);
}
