import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { inTransaction, type Ctx } from "../context.ts";
import { openQueue, type Queue } from "./queue.ts";

let world: TestBase;
let queue: Queue;
let ctx: Ctx;

beforeEach(async () => {
  world = await testBase();
  ({ ctx } = await testOrganization(world.base));
  queue = await openQueue(world.base);
});
afterEach(async () => {
  await queue.stop();
  await world[Symbol.asyncDispose]();
});

test("a job of a change is done, with its data", async () => {
  const done = Promise.withResolvers<object>();
  await queue.work("audit.verify", async (data) => done.resolve(data));
  await inTransaction(ctx, (ctx) => queue.enqueue(ctx, "audit.verify", { organization: "o1" }));
  expect(await done.promise).toEqual({ organization: "o1" });
});

test("a change that fails leaves no job, and one that succeeds leaves one", async () => {
  const failing = inTransaction(ctx, async (ctx) => {
    await queue.enqueue(ctx, "audit.verify");
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await jobCount()).toBe(0);
  await inTransaction(ctx, (ctx) => queue.enqueue(ctx, "audit.verify"));
  expect(await jobCount()).toBe(1);
});

test("adding a job leaves the transaction as blind to others as it was", async () => {
  const other = await testOrganization(world.base);
  await inTransaction(ctx, async (ctx) => {
    await queue.enqueue(ctx, "audit.verify");
    const { rows } = await sql<{ role: string }>`select current_user as role`.execute(ctx.db);
    expect(rows).toEqual([{ role: "flowplane_app" }]);
    expect(await ctx.db.selectFrom("sites").select("id").where("id", "=", other.siteId).execute()).toEqual(
      [],
    );
  });
});

test("the tenant role sees no job", async () => {
  await expect(sql`select * from queue.job`.execute(world.base.storage.tenant)).rejects.toThrow(
    "permission denied",
  );
});

test("the system role may use the tables and change none of them", async () => {
  for (const change of [
    "drop table queue.job cascade",
    "alter table queue.job add column x text",
    "create table queue.x ()",
  ])
    await expect(sql.raw(change).execute(world.base.storage.system)).rejects.toThrow(
      /must be owner|permission denied/,
    );
});

test("a schedule is kept once, however often it is said", async () => {
  await queue.schedule("audit.verify", "17 3 * * *");
  await queue.schedule("audit.verify", "17 3 * * *");
  const { rows } = await sql<{ name: string; cron: string }>`select name, cron from queue.schedule`.execute(
    world.base.storage.system,
  );
  expect(rows).toEqual([{ name: "audit.verify", cron: "17 3 * * *" }]);
});

test("two processes may open the queue at once", async () => {
  const others = await Promise.all([openQueue(world.base), openQueue(world.base)]);
  await Promise.all(others.map((other) => other.stop()));
});

async function jobCount(): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`select count(*) from queue.job where name = 'audit.verify'`.execute(world.base.storage.system);
  return rows[0]?.count ?? 0;
}
