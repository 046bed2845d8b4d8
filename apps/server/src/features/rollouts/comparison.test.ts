import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ComparedFigureName, RolloutComparison } from "@flowplane/contract";
import { totalIndex, TOTALS_LENGTH, type Measure } from "@flowplane/telemetry";
import { testOrganization } from "../../testing/base.ts";
import { ensureDays } from "../telemetry/days.ts";
import { readComparison } from "./comparison.ts";
import { COMPARED_AGENTS_MAX } from "./limits.ts";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";

let world: RolloutWorld;
beforeAll(async () => {
  world = await rolloutWorld();
});
afterAll(() => world.close());

const system = () => world.base.storage.system;
const isCompleted = (id: string) => async () =>
  (await world.call("GET", `/rollouts/${id}`)).body.state === "completed";

async function start(configurationId: string, selector: string, rest: object): Promise<string> {
  const { status, body } = await world.call("POST", "/rollouts", {
    configuration_id: configurationId,
    selector,
    confirm_everybody: true,
    ...rest,
  });
  expect([status, body.detail]).toEqual([201, undefined]);
  return body.id;
}

async function compare(id: string, query = ""): Promise<RolloutComparison> {
  const { status, body } = await world.call("GET", `/rollouts/${id}/comparison${query}`);
  expect([status, body.detail]).toEqual([200, undefined]);
  return body;
}

function figure(comparison: RolloutComparison, name: ComparedFigureName) {
  const found = comparison.figures.find((each) => each.figure === name);
  if (found === undefined) throw new Error(`no figure ${name}`);
  return found;
}

async function sideOf(id: string): Promise<Map<string, "version" | "baseline">> {
  const { body } = await world.call("GET", `/rollouts/${id}/agents?limit=200`);
  return new Map(
    body.items.map((each: { agent_id: string; variant: "version" | "baseline" }) => [
      each.agent_id,
      each.variant,
    ]),
  );
}

/** What agents moved in each minute from one moment to another, as the roll-up writes it; everything is traces. */
async function minutes(
  ids: readonly string[],
  from: number,
  to: number,
  perSecond: Partial<Record<Measure, number>>,
): Promise<void> {
  await ensureDays(system(), from);
  await ensureDays(system(), to);
  const amounts = Array.from<number | null>({ length: TOTALS_LENGTH }).fill(null);
  for (const [measure, value] of Object.entries(perSecond))
    amounts[totalIndex("traces", measure as Measure)] = measure.startsWith("queue") ? value : value * 60;
  await sql`insert into own_minutes (organization_id, agent_id, at, seconds, amounts)
    select ${world.ctx.actor.organization_id}, id, at, 60, ${amounts}::real[]
    from unnest(${ids}::uuid[]) id, generate_series(date_trunc('minute', ${new Date(from)}::timestamptz), ${new Date(to)}::timestamptz, interval '1 minute') at
    on conflict (agent_id, at) do update set amounts = excluded.amounts`.execute(system());
  await sql`insert into own_rollup (minutes_until) values (${new Date(to)})
    on conflict (one) do update set minutes_until = excluded.minutes_until`.execute(system());
}

/** As the sweep would have written it: healthy since an hour before, but for a time. */
async function health(id: string, now: number, unwell: readonly (readonly [number, number])[] = []) {
  const organization = world.ctx.actor.organization_id;
  let since = now - 3_600_000;
  for (const [from, to] of unwell) {
    await sql`insert into agent_health_changes (agent_id, organization_id, from_at, to_at, level, reason) values
      (${id}, ${organization}, ${new Date(since)}, ${new Date(from)}, 'healthy', ''),
      (${id}, ${organization}, ${new Date(from)}, ${new Date(to)}, 'unhealthy', 'x')`.execute(system());
    since = to;
  }
  await sql`insert into agent_health (agent_id, organization_id, level, reason, since)
    values (${id}, ${organization}, 'healthy', '', ${new Date(since)})`.execute(system());
}

