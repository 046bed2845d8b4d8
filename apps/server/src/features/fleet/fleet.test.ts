import { afterAll, beforeAll, expect, test } from "vitest";
import fc from "fast-check";
import { sql } from "kysely";
import { newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { forgetAgent, listFleet, readAgent, readFacets, renameOrLabel, type ListInput } from "./fleet.ts";
import { agentState, stateSql, type StateColumns } from "./state.ts";

const NOW = Date.parse("2026-01-01T12:00:00.000Z");
let server: TestBase;
let ctx: Ctx;
let siteId: string;
let stranger: Ctx;
beforeAll(async () => {
  server = await testBase({ now: () => NOW });
  ({ ctx, siteId } = await testOrganization(server.base));
  ({ ctx: stranger } = await testOrganization(server.base));
});
afterAll(() => server[Symbol.asyncDispose]());

const list = (input: Partial<ListInput>, as = ctx) =>
  listFleet(as, { sort: "name", order: "asc", limit: 50, ...input });
const names = async (input: Partial<ListInput>) => (await list(input)).items.map(({ name }) => name);

test("pages follow each other without a gap or a repeat, in both orders and by every sort", async () => {
  for (let index = 0; index < 25; index += 1) {
    await insertAgent({
      name: `page-${String(index % 20).padStart(2, "0")}`,
      version: index % 2 === 0 ? `0.${index}.0` : null,
    });
  }
  for (const sort of ["name", "last_seen_at", "created_at", "version", "state"] as const) {
    for (const order of ["asc", "desc"] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ q: "page-", sort, order, limit: 7, cursor });
        seen.push(...page.items.map(({ id }) => id));
        if (cursor === undefined) expect(page.total).toBe(25);
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
      expect(new Set(seen).size, `${sort} ${order}`).toBe(25);
      expect(seen).toHaveLength(25);
    }
  }
});

test("filters by word, label, version and site; odd characters are only characters", async () => {
  await insertAgent({
    name: "berlin-db",
    labels: { env: "prod", note: "50%_off" },
    version: "0.149.0",
    kind: "collector",
  });
  await insertAgent({ name: "paris-db", labels: { env: "test" }, version: "0.158.1" });
  expect(await names({ q: "berlin" })).toEqual(["berlin-db"]);
  expect(await names({ q: "-db label.env=prod" })).toEqual(["berlin-db"]);
  expect(await names({ q: "-db version:<0.150" })).toEqual(["berlin-db"]);
  expect(await names({ q: "-db version:>=0.158" })).toEqual(["paris-db"]);
  expect(await names({ q: "50%_off" })).toEqual(["berlin-db"]);
  expect(await names({ q: "-db kind:collector" })).toEqual(["berlin-db"]);
  expect(await names({ q: "-db site:elsewhere" })).toEqual([]);
  expect(await names({ q: "'; drop table agents; --" })).toEqual([]);
  await expect(names({ q: "colour:red" })).rejects.toThrow(/no filter "colour:"/);
  await expect(names({ cursor: "bm9uc2Vuc2U" })).rejects.toThrow(/cursor/);
  const byName = (await list({ limit: 1 })).next_cursor ?? "";
  await expect(names({ cursor: byName, sort: "created_at" })).rejects.toMatchObject({
    code: "invalid_input",
  });
  const forged = Buffer.from(JSON.stringify(["a", "not an id"])).toString("base64url");
  await expect(names({ cursor: forged })).rejects.toMatchObject({ code: "invalid_input" });
});

test("facets count what the filter matches", async () => {
  const facets = await readFacets(ctx, { q: "-db" });
  expect(facets.kind).toEqual(
    expect.arrayContaining([
      { value: "collector", label: "collector", count: 1 },
      { value: "site", label: "site", count: 1 },
    ]),
  );
  expect(facets.site).toEqual([{ value: "default", label: "default", count: 2 }]);
});

test("the level of health filters as the facet counts", async () => {
  const agentId = await insertAgent({ name: "level-warning" });
  await insertAgent({ name: "level-unknown" });
  await server.base.storage.system
    .insertInto("agent_health")
    .values({
      organization_id: ctx.actor.organization_id,
      agent_id: agentId,
      level: "warning",
      reason: "silent for 2 min",
      since: new Date(NOW),
    })
    .execute();
  expect(await names({ q: "level- health_level:warning" })).toEqual(["level-warning"]);
  expect(await names({ q: "level- health_level:healthy" })).toEqual([]);
  expect((await readFacets(ctx, { q: "level-" })).health_level).toEqual([
    { value: "warning", label: "warning", count: 1 },
  ]);
});

test("another organization's agent is not there", async () => {
  const id = await insertAgent({ name: "private" });
  expect((await list({ q: "private" }, stranger)).items).toEqual([]);
  await expect(readAgent(stranger, id)).rejects.toMatchObject({ code: "not_found" });
  await expect(renameOrLabel(stranger, id, { name: "mine" })).rejects.toMatchObject({ code: "not_found" });
  await expect(forgetAgent(stranger, id)).rejects.toMatchObject({ code: "not_found" });
});

