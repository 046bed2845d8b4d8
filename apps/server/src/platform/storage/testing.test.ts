import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Storage } from "./database.ts";
import { testDatabase } from "./testing.ts";

let mine: Storage;
let other: Storage;

beforeAll(async () => {
  [mine, other] = await Promise.all([testDatabase(), testDatabase()]);
});
afterAll(async () => {
  await Promise.all([mine.close(), other.close()]);
});

test("a test database has the schema and the roles of the real one", async () => {
  const { rows } = await sql<{ role: string; tables: number }>`
    select current_user as role, count(*)::int as tables from pg_tables where schemaname = 'public'`.execute(
    mine.tenant,
  );
  expect(rows).toEqual([{ role: "flowplane_app", tables: expect.any(Number) }]);
  expect(rows[0]?.tables).toBeGreaterThan(10);
});

test("what one file writes no other file sees", async () => {
  await mine.system
    .insertInto("organizations")
    .values({ id: "018f0000-0000-7000-8000-000000000001", name: "mine" })
    .execute();
  expect(await other.system.selectFrom("organizations").selectAll().execute()).toEqual([]);
});