test("a split is told side by side: what differs for certain is said, what does not is not", async () => {
  const configurationId = await world.configuration("split", 2);
  const ids = await world.agents(40, { team: "split" });
  const id = await start(configurationId, 'labels.team == "split"', {
    version: 2,
    split: { baseline_version: 1, percent: 50 },
    plan: { waves: [{ percent: 100 }], soak_seconds: 10 },
  });
  await world.run(isCompleted(id));
  const given = world.now();
  world.pass(1_800);
  const sides = await sideOf(id);
  const [version, baseline] = (["version", "baseline"] as const).map((side) =>
    ids.filter((each) => sides.get(each) === side),
  ) as [string[], string[]];
  expect(Math.min(version.length, baseline.length)).toBeGreaterThanOrEqual(10);
  const queue = { queue_size: 50, queue_capacity: 1_000 };
  await minutes(version, given, world.now(), { accepted: 10, refused: 0, sent: 9, failed: 1, ...queue });
  // A Collector that never failed has no counter of it.
  await minutes(baseline, given, world.now(), { accepted: 10, sent: 10, ...queue });
  for (const [index, each] of ids.entries())
    await health(
      each,
      world.now(),
      sides.get(each) === "version" && index % 2 === 0
        ? [[world.now() - 1_200_000, world.now() - 600_000]]
        : [],
    );

  const comparison = await compare(id);
  expect(comparison.other_side).toBe("split");
  expect(comparison.sides.version).toMatchObject({
    name: "v2",
    version: 2,
    agents: version.length,
    looked_at: version.length,
    given: version.length,
    failed: 0,
    levels: { healthy: version.length, unhealthy: 0, offline: 0, unknown: 0, warning: 0 },
  });
  expect(comparison.sides.baseline).toMatchObject({ name: "v1", version: 1, agents: baseline.length });
  const errors = figure(comparison, "error_percent");
  expect(errors).toMatchObject({
    version: { value: expect.closeTo(10), agents: version.length },
    baseline: { value: 0, agents: baseline.length },
    difference: { value: expect.closeTo(10), low: expect.closeTo(10), high: expect.closeTo(10) },
    verdict: "worse",
    sentence: "Worse: 10 % with v2, 0 % with v1.",
  });
  expect(errors.version.minutes).toBeGreaterThanOrEqual(25 * version.length);
  expect(figure(comparison, "accepted_per_second")).toMatchObject({
    version: { value: 10 },
    baseline: { value: 10 },
    verdict: "no_difference_seen",
    sentence: "No difference: 10/s with v2, 10/s with v1.",
  });
  expect(figure(comparison, "sent_per_second").verdict).toBe("lower");
  expect(figure(comparison, "failed_per_second")).toMatchObject({
    version: { value: expect.closeTo(1), agents: version.length },
    baseline: { value: 0, agents: baseline.length },
    verdict: "worse",
  });
  expect(figure(comparison, "queue_percent").version.value).toBe(5);
  const flaps = figure(comparison, "flaps_per_day");
  expect(flaps.baseline.value).toBe(0);
  expect(flaps.version.value).toBeGreaterThan(20);
  expect(figure(comparison, "unhealthy_time_percent").version.value).toBeGreaterThan(5);
  expect(figure(comparison, "unhealthy_percent").verdict).toBe("no_difference_seen");
  // Nothing was measured of anybody before it was given its version.
  expect(figure(comparison, "drop_percent")).toMatchObject({
    verdict: "not_enough_data",
    sentence:
      "Not enough data: 0 agents (v2) and 0 agents (v1); 5 a side are needed, each with 5 minutes of it.",
  });
  expect(comparison.sentence).toContain("v2 compared with v1: worse in");
  expect(comparison.sentence).toContain("items refused or failed (10 % against 0 %)");
  const { series } = comparison.sides.version;
  const known = series.accepted.filter((value) => value !== null);
  expect(known.length).toBeGreaterThanOrEqual(25);
  expect(new Set(known)).toEqual(new Set([10]));
  expect(Math.max(...series.agents)).toBe(version.length);
  expect(series.error_percent.filter((value) => value !== null).length).toBe(known.length);

  const logs = await compare(id, "?signal=logs");
  expect(logs.signal).toBe("logs");
  expect(figure(logs, "accepted_per_second").version).toEqual({ value: null, agents: 0, minutes: 0 });
});

test("without a split, agents count to the other side until they are given the version", async () => {
  const configurationId = await world.configuration("waves", 2);
  const ids = await world.agents(30, { team: "waves" });
  const id = await start(configurationId, 'labels.team == "waves"', {
    plan: { waves: [{ count: 2 }, { percent: 100 }], soak_seconds: 10, approval: true },
  });
  await world.run(async () => (await world.call("GET", `/rollouts/${id}`)).body.waves[0].state === "passed");
  const first = await compare(id);
  expect(first.other_side).toBe("not_yet");
  expect([first.sides.version.agents, first.sides.baseline.agents]).toEqual([2, 28]);
  expect(first.sides.baseline).toMatchObject({ name: "not v2 yet", version: null, given: 0 });
  expect(first.figures.every(({ verdict }) => verdict === "not_enough_data")).toBe(true);
  expect(first.sentence).toBe(
    "v2 compared with agents that do not have it yet: not enough data for a verdict yet.",
  );

  // Half an hour with two against the others, then all of them have it.
  const before = world.now();
  world.pass(1_800);
  await minutes(ids, before, world.now(), { accepted: 20, sent: 20 });
  await world.call("POST", `/rollouts/${id}/approve`);
  await world.run(isCompleted(id));
  world.pass(1_800);
  await minutes(ids, world.now() - 1_790_000, world.now(), { accepted: 40, sent: 40 });
  const then = await compare(id);
  expect([then.sides.version.agents, then.sides.baseline.agents]).toEqual([30, 0]);
  const accepted = figure(then, "accepted_per_second");
  expect(accepted.version.agents).toBe(30);
  expect(accepted.baseline).toMatchObject({ value: 20, agents: 28 });
  expect(accepted.version.value).toBeGreaterThan(36);
  expect(accepted.verdict).toBe("higher");
});

