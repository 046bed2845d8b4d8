import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { Gauge } from "prom-client";
import { metrics } from "../metrics.ts";
import type { Database } from "./schema.ts";

export type Db = Kysely<Database>;

/** The two ways into the database; see migrations/0001_core.sql for what each role sees. */
export interface Storage {
  /** One organization at a time, chosen by the transaction (context.ts). */
  readonly tenant: Db;
  /** All organizations: authentication look-ups, the gateway's batched writes, reconcilers. Nothing else. */
  readonly system: Db;
  /** The system role's pool, for libraries that bring their own SQL. */
  readonly systemPool: pg.Pool;
  readonly connectionString: string;
  close(): Promise<void>;
}

export const TENANT_POOL_MAX = 20;
export const SYSTEM_POOL_MAX = 20;
export const STATEMENT_TIMEOUT_MS = 30_000;

const INT8 = 20;

const openPools = new Map<pg.Pool, string>();
// It registers itself.
new Gauge({
  name: "flowplane_database_connections",
  help: "Connections of this process to the database by role, and requests that wait for one.",
  labelNames: ["role", "state"],
  registers: [metrics],
  collect() {
    this.reset();
    for (const [pool, role] of openPools) {
      this.inc({ role, state: "busy" }, pool.totalCount - pool.idleCount);
      this.inc({ role, state: "idle" }, pool.idleCount);
      this.inc({ role, state: "waiting" }, pool.waitingCount);
    }
  },
});

/** Opens both pools. The connecting user must be a member of both roles (the migrations grant that). */
export function openStorage(connectionString: string): Storage {
  const tenantPool = createPool(connectionString, "flowplane_app", TENANT_POOL_MAX);
  const systemPool = createPool(connectionString, "flowplane_system", SYSTEM_POOL_MAX);
  return {
    tenant: createKysely(tenantPool),
    system: createKysely(systemPool),
    systemPool,
    connectionString,
    async close() {
      await Promise.all([endPool(tenantPool), endPool(systemPool)]);
    },
  };
}

function createPool(connectionString: string, role: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: `flowplane ${role}`,
    options: `-c role=${role} -c statement_timeout=${STATEMENT_TIMEOUT_MS} -c idle_in_transaction_session_timeout=${STATEMENT_TIMEOUT_MS}`,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  openPools.set(pool, role);
  // An idle connection that breaks (database restarted) must not end the process; the next query gets a fresh one.
  pool.on("error", () => undefined);
  // So must one that breaks while a transaction holds it between two statements; the next statement fails with the reason.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** The pool says it has ended while its connections still close; whoever stops PostgreSQL next must not be ahead of them. */
async function endPool(pool: pg.Pool): Promise<void> {
  openPools.delete(pool);
  let open = pool.totalCount;
  const closed = Promise.withResolvers<void>();
  pool.on("remove", () => {
    open -= 1;
    if (open === 0) closed.resolve();
  });
  await pool.end();
  if (open > 0) await closed.promise;
}

/** bigint columns are counters and sequence numbers below 2^53, so plain numbers. */
function typeParser(oid: number, format?: "text" | "binary"): unknown {
  if (oid === INT8 && format !== "binary") return Number;
  return pg.types.getTypeParser(oid, format);
}

function createKysely(pool: pg.Pool): Db {
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}
