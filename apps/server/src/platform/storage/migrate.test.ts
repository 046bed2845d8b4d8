import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Storage } from "./database.ts";
import { migrate } from "./migrate.ts";
import { testDatabase } from "./testing.ts";

let template: Storage;
let admin: pg.Client;
/** An empty database for each test. */
let url: string;
let client: pg.Client;
let folder: string;
let count = 0;

beforeAll(async () => {
  template = await testDatabase();
  admin = new pg.Client({ connectionString: template.connectionString });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await template.close();
});
beforeEach(async () => {
  count += 1;
  const name = `migrate_${process.pid}_${count}`;
  await admin.query(`create database ${name}`);
  const address = new URL(template.connectionString);
  address.pathname = name;
  url = address.href;
  client = new pg.Client({ connectionString: url });
  await client.connect();
  folder = await mkdtemp(join(tmpdir(), "flowplane-migrations-"));
});
afterEach(async () => {
  await client.end();
  await admin.query(`drop database ${new URL(url).pathname.slice(1)} with (force)`);
  await rm(folder, { recursive: true });
});

test("every migration runs once, and the next start has nothing to do", async () => {
  const applied = await migrate(url);
  expect(applied[0]).toBe("0001_core.sql");
  expect(applied).toEqual(applied.toSorted());
  expect(await migrate(url)).toEqual([]);
  expect(await recorded()).toEqual(applied);
});

test("servers that start at once leave one migrated database, and none fails", async () => {
  const results = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
  expect(results.filter((applied) => applied.length > 0)).toHaveLength(1);
  expect(await migrate(url)).toEqual([]);
});

test("an edited migration is refused by name", async () => {
  await write({ "0001_first.sql": "create table a ()" });
  await migrate(url, folder);
  await write({ "0001_first.sql": "create table a (x int)" });
  await expect(migrate(url, folder)).rejects.toThrow(
    "Migration 0001_first.sql was changed after it ran here. Restore the file; changes belong in a new migration.",
  );
});

test("a database newer than the program is refused", async () => {
  await write({ "0001_first.sql": "create table a ()", "0002_second.sql": "create table b ()" });
  await migrate(url, folder);
  await rm(join(folder, "0002_second.sql"));
  await expect(migrate(url, folder)).rejects.toThrow(
    "The database has migration 0002_second.sql, which this version does not know",
  );
});

test("a migration that fails leaves nothing of itself; those before it stand, and the next start goes on", async () => {
  await write({
    "0001_first.sql": "create table a ()",
    "0002_second.sql": "create table b (); select 1 / 0",
    "0003_third.sql": "create table c ()",
  });
  const failure: Error = (await migrate(url, folder).catch((error: Error) => error)) as Error;
  expect([failure.message, (failure.cause as Error).message]).toEqual([
    "migration 0002_second.sql",
    "division by zero",
  ]);
  expect([await recorded(), await tables()]).toEqual([["0001_first.sql"], ["a"]]);
  await write({ "0002_second.sql": "create table b ()" });
  expect(await migrate(url, folder)).toEqual(["0002_second.sql", "0003_third.sql"]);
  expect(await tables()).toEqual(["a", "b", "c"]);
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

async function recorded(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("select name from schema_migrations order by number");
  return rows.map((row) => row.name);
}

async function tables(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations' order by 1",
  );
  return rows.map((row) => row.name);
}