test("an agent that refused the version is one that failed, and none that has it; nobody is counted after it was taken back", async () => {
  const configurationId = await world.configuration("refused", 2);
  const ids = await world.agents(12, { team: "refused" });
  for (const each of ids.slice(0, 4))
    world.behave(each, () => ({ status: "failed", errorMessage: "unknown type: kafka" }));
  const id = await start(configurationId, 'labels.team == "refused"', {
    plan: {
      waves: [{ percent: 100 }],
      soak_seconds: 10,
      gate: { on_failure: "roll_back", min_pass_percent: 100, max_failures: 0 },
    },
  });
  await world.run(async () => (await world.call("GET", `/rollouts/${id}`)).body.state === "rolled_back");
  const { sides, figures, to } = await compare(id);
  expect(sides.version).toMatchObject({ agents: 0, given: 12, failed: 4, rolled_itself_back: 0 });
  expect(sides.version.looked_at).toBeLessThanOrEqual(8);
  const failed = figures.find((each) => each.figure === "failed_percent");
  expect(failed?.version.value).toBeCloseTo(33.3, 1);
  expect(failed?.baseline).toEqual({ value: null, agents: 0, minutes: null });
  world.pass(86_400 * 30);
  expect((await compare(id)).to).toBe(to);
});

test("agents that run a side's version already belong to it from the beginning", async () => {
  const configurationId = await world.configuration("there", 2);
  await world.agents(20, { team: "there" });
  const all = { waves: [{ percent: 100 }], soak_seconds: 1 };
  const first = await start(configurationId, 'labels.team == "there"', { version: 1, plan: all });
  await world.run(isCompleted(first));
  const id = await start(configurationId, 'labels.team == "there"', {
    version: 2,
    split: { baseline_version: 1, percent: 40 },
    plan: all,
  });
  await world.run(isCompleted(id));
  const { sides } = await compare(id);
  expect(sides.baseline.agents + sides.version.agents).toBe(20);
  expect(sides.baseline).toMatchObject({ given: 0, looked_at: sides.baseline.agents });
  expect(sides.baseline.agents).toBeGreaterThan(5);
  // The first one's agents are with the second now.
  const before = await compare(first);
  expect(before.sides.version.agents).toBe(sides.baseline.agents);
});

test("of a large side a fixed sample is looked at, and the counts stay whole", async () => {
  const configurationId = await world.configuration("large", 2);
  const count = COMPARED_AGENTS_MAX + 50;
  const ids = await world.agents(count, { team: "large" });
  const id = await start(configurationId, 'labels.team == "large"', {
    plan: { waves: [{ percent: 100 }], soak_seconds: 1, max_unavailable: 10_000 },
  });
  const now = new Date(world.now());
  await sql`update rollout_agents set state = 'passed', assigned_at = ${now}, attempts = 1 where rollout_id = ${id}`.execute(
    system(),
  );
  await sql`insert into agent_assignments (agent_id, organization_id, configuration_id, version, rollout_id, offer_hash, assigned_at, changed_at)
    select id, ${world.ctx.actor.organization_id}, ${configurationId}, 2, ${id}, 'x', ${now}, ${now} from unnest(${ids}::uuid[]) id`.execute(
    system(),
  );
  world.pass(60);
  const { sides } = await compare(id);
  expect([sides.version.agents, sides.version.looked_at]).toEqual([count, COMPARED_AGENTS_MAX]);
});

test("another organization's rollout is not there", async () => {
  const configurationId = await world.configuration("mine", 2);
  await world.agents(1, { team: "mine" });
  const id = await start(configurationId, 'labels.team == "mine"', {});
  const other = await testOrganization(world.base);
  await expect(readComparison(other.ctx, id, {})).rejects.toMatchObject({ code: "not_found" });
});
