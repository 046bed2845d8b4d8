import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "kysely";
import { inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { groupCollectors, readSelectable, selectAgents, selectFirst } from "./select-agents.ts";
import { parseSelector, type SelectableAgent } from "./selector.ts";

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
    readSelectable(ctx.db, [first, second, newId()], { now: ctx.now(), parts: new Set(["labels", "site"]) }),
  );
  expect([...agents.keys()].toSorted()).toEqual([first, second].toSorted());
  expect(agents.get(second)?.labels).toEqual(new Map([["env", "prod"]]));
  expect(agents.get(first)?.site).not.toBe("");
});

test("a fleet larger than a page is gone through whole, each agent once", async () => {
  const { ctx } = await testOrganization(testing.base);
  await addAgents(ctx, 60_000);
  const { total, names } = await select(ctx, 'labels.env == "prod" && versionBelow(version, "0.150.0")');
  expect([total, names.length, new Set(names).size]).toEqual([60_000, 30_000, 30_000]);
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

test("the fleet by its looks and each agent by itself are matched alike, whatever they are and are asked", async () => {
  const { ctx, siteId } = await testOrganization(testing.base);
  const agents = await addDescribed(ctx, siteId, fc.sample(described, { numRuns: 80, seed: 7 }));
  const collectors = agents.filter(({ kind }) => kind === "collector");
  let matched = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(condition, { minLength: 1, maxLength: 4 }), async (texts) => {
      const selectors = texts.map((text) => {
        const selector = parseSelector(text);
        if (!selector.ok) throw new Error(`${text}: ${selector.problem}`);
        return selector;
      });
      const { first, groups } = await inTransaction(ctx, async ({ db }) => ({
        first: await selectFirst(db, selectors, { now: ctx.now() }),
        groups: await groupCollectors(db, selectors, { now: ctx.now(), siteId, examplesMax: agents.length }),
      }));
      const expected = agents.flatMap((agent) => {
        const index = selectors.findIndex((selector) => selector.matches(agent));
        return index < 0 ? [] : [[agent.id, index]];
      });
      matched += expected.length;
      expect(first.total).toBe(agents.length);
      expect(first.agents.map(({ agent, index }) => [agent.id, index])).toEqual(expected);
      const matchingOf = (agent: SelectableAgent) =>
        selectors.flatMap((selector, index) => (selector.matches(agent) ? [index] : []));
      const grouped = groups.flatMap(({ matching, examples }) =>
        examples.map(({ id }) => `${id}: ${matching.join()}`),
      );
      expect(grouped.toSorted()).toEqual(
        collectors.map((agent) => `${agent.id}: ${matchingOf(agent).join()}`).toSorted(),
      );
    }),
    { numRuns: 300 },
  );
  expect(matched).toBeGreaterThan(1_000);
});

/** Keys and values in which anything can go wrong that stands between CEL, SQL and JSON. */
const KEYS = ["env", "zone", "a.b", "it's", 'a"b', "", "ü\u{1f600}", "__proto__", "\ufffd", "0"];
const VALUES = ["prod", "dev", "", "1", "1.0", "null", "true", "it's", "{1,2}", "\ufffd", ' a "b\\', "[]"];
const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom(...VALUES);
const reported = fc.oneof(value, fc.constantFrom(1, 1.5, true, null, { a: [1, "x"] }, []));

type Described = Omit<
  SelectableAgent,
  "id" | "site" | "state" | "health" | "healthy" | "labels" | "attributes"
> & {
  readonly silentSeconds: number;
  readonly wellness: boolean | null;
  readonly labels: readonly (readonly [string, string])[];
  /** Null: it has not reported anything. The first win over the second. */
  readonly reports:
    | readonly [readonly (readonly [string, unknown])[], readonly (readonly [string, unknown])[]]
    | null;
};

const entriesOf = <T>(one: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(key, one), { maxLength: 4, selector: ([name]) => name });
const described: fc.Arbitrary<Described> = fc.record({
  name: fc.constantFrom("edge-1", "edge-2", "Edge", "it's"),
  kind: fc.constantFrom("site", "collector"),
  version: fc.constantFrom("", "0.149.0", "1.0", "latest"),
  os: fc.constantFrom("", "linux"),
  hostname: fc.constantFrom("", "edge.example"),
  silentSeconds: fc.constantFrom(0, 100, 10_000),
  wellness: fc.constantFrom(null, true, false),
  labels: entriesOf(value),
  reports: fc.option(fc.tuple(entriesOf(reported), entriesOf(reported))),
});

