import { ONLY_SOURCE } from "../gateway/spools.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LinkEvent } from "@flowplane/link";
import "../../server.ts";
import { metrics } from "../../platform/metrics.ts";
import { runWorld, T0, type RunWorld } from "../runs/fixtures.ts";
import { runsActive, SITES_MAX } from "./gauges.ts";
import { lookAtFigures } from "./look.ts";
import { describeMetrics, LABELS, metricsReference } from "./reference.ts";
import { countReport, counting } from "./reports.ts";

let world: RunWorld;
beforeAll(async () => {
  world = await runWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const text = (name: string) => metrics.getSingleMetricAsString(name);

function report(type: string, payload: Record<string, unknown>): LinkEvent {
  return { seq: 1, type, run_id: "run-1", at: new Date(T0).toISOString(), payload };
}

test("what stands in the database: runs by site and state, agents, orders, schedules", async () => {
  const agent = await world.addAgent({ name: "counted" });
  await world.launch({ agent_id: agent.agent_id });
  await world.base.storage.system
    .updateTable("agents")
    .set({ last_seen_at: new Date(T0 - 7_000) })
    .where("id", "=", agent.agent_id)
    .execute();
  await lookAtFigures(world.base);
  expect(await text("flowplane_runs_active")).toMatch(
    /flowplane_runs_active\{organization="Organization [^"]+",site="default",state="QUEUED"\} 1$/m,
  );
  expect(await text("flowplane_agent_heartbeat_age_seconds")).toMatch(/site="default"\} 7$/m);
  expect(await text("flowplane_intents_outstanding")).toMatch(/outstanding 1$/m);
  expect(await text("flowplane_schedule_lag_seconds")).toMatch(/seconds 0$/m);
  expect(await text("flowplane_agents")).toMatch(/state="connected"\} 1$/m);
  expect(await text("flowplane_database_connections")).toMatch(
    /role="flowplane_system",state="waiting"\} 0$/m,
  );
});

test("the number of series does not grow with the number of sites", async () => {
  const { base } = world;
  const { ctx } = world;
  const agent = await world.addAgent({ name: "many sites" });
  const run = await world.launch({ agent_id: agent.agent_id });
  const sites = Array.from({ length: SITES_MAX + 50 }, (_, index) => ({
    id: crypto.randomUUID(),
    organization_id: ctx.actor.organization_id,
    name: `site ${index}`,
    environment: "production" as const,
  }));
  await base.storage.system.insertInto("sites").values(sites).execute();
  const row = await base.storage.system
    .selectFrom("runs")
    .selectAll()
    .where("id", "=", run.id)
    .executeTakeFirstOrThrow();
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await base.storage.system
    .insertInto("runs")
    .values(
      sites.map(({ id }) => ({
        ...row,
        id: crypto.randomUUID(),
        site_id: id,
        args: json(row.args),
        env_names: json(row.env_names),
        created_by: json(row.created_by),
        enforced: json(row.enforced),
        resource_policy: json(row.resource_policy),
        inherit_env: json(row.inherit_env),
        secret_env: json(row.secret_env),
      })) as never,
    )
    .execute();
  await lookAtFigures(base);
  const { values } = await runsActive.get();
  expect(values.length).toBeLessThanOrEqual(SITES_MAX + 1);
  expect(values.reduce((sum, { value }) => sum + value, 0)).toBe(SITES_MAX + 52);
  expect(values.find(({ labels }) => labels["site"] === "other")?.value).toBeGreaterThanOrEqual(50);
});

