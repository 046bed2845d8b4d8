import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AuditEvent } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { exportAuditEvents, listAuditEvents, record, verifyChain } from "./audit.ts";
import { canonicalJson, CHAIN_START, hashOf } from "./chain.ts";

let world: TestBase;
/** The superuser: somebody who broke in, and may do what no role of ours may. */
let intruder: pg.Client;
let ctx: Ctx;

beforeAll(async () => {
  world = await testBase();
  intruder = new pg.Client({ connectionString: world.databaseUrl });
  await intruder.connect();
});
afterAll(async () => {
  await intruder.end();
  await world[Symbol.asyncDispose]();
});
beforeEach(async () => {
  ({ ctx } = await testOrganization(world.base));
});

describe("recording", () => {
  test("an event keeps who, what, why, and where the request came from", async () => {
    await write({ reason: "tidy up", metadata: { b: 1, a: [true, null, "ü"] } });
    const { items } = await listAuditEvents(ctx, { limit: 10 });
    expect(items).toEqual([
      {
        seq: 1,
        at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        actor: { type: "user", id: ctx.actor.id, name: "owner" },
        action: "thing.change",
        target_type: "thing",
        target_id: "t1",
        reason: "tidy up",
        request_id: "req_test",
        remote_address: "127.0.0.1",
        metadata: { b: 1, a: [true, null, "ü"] },
        previous_hash: CHAIN_START.hash,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  test("a change that fails leaves no event", async () => {
    const failing = inTransaction(ctx, async (ctx) => {
      record(ctx, { action: "thing.change", target_type: "thing", target_id: "t1" });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect((await listAuditEvents(ctx, { limit: 10 })).items).toEqual([]);
  });

  test("concurrent changes follow one another without a gap", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => write({ target_id: `t${index}` })));
    expect(await verifyChain(ctx)).toMatchObject({ intact: true, checked: 40, problem: null });
  });

  test("two events of one change are both kept, in order", async () => {
    await inTransaction(ctx, async (ctx) => {
      record(ctx, { action: "first", target_type: "thing", target_id: "t1" });
      record(ctx, { action: "second", target_type: "thing", target_id: "t1" });
    });
    const { items } = await listAuditEvents(ctx, { limit: 10 });
    expect(items.map((event) => event.action)).toEqual(["second", "first"]);
  });

  test("neither of our roles can change or remove an event", async () => {
    await write();
    for (const change of ["update audit_events set action = 'x'", "delete from audit_events"]) {
      for (const pool of [world.base.storage.tenant, world.base.storage.system]) {
        await expect(sql.raw(change).execute(pool)).rejects.toThrow("permission denied");
      }
    }
  });
});

describe("verifying", () => {
  test("what every way of storing gives back hashes the same", async () => {
    const metadata = {
      text: 'a"b\\c\u2028d',
      big: 1e21,
      small: 1e-7,
      zero: -0,
      none: null,
      deep: { z: {}, a: [] },
    };
    await write({ metadata });
    expect(await verifyChain(ctx)).toMatchObject({ intact: true, checked: 1 });
  });

  test("an untouched chain is intact, longer than one batch too", async () => {
    for (let round = 0; round < 3; round += 1) {
      await inTransaction(ctx, async (ctx) => {
        for (let index = 0; index < 400; index += 1)
          record(ctx, { action: "thing.change", target_type: "thing", target_id: `t${index}` });
      });
    }
    const verdict = await verifyChain(ctx);
    expect(verdict).toMatchObject({ intact: true, checked: 1_200, problem: null });
    const exported: AuditEvent[] = [];
    for await (const batch of exportAuditEvents(ctx)) exported.push(...batch);
    expect(exported.map((event) => event.seq)).toEqual(
      Array.from({ length: 1_200 }, (_, index) => index + 1),
    );
    expect(exported.at(-1)?.hash).toBe(verdict.head);
  });

  const tampering: [string, (organization: string) => string, number, RegExp][] = [
    ...[
      "action = 'x'",
      "target_id = 'x'",
      "target_type = 'x'",
      "reason = 'x'",
      "request_id = null",
      "remote_address = 'x'",
    ].map((change): [string, (organization: string) => string, number, RegExp] => [
      `an event with ${change}`,
      (id) => `update audit_events set ${change} where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 was changed/,
    ]),
    [
      "an event with another actor",
      (id) =>
        `update audit_events set actor = actor || '{"name":"somebody else"}' where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 was changed/,
    ],
    [
      "an event with other metadata",
      (id) => `update audit_events set metadata = '{"n":4}' where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 was changed/,
    ],
    [
      "an event a millisecond later",
      (id) => `update audit_events set at = at + interval '1 ms' where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 was changed/,
    ],
    [
      "an event with a fresh hash",
      (id) => `update audit_events set hash = repeat('a', 64) where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 was changed/,
    ],
    [
      "the first event removed",
      (id) => `delete from audit_events where organization_id = '${id}' and seq = 1`,
      1,
      /event 1 is missing/,
    ],
    [
      "a middle event removed",
      (id) => `delete from audit_events where organization_id = '${id}' and seq = 3`,
      3,
      /event 3 is missing/,
    ],
    [
      "a middle event removed and the rest renumbered",
      (id) =>
        `delete from audit_events where organization_id = '${id}' and seq = 3; update audit_events set seq = seq + 100 where organization_id = '${id}' and seq > 3; update audit_events set seq = seq - 101 where organization_id = '${id}' and seq > 100; update audit_heads set seq = 4 where organization_id = '${id}'`,
      3,
      /event 3 does not follow event 2/,
    ],
    [
      "the newest event removed",
      (id) => `delete from audit_events where organization_id = '${id}' and seq = 5`,
      5,
      /event 5 is missing/,
    ],
    [
      "the tail removed and the head's number with it",
      (id) =>
        `delete from audit_events where organization_id = '${id}' and seq > 3; update audit_heads set seq = 3 where organization_id = '${id}'`,
      3,
      /event 3 is not the one the chain's head names/,
    ],
    [
      "two events swapped",
      (id) =>
        `update audit_events set seq = seq + 100 where organization_id = '${id}' and seq in (2, 3); update audit_events set seq = case seq when 102 then 3 else 2 end where organization_id = '${id}' and seq > 100`,
      2,
      /event 2 does not follow event 1/,
    ],
    [
      "an event slipped in behind the head",
      (id) =>
        `insert into audit_events select organization_id, 6, at, actor, action, target_type, target_id, reason, request_id, remote_address, metadata, hash, hash from audit_events where organization_id = '${id}' and seq = 5`,
      6,
      /event 6 was added behind/,
    ],
    [
      "the head removed",
      (id) => `delete from audit_heads where organization_id = '${id}'`,
      1,
      /every event is missing/,
    ],
    [
      "everything removed",
      (id) =>
        `delete from audit_events where organization_id = '${id}'; delete from audit_heads where organization_id = '${id}'`,
      1,
      /every event is missing/,
    ],
  ];
  test.each(tampering)("finds %s", async (_, change, seq, what) => {
    for (let n = 1; n <= 5; n += 1) await write({ metadata: { n }, reason: "because" });
    expect((await verifyChain(ctx)).intact).toBe(true);
    await intruder.query(change(ctx.actor.organization_id));
    const { intact, problem } = await verifyChain(ctx);
    expect({ intact, seq: problem?.seq }).toEqual({ intact: false, seq });
    expect(problem?.what).toMatch(what);
  });

  test("another organization's chain is not touched by it", async () => {
    const other = await testOrganization(world.base);
    await write();
    await inTransaction(other.ctx, async (ctx) =>
      record(ctx, { action: "a", target_type: "thing", target_id: "t" }),
    );
    await intruder.query("update audit_events set action = 'x' where organization_id = $1", [
      other.actor.organization_id,
    ]);
    expect((await verifyChain(ctx)).intact).toBe(true);
    expect((await verifyChain(other.ctx)).intact).toBe(false);
  });
});

describe("listing", () => {
  test("pages go back through everything, newest first, and filters narrow it", async () => {
    for (let n = 1; n <= 7; n += 1) await write({ target_id: n % 2 === 0 ? "even" : "odd" });
    const seqs: number[] = [];
    let cursor: string | null = null;
    do {
      const page = await listAuditEvents(ctx, { limit: 3, cursor: cursor ?? undefined });
      seqs.push(...page.items.map((event) => event.seq));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seqs).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(
      (await listAuditEvents(ctx, { limit: 9, target_id: "even" })).items.map((each) => each.seq),
    ).toEqual([6, 4, 2]);
    expect((await listAuditEvents(ctx, { limit: 9, actor_id: ctx.actor.id })).items).toHaveLength(7);
    expect((await listAuditEvents(ctx, { limit: 9, actor_id: "nobody" })).items).toEqual([]);
    expect((await listAuditEvents(ctx, { limit: 9, action: "thing.make" })).items).toEqual([]);
  });
});

test("canonical JSON has one text for equal values", () => {
  expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: undefined, é: 1, A: 2 })).toBe(
    '{"A":2,"b":[1,{"c":"x","d":null}],"é":1}',
  );
});

test("the hash is fixed: a chain written today must verify for years", () => {
  const event = {
    organization_id: "018f0000-0000-7000-8000-000000000001",
    seq: 1,
    at: "2026-01-02T03:04:05.678Z",
    actor: { type: "user", id: "u1", name: "Ana" },
    action: "run.stop",
    target_type: "run",
    target_id: "r1",
    reason: "too loud",
    request_id: "req_1",
    remote_address: null,
    metadata: { grace_ms: 0 },
  } as const;
  expect(hashOf(CHAIN_START.hash, event)).toMatchInlineSnapshot(
    `"346cea6a62593e055fd0a3dbb81645988f00116316bbd018bd090385295501a0"`,
  );
});

async function write(event: Partial<Parameters<typeof record>[1]> = {}): Promise<void> {
  await inTransaction(ctx, async (ctx) =>
    record(ctx, { action: "thing.change", target_type: "thing", target_id: "t1", ...event }),
  );
}
