import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endpoint, type Problem } from "@flowplane/contract";
import { record } from "../../features/audit/audit.ts";
import { testActor, testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { inTransaction, newId, type Actor } from "../context.ts";
import { AppError } from "../errors.ts";
import { route } from "./route.ts";
import { createHttp, type HttpServer } from "./server.ts";

const siteMake = endpoint({
  method: "POST",
  path: "/made-sites",
  tag: "Test",
  summary: "Make a site",
  access: "site:write",
  body: z.object({ name: z.string(), note: z.string().default("") }),
  response: z.object({ id: z.string(), secret: z.string() }),
  status: 201,
  idempotent: true,
});

let world: TestBase;
let http: HttpServer;
let actors: Map<string, Actor>;
let actor: Actor;
/** What the handler waits for after its change, before it answers; and whether it then fails. */
let pause: Promise<void> | undefined;
let failure: Error | undefined;
let reached: () => void = () => undefined;
let calls = 0;

beforeAll(async () => {
  world = await testBase();
  actors = new Map();
  http = await createHttp(world.base, async (request) => actors.get(String(request.headers["x-actor"])));
  route(http, siteMake, async (ctx, { body }) => {
    calls += 1;
    const id = await inTransaction(ctx, async (ctx) => {
      const id = newId();
      await ctx.db
        .insertInto("sites")
        .values({ id, organization_id: ctx.actor.organization_id, name: body.name, environment: "test" })
        .execute();
      record(ctx, { action: "site.create", target_type: "site", target_id: id });
      return id;
    });
    reached();
    await pause;
    if (failure !== undefined) throw failure;
    return { id, secret: `secret of ${id}` };
  });
  await http.fastify.ready();
});
afterAll(async () => {
  await http.fastify.close();
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  ({ actor } = await testOrganization(world.base));
  actors.set(actor.id, actor);
  [pause, failure, calls] = [undefined, undefined, 0];
  reached = () => undefined;
});

test("a repetition answers the first answer again and changes nothing", async () => {
  const first = await make("k1", { name: "a" });
  expect([first.statusCode, first.headers["idempotency-replayed"]]).toEqual([201, undefined]);
  // Another order of names, and a default spelled out, are the same request.
  const again = await make("k1", { note: "", name: "a" });
  expect([again.statusCode, again.headers["idempotency-replayed"]]).toEqual([201, "true"]);
  expect(again.json()).toEqual(first.json());
  expect([calls, await siteNames(), await auditCount()]).toEqual([1, ["a"], 1]);
});

test("another key, and no key, do it again", async () => {
  await make("k1", { name: "a" });
  await make("k2", { name: "b" });
  await make(undefined, { name: "c" });
  expect(await siteNames()).toEqual(["a", "b", "c"]);
});

describe("the same key for something else is refused", () => {
  test("another body", async () => {
    await make("k1", { name: "a" });
    expectProblem(await make("k1", { name: "b" }), 422, "idempotency_mismatch");
    expect(await siteNames()).toEqual(["a"]);
  });

  test("another actor, who must not see the first one's secret", async () => {
    await make("k1", { name: "a" });
    const colleague = testActor(actor.organization_id);
    actors.set(colleague.id, colleague);
    expectProblem(await make("k1", { name: "a" }, colleague), 422, "idempotency_mismatch");
  });

  test("but each organization has keys of its own", async () => {
    await make("k1", { name: "a" });
    const other = await testOrganization(world.base);
    actors.set(other.actor.id, other.actor);
    expect((await make("k1", { name: "b" }, other.actor)).statusCode).toBe(201);
  });
});

test.each(["", " ", "with space", "x".repeat(256), "ümlaut"])("the key %j is refused", async (key) => {
  expectProblem(await make(key, { name: "a" }), 400, "invalid_input");
  expect(await siteNames()).toEqual([]);
});

test("while the first is at work a repetition is told to wait, and then gets its answer", async () => {
  const [working, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  reached = working.resolve;
  pause = release.promise;
  const first = make("k1", { name: "a" });
  await working.promise;
  const early = await make("k1", { name: "a" });
  expectProblem(early, 409, "conflict");
  expect(early.headers["retry-after"]).toBe("1");
  release.resolve();
  const answer = await first;
  const late = await make("k1", { name: "a" });
  expect(late.json()).toEqual(answer.json());
  expect([calls, await siteNames()]).toEqual([1, ["a"]]);
});

test("of many at once one does it and the others get its answer or are told to wait", async () => {
  const answers = await Promise.all(Array.from({ length: 25 }, () => make("k1", { name: "a" })));
  const done = answers.filter((answer) => answer.statusCode === 201);
  expect(new Set(done.map((answer) => answer.body)).size).toBe(1);
  expect(answers.every((answer) => answer.statusCode === 201 || answer.statusCode === 409)).toBe(true);
  expect([calls, await siteNames(), await auditCount()]).toEqual([1, ["a"], 1]);
});

test("what failed has changed nothing and may be tried again under the same key", async () => {
  failure = new AppError("unavailable", "not now");
  expectProblem(await make("k1", { name: "a" }), 503, "unavailable");
  expect([await siteNames(), await auditCount()]).toEqual([[], 0]);
  failure = undefined;
  expect((await make("k1", { name: "a" })).statusCode).toBe(201);
  expect(await siteNames()).toEqual(["a"]);
});

test("a process that dies after the change and before the answer has changed nothing", async () => {
  const working = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  reached = working.resolve;
  pause = release.promise;
  const doomed = make("k1", { name: "a" });
  await working.promise;
  // To the database, a process that dies is a connection that breaks.
  await breakOpenTransactions();
  release.resolve();
  expectProblem(await doomed, 503, "unavailable");
  expect(await siteNames()).toEqual([]);
  expect((await make("k1", { name: "a" })).statusCode).toBe(201);
  expect([await siteNames(), await auditCount()]).toEqual([["a"], 1]);
});

test("the kept answer is not readable in the database", async () => {
  const secret = (await make("k1", { name: "a" })).json<{ secret: string }>().secret;
  const row = await world.base.storage.system
    .selectFrom("idempotency_keys")
    .selectAll()
    .where("organization_id", "=", actor.organization_id)
    .executeTakeFirstOrThrow();
  expect(row.response_sealed.toString("latin1")).not.toContain(secret);
});

function make(key: string | undefined, body: object, as = actor) {
  return http.fastify.inject({
    method: "POST",
    url: "/api/v1/made-sites",
    headers: { "x-actor": as.id, ...(key === undefined ? {} : { "idempotency-key": key }) },
    payload: body,
  });
}

async function siteNames(): Promise<string[]> {
  const rows = await world.base.storage.system
    .selectFrom("sites")
    .select("name")
    .where("organization_id", "=", actor.organization_id)
    .where("environment", "=", "test")
    .orderBy("name")
    .execute();
  return rows.map((row) => row.name);
}

async function auditCount(): Promise<number> {
  const rows = await world.base.storage.system
    .selectFrom("audit_events")
    .select("seq")
    .where("organization_id", "=", actor.organization_id)
    .execute();
  return rows.length;
}

async function breakOpenTransactions(): Promise<void> {
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'",
  );
  await client.end();
}

function expectProblem(
  response: { statusCode: number; json: () => unknown },
  status: number,
  code: string,
): void {
  expect([response.statusCode, (response.json() as Problem).code]).toEqual([status, code]);
}