test("what agents report counts by category, severity, action and source; what cannot be read adds nothing", async () => {
  const opened = {
    incident_id: "incident-1",
    category: "retry_storm",
    severity: "critical",
    score: 91,
    title: "t",
    line: 3,
    evidence: {},
    policy: null,
  };
  const intervention = { incident_id: "incident-1", action: "stop", why: "w", run_id: null };
  for (const event of [
    report("incident.opened", opened),
    report("incident.opened", { ...opened, category: "made up by somebody" }),
    report("incident.intervention", { ...intervention, outcome: "done" }),
    report("incident.intervention", { ...intervention, outcome: "withheld" }),
    report("guard.changed", { until: new Date(T0).toISOString(), reason: "r", interventions: 9 }),
  ])
    countReport(event, T0 + 2_000);
  expect(await text("flowplane_incidents_total")).toMatch(
    /\{category="retry_storm",severity="critical"\} 1$/m,
  );
  expect(await text("flowplane_incidents_total")).not.toContain("made up");
  expect(await text("flowplane_interventions_total")).toMatch(/\{action="stop",source="policy"\} 1$/m);
  expect(await text("flowplane_interventions_withheld_total")).toMatch(
    /\{action="stop",outcome="withheld"\} 1$/m,
  );
  expect(await text("flowplane_detection_confidence")).toMatch(/le="0.95",category="retry_storm"\} 1$/m);
  expect(await text("flowplane_detection_guard_trips_total")).toMatch(/_total 1$/m);
  expect(await text("flowplane_agent_spool_delay_seconds")).toMatch(/le="5"\} 5$/m);
});

test("events whose transaction fails are not counted", async () => {
  const before = await text("flowplane_detection_guard_trips_total");
  const apply = counting(async () => {
    throw new Error("the database went away");
  });
  const after: (() => void)[] = [];
  const ctx = { ...world.ctx, afterCommit: (hook: () => void) => void after.push(hook) } as never;
  const event = report("guard.changed", { until: new Date(T0).toISOString(), reason: "r", interventions: 9 });
  await expect(apply(ctx, {} as never, [event], ONLY_SOURCE)).rejects.toThrow("went away");
  expect(after).toEqual([]);
  expect(await text("flowplane_detection_guard_trips_total")).toBe(before);
});

test("a stop keeps its promise or misses it, by the time its agent tells; a person's intervention counts", async () => {
  const agent = await world.addAgent({ name: "stopped" });
  const stop = async (signalledAfterMs: number) => {
    const run = await world.launch({ agent_id: agent.agent_id });
    const at = (ms: number) => new Date(world.clock.now + ms).toISOString();
    const event = (type: string, payload: object): LinkEvent =>
      ({ seq: 1, type, run_id: run.id, at: at(0), payload }) as LinkEvent;
    await world.report(agent, event("run.starting", {}), event("run.running", { pid: 7, started_at: at(0) }));
    await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
    const payload = { reason: "enough", actor: "owner", signalled_at: at(signalledAfterMs) };
    world.clock.now += 5_000;
    await world.report(agent, event("run.stopping", payload));
  };
  await stop(20);
  expect(await text("flowplane_stop_latency_last_seconds")).toMatch(/seconds 0.02$/m);
  expect(await text("flowplane_stop_slo_compliance_ratio")).toMatch(/ratio 1$/m);
  await stop(900);
  expect(await text("flowplane_stop_slo_compliance_ratio")).toMatch(/ratio 0.5$/m);
  expect(await text("flowplane_stop_slo_total")).toMatch(/result="missed"\} 1$/m);
  // An agent whose clock is ahead does not make it look quicker or slower than can be.
  await stop(3_600_000);
  expect(await text("flowplane_stop_latency_last_seconds")).toMatch(/seconds 5$/m);
  expect(await text("flowplane_interventions_total")).toMatch(/\{action="stop",source="person"\} 3$/m);
});

test("docs/reference/metrics.md is what the registry holds (node apps/server/src/write-metrics.ts)", async () => {
  const described = await describeMetrics(metrics);
  const file = join(import.meta.dirname, "../../../../../docs/reference/metrics.md");
  expect(readFileSync(file, "utf8")).toBe(metricsReference(described));
  const labels = new Set(described.flatMap(({ labelNames }) => labelNames));
  expect([...labels].toSorted()).toEqual(Object.keys(LABELS).toSorted());
});
