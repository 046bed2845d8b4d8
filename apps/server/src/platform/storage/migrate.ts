import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { installQueue } from "../queue/install.ts";

const MIGRATIONS = join(import.meta.dirname, "migrations");
/** Any number of servers may start at once; one migrates, the others wait for this advisory lock. */
const MIGRATION_LOCK = 0x666c6f77;
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the database to the newest migration, each in a transaction of its own, and returns the names applied.
 * Throws when a migration that ran before has been edited since, or when the database is newer than this program.
 */
export async function migrate(connectionString: string, folder = MIGRATIONS): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({ connectionString, application_name: "flowplane migrate" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query(
      "create table if not exists schema_migrations (number integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())",
    );
    const { rows } = await client.query<{ number: number; name: string; checksum: string }>(
      "select number, name, checksum from schema_migrations order by number",
    );
    checkHistory(rows, migrations);
    const pending = migrations.slice(rows.length);
    for (const migration of pending) await apply(client, migration);
    await installQueue(client);
    return pending.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => FILE_NAME.test(file)).toSorted();
  return Promise.all(
    files.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return {
        number: Number(name.slice(0, 4)),
        name,
        sql,
        checksum: createHash("sha256").update(sql).digest("hex"),
      };
    }),
  );
}

function checkHistory(
  applied: readonly { number: number; name: string; checksum: string }[],
  known: readonly Migration[],
): void {
  for (const [index, row] of applied.entries()) {
    const migration = known[index];
    if (migration === undefined) {
      throw new Error(
        `The database has migration ${row.name}, which this version does not know. Start the newer version, or restore a backup.`,
      );
    }
    if (migration.number !== row.number || migration.checksum !== row.checksum) {
      throw new Error(
        `Migration ${row.name} was changed after it ran here. Restore the file; changes belong in a new migration.`,
      );
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query("begin");
  try {
    await client.query(migration.sql);
    await client.query("insert into schema_migrations (number, name, checksum) values ($1, $2, $3)", [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback");
    throw new Error(`migration ${migration.name}`, { cause });
  }
}
