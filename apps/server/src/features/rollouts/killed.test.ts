import { afterEach, beforeEach, expect, test } from "vitest";
import type { KyselyPlugin } from "kysely";
import type { Base } from "../../platform/context.ts";
import { inTransaction } from "../../platform/context.ts";
import { systemContext } from "../runs/system-context.ts";
import { advanceRollout } from "./advance.ts";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";

let world: RolloutWorld;
beforeEach(async () => {
  world = await rolloutWorld();
});
afterEach(() => world.close());

const killed = new Error("killed");

/** A worker whose process ends before its nth statement; `done` says whether it came that far. */
function workerKilledAt(base: Base, statement: number): Base {
  let count = 0;
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      count += 1;
      if (count > statement) throw killed;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { ...base, storage: { ...base.storage, tenant: base.storage.tenant.withPlugin(plugin) } };
}

async function fingerprint(): Promise<string> {
  const tables = [
    "rollouts",
    "rollout_waves",
    "rollout_agents",
    "agent_assignments",
    "configuration_attempts",
  ] as const;
  const rows = [];
  for (const table of tables)
    rows.push(await world.base.storage.system.selectFrom(table).selectAll().execute());
  return JSON.stringify(rows.map((table) => table.map((row) => JSON.stringify(row)).toSorted()));
}

/** One step of a rollout, killed before each of its statements in turn until one attempt gets through; returns how often it was killed. */
async function stepKilledEverywhere(id: string): Promise<number> {
  const organization = world.ctx.actor.organization_id;
  for (let statement = 1; ; statement += 1) {
    const before = await fingerprint();
    try {
      await inTransaction(systemContext(workerKilledAt(world.base, statement), organization), (ctx) =>
        advanceRollout(ctx, world.ports, id, { returned: { since: null }, heardSince: 0 }),
      );
      return statement - 1;
    } catch (error) {
      expect(error).toBe(killed);
      expect(await fingerprint(), `killed before statement ${statement + 1}, something was left`).toBe(
        before,
      );
    }
  }
}

test.each([
  ["good", "completed", 2],
  ["bad", "rolled_back", 1],
] as const)(
  "a %s version comes to the same end when the worker is killed before every statement of every step",
  async (quality, end, version) => {
    const ids = await world.agents(5);
    const configuration = await world.configuration("edge", 2);
    const bring = async (version: number) => {
      const { status, body } = await world.call("POST", "/rollouts", {
        configuration_id: configuration,
        version,
        selector: "true",
        confirm_everybody: true,
        plan: { waves: [{ count: 2 }, { percent: 100 }], soak_seconds: 5 },
      });
      expect([status, body.detail]).toEqual([201, undefined]);
      return body.id as string;
    };
    const state = async (id: string) => (await world.call("GET", `/rollouts/${id}`)).body.state;
    const first = await bring(1);
    await world.run(async () => (await state(first)) === "completed");
    if (quality === "bad")
      for (const id of ids) world.behave(id, (target) => (target?.version === 2 ? { status: "failed" } : {}));
    const second = await bring(2);
    let kills = 0;
    for (let round = 0; round < 30 && (await state(second)) !== end; round += 1) {
      kills += await stepKilledEverywhere(second);
      await world.answer();
      world.pass(10);
    }
    expect(await state(second)).toBe(end);
    expect(kills).toBeGreaterThan(30);
    expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, version])));
    const rows = await world.base.storage.system
      .selectFrom("rollout_agents")
      .select("attempts")
      .where("rollout_id", "=", second)
      .where("attempts", ">", 1)
      .execute();
    expect(rows, "given twice").toEqual([]);
  },
);
