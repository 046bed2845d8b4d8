import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { sweepHealth } from "../health/store.ts";
import { parseAgentQuery } from "./query.ts";
import { facetCounts } from "./store.ts";

const AGENTS = 2_000;

let world: TestBase;
let ctx: Ctx;
beforeAll(async () => {
  world = await testBase();
  const organization = await testOrganization(world.base);
  ctx = organization.ctx;
  await sql`insert into agents (id, organization_id, site_id, kind, name, approval, labels, transport, capabilities, healthy, connected_at, last_seen_at)
    select gen_random_uuid(), ${ctx.actor.organization_id}, ${organization.siteId}, 'collector', 'edge-' || number, 'approved', '{}', 'websocket', 3, true, now(), now()
    from generate_series(1, ${AGENTS}) number`.execute(world.base.storage.system);
  await sweepHealth(world.base.storage.system, Date.now());
  // What is known of agents is known for long; of their health, only since the sweep.
  const owner = new pg.Client({ connectionString: world.base.storage.connectionString });
  await owner.connect();
  await owner.query("analyze agents");
  await owner.end();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a fleet that has just come is counted without comparing every agent with the health of every other", async () => {
  const parsed = parseAgentQuery("");
  if (!parsed.ok) throw new Error(parsed.problem);
  const plan = await inTransaction(ctx, (ctx) =>
    facetCounts(ctx.db, { query: parsed.query }, ctx.now()).explain("json", sql`analyze, timing off`),
  );
  const node = (plan[0] as { "QUERY PLAN": { Plan: PlanNode }[] })["QUERY PLAN"][0]?.Plan;
  expect(node === undefined ? -1 : comparedIn(node)).toBeLessThan(10 * AGENTS);
});

interface PlanNode {
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Join Filter"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows that were looked at and thrown away, which a plan counts per loop. */
function comparedIn(node: PlanNode): number {
  const own = (node["Rows Removed by Join Filter"] ?? 0) + (node["Rows Removed by Filter"] ?? 0);
  return (node.Plans ?? []).reduce(
    (sum, child) => sum + comparedIn(child),
    own * (node["Actual Loops"] ?? 1),
  );
}
