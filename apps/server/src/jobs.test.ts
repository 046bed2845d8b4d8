import { afterEach, beforeEach, expect, test } from "vitest";
import { record, listAuditEvents, verifyChain } from "./features/audit/audit.ts";
import { verifyAllChains } from "./features/audit/nightly.ts";
import { cleanIdentity, RETIRED_TOKEN_DAYS } from "./features/identity/clean.ts";
import { ASKED_FOR, SCHEDULED, startJobs } from "./jobs.ts";
import { inTransaction, newId } from "./platform/context.ts";
import { cleanIdempotencyKeys, IDEMPOTENCY_KEY_HOURS } from "./platform/http/idempotency.ts";
import { metrics } from "./platform/metrics.ts";
import { JOBS, openQueue } from "./platform/queue/queue.ts";
import { testBase, testOrganization, type TestBase } from "./testing/base.ts";
import pg from "pg";

const HOUR_MS = 3_600_000;
const T0 = Date.parse("2026-03-01T12:00:00.000Z");

let world: TestBase;
const lines: string[] = [];
beforeEach(async () => {
  lines.length = 0;
  world = await testBase({ now: () => T0, log: { write: (line) => void lines.push(line) } });
});
afterEach(() => world[Symbol.asyncDispose]());

test("every kind of job has somebody who does it, and all can be started", async () => {
  expect([...SCHEDULED, ...ASKED_FOR].map((job) => job.name).toSorted()).toEqual([...JOBS].toSorted());
  const queue = await openQueue(world.base);
  await startJobs(world.base, queue);
  await queue.stop();
});

test("idempotency keys are forgotten after their day, not before", async () => {
  const { actor } = await testOrganization(world.base);
  const key = (name: string, hours: number) => ({
    organization_id: actor.organization_id,
    key: name,
    endpoint: "POST /x",
    request_hash: Buffer.alloc(32),
    response_sealed: Buffer.alloc(1),
    created_at: new Date(T0 - hours * HOUR_MS),
  });
  const db = world.base.storage.system;
  await db
    .insertInto("idempotency_keys")
    .values([key("old", IDEMPOTENCY_KEY_HOURS + 0.1), key("young", IDEMPOTENCY_KEY_HOURS - 0.1)])
    .execute();
  expect(await cleanIdempotencyKeys(world.base)).toBe(1);
  expect(await db.selectFrom("idempotency_keys").select("key").execute()).toEqual([{ key: "young" }]);
});

test("what has ended of sign-ins and tokens is removed, and nothing else", async () => {
  const { actor } = await testOrganization(world.base);
  const db = world.base.storage.system;
  const [past, future] = [new Date(T0 - 1), new Date(T0 + 1)];
  const longAgo = new Date(T0 - (RETIRED_TOKEN_DAYS * 24 + 1) * HOUR_MS);
  await db
    .insertInto("auth_users")
    .values({ id: "u", name: "", email: "u@example.com", image: null, last_signed_in_at: null })
    .execute();
  for (const [id, expires_at] of [
    ["past", past],
    ["future", future],
  ] as const) {
    await db
      .insertInto("auth_sessions")
      .values({ id, user_id: "u", token: id, expires_at, ip_address: null, user_agent: null })
      .execute();
    await db
      .insertInto("auth_verifications")
      .values({ id, identifier: id, value: "{}", expires_at })
      .execute();
  }
  const token = (name: string, values: { expires_at?: Date; revoked_at?: Date }) => ({
    id: newId(),
    organization_id: actor.organization_id,
    name,
    role: "viewer" as const,
    secret_hash: Buffer.alloc(32),
    created_by: "{}",
    expires_at: null,
    last_used_at: null,
    revoked_at: null,
    ...values,
  });
  await db
    .insertInto("api_tokens")
    .values([
      token("good", {}),
      token("just revoked", { revoked_at: past }),
      token("just expired", { expires_at: past }),
      token("long revoked", { revoked_at: longAgo }),
      token("long expired", { expires_at: longAgo }),
    ])
    .execute();
  await cleanIdentity(world.base);
  expect(await db.selectFrom("auth_sessions").select("id").execute()).toEqual([{ id: "future" }]);
  expect(await db.selectFrom("auth_verifications").select("id").execute()).toEqual([{ id: "future" }]);
  const left = await db.selectFrom("api_tokens").select("name").orderBy("name").execute();
  expect(left.map((row) => row.name)).toEqual(["good", "just expired", "just revoked"]);
});

test("a broken chain is noticed at night: in the log, in the metrics and in the chain", async () => {
  const [whole, broken] = [await testOrganization(world.base), await testOrganization(world.base)];
  for (const { ctx } of [whole, broken])
    for (const target_id of ["a", "b"])
      await inTransaction(ctx, async (ctx) => record(ctx, { action: "x", target_type: "thing", target_id }));
  expect(await verifyAllChains(world.base)).toEqual({ broken: [] });
  const intruder = new pg.Client({ connectionString: world.databaseUrl });
  await intruder.connect();
  await intruder.query("update audit_events set action = 'y' where organization_id = $1 and seq = 1", [
    broken.actor.organization_id,
  ]);
  await intruder.end();
  expect(await verifyAllChains(world.base)).toEqual({ broken: [broken.actor.organization_id] });
  expect(
    lines.some(
      (line) => line.includes('"event_type":"audit.broken"') && line.includes("event 1 was changed"),
    ),
  ).toBe(true);
  expect(await metrics.getSingleMetricAsString("flowplane_audit_chains_broken")).toMatch(/chains_broken 1$/m);
  const { items } = await listAuditEvents(broken.ctx, { limit: 1 });
  expect(items[0]).toMatchObject({
    seq: 3,
    action: "audit.broken",
    actor: { type: "system" },
    metadata: { seq: 1, what: "event 1 was changed" },
  });
  expect((await verifyChain(whole.ctx)).intact).toBe(true);
});
