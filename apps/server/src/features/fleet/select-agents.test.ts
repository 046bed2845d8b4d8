import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "kysely";
import { inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { readSelectable, selectAgents } from "./select-agents.ts";
import { parseSelector } from "./selector.ts";

let testing: TestBase;
beforeAll(async () => {
  testing = await testBase();
});
afterAll(() => testing[Symbol.asyncDispose]());

async function select(ctx: Ctx, text: string): Promise<{ total: number; names: string[] }> {
  const selector = parseSelector(text);
  if (!selector.ok) throw new Error(selector.problem);
  return inTransaction(ctx, async (ctx) => {
    const { total, agents } = await selectAgents(ctx.db, selector, { now: ctx.now() });
    return { total, names: agents.map(({ name }) => name).toSorted() };
  });
}

async function addAgents(ctx: Ctx, count: number, more: { approval?: "pending"; prefix?: string } = {}) {
  const { organization_id } = ctx.actor;
  const { system } = testing.base.storage;
  const ids = Array.from({ length: count }, () => newId());
  await sql`insert into agents (id, organization_id, site_id, kind, name, approval, labels, version)
    select id, ${organization_id}, (select id from sites where organization_id = ${organization_id} limit 1), 'collector',
      ${more.prefix ?? "edge"} || '-' || number, ${more.approval ?? "approved"}, jsonb_build_object('env', case when number % 2 = 0 then 'prod' else 'dev' end), '0.149.0'
    from unnest(${ids}::uuid[]) with ordinality as made(id, number)`.execute(system);
  return ids;
}

test("agents are found by what they are, are labelled with and report; nobody else's, and none that is not let in", async () => {
  const { ctx } = await testOrganization(testing.base);
  const { ctx: other } = await testOrganization(testing.base);
  const [first] = await addAgents(ctx, 3);
  await addAgents(ctx, 1, { approval: "pending", prefix: "new" });
  await addAgents(other, 2, { prefix: "theirs" });
  await testing.base.storage.system
    .insertInto("agent_reports")
    .values({
      agent_id: first ?? "",
      organization_id: ctx.actor.organization_id,
      identifying_attributes: JSON.stringify({ "service.name": "otelcol" }),
      non_identifying_attributes: JSON.stringify({ cores: 4 }),
      custom_capabilities: "[]",
    })
    .execute();
  expect(await select(ctx, "true")).toEqual({ total: 3, names: ["edge-1", "edge-2", "edge-3"] });
  expect(await select(ctx, 'labels.env == "prod"')).toEqual({ total: 3, names: ["edge-2"] });
  expect(await select(ctx, 'attributes["service.name"] == "otelcol" && attributes.cores == "4"')).toEqual({
    total: 3,
    names: ["edge-1"],
  });
  expect((await select(ctx, 'state == "offline" && health == "unknown" && !healthy')).names).toHaveLength(3);
});

test("some agents are read as several selectors see them", async () => {
  const { ctx } = await testOrganization(testing.base);
  const [first = "", second = ""] = await addAgents(ctx, 3);
  const agents = await inTransaction(ctx, (ctx) =>
    readSelectable(ctx.db, [first, second, newId()], { now: ctx.now(), fields: new Set(["labels", "site"]) }),
  );
  expect([...agents.keys()].toSorted()).toEqual([first, second].toSorted());
  expect(agents.get(second)?.labels).toEqual(new Map([["env", "prod"]]));
  expect(agents.get(first)?.site).not.toBe("");
});

test("a fleet larger than a page is gone through whole, each agent once", async () => {
  const { ctx } = await testOrganization(testing.base);
  await addAgents(ctx, 25_000);
  const { total, names } = await select(ctx, 'labels.env == "prod" && versionBelow(version, "0.150.0")');
  expect([total, names.length, new Set(names).size]).toEqual([25_000, 12_500, 12_500]);
});

test("of agents that are called the same, an id finds the one that is meant", async () => {
  const { ctx } = await testOrganization(testing.base);
  const [first, second] = await addAgents(ctx, 2);
  await testing.base.storage.system
    .updateTable("agents")
    .set({ name: "twin" })
    .where("id", "in", [first ?? "", second ?? ""])
    .execute();
  const idsOf = (text: string) =>
    inTransaction(ctx, async (ctx) => {
      const selector = parseSelector(text);
      if (!selector.ok) throw new Error(selector.problem);
      return (await selectAgents(ctx.db, selector, { now: ctx.now() })).agents.map(({ id }) => id);
    });
  expect(await idsOf('name == "twin"')).toEqual([first, second]);
  expect(await idsOf(`id == "${second}"`)).toEqual([second]);
  expect(await idsOf(`name == "twin" && !(id in ["${second}", "x"])`)).toEqual([first]);
});