const literal = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
/** Also what no agent can have, because PostgreSQL stores neither. */
const askedKey = fc.constantFrom(...[...KEYS, "nul\0", "\ud800", "missing"].map(literal));
const asked = fc.constantFrom(...[...VALUES, "nul\0", "\ud800", '{"a":[1,"x"]}'].map(literal));
const map = fc.constantFrom("labels", "attributes");
const text = fc.oneof(
  fc.constantFrom("id", "name", "site", "version", "os", "hostname", "labels.env", "attributes.zone"),
  fc.tuple(map, askedKey).map(([map, key]) => `${map}[${key}]`),
);
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'name == "edge-1"',
        '"Edge" == name',
        `name in ["edge-2", "it's", "nul\0"]`,
        'name != "Edge"',
        'id in ["no uuid", "00000000-0000-7000-8000-000000000000"]',
        '"edge-1" in [name]',
      ),
    },
    fc.tuple(text, fc.constantFrom("==", "!=", "<", ">="), asked).map((parts) => parts.join(" ")),
    fc.tuple(text, text).map(([one, other]) => `${one} == ${other}`),
    fc
      .tuple(text, fc.array(asked, { maxLength: 3, minLength: 1 }))
      .map(([one, list]) => `${one} in [${list.join()}]`),
    fc
      .tuple(text, fc.constantFrom("startsWith", "endsWith", "contains"), asked)
      .map(([one, call, other]) => `${one}.${call}(${other})`),
    fc.tuple(askedKey, map).map(([key, map]) => `${key} in ${map}`),
    fc.tuple(map, askedKey).map(([map, key]) => `${map}.exists(k, ${map}[k] == ${key} || k == ${key})`),
    fc.tuple(map, fc.integer({ min: 0, max: 5 })).map(([map, size]) => `size(${map}) == ${size}`),
    fc.constantFrom(
      'kind == "site"',
      'state == "stale"',
      'state in ["connected", "offline"]',
      "healthy",
      'health != "unknown"',
      'name.matches("^edge-[0-9]$")',
      'versionAtLeast(version, "0.149")',
      "has(labels.env)",
      "has(attributes.zone)",
      "labels[name] != labels.env",
      'site == "default"',
      "true",
    ),
    fc
      .tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition"))
      .map((parts) => `(${parts.join(" ")})`),
    tie("condition").map((one) => `!(${one})`),
    fc
      .tuple(tie("condition"), tie("condition"), tie("condition"))
      .map(([one, two, three]) => `(${one} ? ${two} : ${three})`),
  ),
}));

/** Stores agents that are as described, and gives them as selectors are to see them, in the order of ids. */
async function addDescribed(
  ctx: Ctx,
  siteId: string,
  sample: readonly Described[],
): Promise<SelectableAgent[]> {
  const { organization_id } = ctx.actor;
  const { system } = testing.base.storage;
  const agents: SelectableAgent[] = [];
  for (const { silentSeconds, wellness, labels, reports, ...fields } of sample) {
    const id = newId();
    await sql`insert into agents (id, organization_id, site_id, kind, name, approval, labels, version, os, hostname, healthy, last_seen_at)
      values (${id}, ${organization_id}, ${siteId}, ${fields.kind}, ${fields.name}, 'approved', ${asJson(labels)},
        ${fields.version || null}, ${fields.os || null}, ${fields.hostname || null}, ${wellness},
        ${new Date(ctx.now() - silentSeconds * 1_000)})`.execute(system);
    const [identifying, others] = reports ?? [[], []];
    if (reports !== null)
      await sql`insert into agent_reports (agent_id, organization_id, identifying_attributes, non_identifying_attributes, custom_capabilities)
        values (${id}, ${organization_id}, ${asJson(identifying)}, ${asJson(others)}, '[]')`.execute(system);
    agents.push({
      ...fields,
      id,
      site: "default",
      state: silentSeconds === 0 ? "connected" : silentSeconds === 100 ? "stale" : "offline",
      health: wellness === null ? "unknown" : wellness ? "good" : "bad",
      healthy: wellness === true,
      labels: new Map(labels),
      attributes: new Map(
        [...others, ...identifying].map(([name, of]) => [
          name,
          typeof of === "string" ? of : JSON.stringify(of),
        ]),
      ),
    });
  }
  return agents;
}

/** `Object.fromEntries` keeps `__proto__` as a key, and so does JSON. */
function asJson(entries: readonly (readonly [string, unknown])[]): string {
  return JSON.stringify(Object.fromEntries(entries));
}