test("rename and labels are audited; a live agent cannot be forgotten, an offline one can", async () => {
  const id = await insertAgent({ name: "old name" });
  expect(await renameOrLabel(ctx, id, { name: "new name", labels: { env: "prod" } })).toMatchObject({
    name: "new name",
    labels: { env: "prod" },
  });
  await expect(forgetAgent(ctx, id)).rejects.toMatchObject({ code: "conflict" });
  await server.base.storage.system
    .updateTable("agents")
    .set({ disconnected_at: new Date(NOW) })
    .where("id", "=", id)
    .execute();
  await forgetAgent(ctx, id);
  await expect(readAgent(ctx, id)).rejects.toMatchObject({ code: "not_found" });
  const audited = await server.base.storage.system
    .selectFrom("audit_events")
    .select("action")
    .where("target_id", "=", id)
    .orderBy("seq")
    .execute();
  expect(audited.map(({ action }) => action)).toEqual(["agent.change", "agent.delete"]);
});

test("an agent is shown as it was at one moment, its row and its report", async () => {
  const id = await insertAgent({ name: "moment 0" });
  const { system } = server.base.storage;
  await system
    .insertInto("agent_reports")
    .values({
      agent_id: id,
      organization_id: ctx.actor.organization_id,
      non_identifying_attributes: "{}",
      custom_capabilities: "[]",
      ...described("moment 0"),
    })
    .execute();
  const changes = (async () => {
    for (let moment = 1; moment <= 300; moment += 1) {
      const name = `moment ${moment}`;
      await system.transaction().execute(async (db) => {
        await db.updateTable("agents").set({ name }).where("id", "=", id).execute();
        await db.updateTable("agent_reports").set(described(name)).where("agent_id", "=", id).execute();
      });
    }
    return "changed";
  })();
  let isChanging = true;
  const end = changes.finally(() => (isChanging = false));
  while (isChanging) {
    const { name, identifying_attributes } = await readAgent(ctx, id);
    expect(identifying_attributes).toEqual({ "service.name": name });
  }
  expect(await end).toBe("changed");
});

function described(name: string) {
  return { identifying_attributes: JSON.stringify({ "service.name": name }) };
}

test("what an agent cannot do comes with the reason", async () => {
  const id = await insertAgent({ name: "why", kind: "collector" });
  const { capabilities } = await readAgent(ctx, id);
  expect(capabilities.find(({ name }) => name === "ReportsStatus")).toEqual({
    name: "ReportsStatus",
    present: true,
    why_not: null,
  });
  expect(capabilities.find(({ name }) => name === "AcceptsRemoteConfig")?.why_not).toMatch(/supervisor/);
});

test("the state in SQL is the state in code", async () => {
  const moment = fc.integer({ min: 0, max: 400_000 }).map((ago) => new Date(NOW - ago));
  const optional = fc.option(moment);
  const columns: fc.Arbitrary<StateColumns> = fc.record({
    approval: fc.constantFrom("expected", "pending", "approved", "approved", "approved"),
    revoked_at: fc.option(moment, { freq: 5 }),
    created_at: moment,
    transport: fc.constantFrom("websocket", "http", null),
    capabilities: fc.constantFrom(0, 1, 0x2001),
    heartbeat_ms: fc.constantFrom(1_000, 30_000, 60_000),
    last_seen_at: optional,
    connected_at: optional,
    disconnected_at: fc.option(moment, { freq: 3 }),
  });
  const samples = fc.sample(columns, 400);
  for (const row of samples) {
    const { rows: judged } = await sql<{ state: string }>`
      select ${stateSql(NOW)} as state from (select
        ${row.approval}::text as approval, ${row.revoked_at}::timestamptz as revoked_at,
        ${row.transport}::text as transport, ${row.capabilities}::bigint as capabilities,
        ${row.heartbeat_ms}::int as heartbeat_ms, ${row.last_seen_at}::timestamptz as last_seen_at,
        ${row.disconnected_at}::timestamptz as disconnected_at) as agents
    `.execute(server.base.storage.system);
    expect(judged[0]?.state, JSON.stringify(row)).toBe(agentState(row, NOW).state);
  }
});

async function insertAgent(agent: {
  name: string;
  labels?: Record<string, string>;
  version?: string | null;
  kind?: "site" | "collector";
}): Promise<string> {
  const id = newId();
  await server.base.storage.system
    .insertInto("agents")
    .values({
      id,
      organization_id: ctx.actor.organization_id,
      site_id: siteId,
      kind: agent.kind ?? "site",
      name: agent.name,
      instance_uid: id,
      approval: "approved",
      labels: JSON.stringify(agent.labels ?? {}),
      version: agent.version ?? null,
      capabilities: 0x2001,
      transport: "websocket",
      connected_at: new Date(NOW - 60_000),
      last_seen_at: new Date(NOW - 1_000),
      created_at: new Date(NOW - 120_000),
    })
    .execute();
  return id;
}
