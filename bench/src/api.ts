import { randomUUIDv7 } from "node:crypto";
import { Agent as HttpAgent, get } from "node:http";
import { join } from "node:path";
import pg from "pg";
import { eventually, startControlPlane, type ControlPlane } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { load, progress } from "./machine.ts";
import { percentiles } from "./percentiles.ts";

/** The list a person scrolls, at the size of a large fleet: 50 agents a page, by filter and sort, one client after another. */
export const bench: Bench = {
  options: {
    agents: 25_000,
    requests: 1_000,
    warmups: 100,
    telemetry_minutes: 60,
    charts: 10,
    selections: 10,
  },
  async run({ agents = 0, requests = 0, warmups = 0, telemetry_minutes = 0, charts = 0, selections = 0 }) {
    const plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    try {
      await seed(plane, agents);
      progress(`${agents} agents seeded`);
      const figures: Record<string, unknown> = {};
      const first = await plane.client.agentList({ query: { limit: 50 } });
      const queries: Record<string, string> = {
        first_page: "limit=50",
        next_page: `limit=50&cursor=${first.next_cursor ?? ""}`,
        by_state: "limit=50&state=connected",
        by_word: "limit=50&q=agent-123",
        by_label: "limit=50&q=label.zone%3D7",
        by_last_seen: "limit=50&sort=last_seen_at&order=desc",
      };
      for (const [name, query] of Object.entries(queries))
        figures[name] = await measure(plane, `/api/v1/agents?${query}`, warmups, requests);
      figures["facets"] = await measure(plane, "/api/v1/agents/facets", warmups, requests);
      figures["overview"] = await measure(plane, "/api/v1/overview", warmups, requests);
      await seedTelemetry(plane, telemetry_minutes);
      progress(`${telemetry_minutes} minutes of telemetry seeded`);
      for (const [name, filter] of Object.entries({
        all: "",
        all_by_filter: "q=os%3Alinux",
        third: "q=label.env%3Dprod",
        fiftieth: "q=label.zone%3D7",
      }))
        figures[`throughput_${name}`] = await measure(
          plane,
          `/api/v1/telemetry/throughput?${filter}`,
          1,
          charts,
        );
      figures["selector_preview"] = await measureSelector(plane, selections);
      return { ...figures, load: load() };
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};

/** A selector held against the whole fleet, as the preview of a rollout to the few agents that it matches. */
async function measureSelector(plane: ControlPlane, count: number) {
  const body =
    "receivers: {otlp: {}}\nexporters: {debug: {}}\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}\n";
  const { id } = await plane.client.configurationCreate({ body: { name: "bench", body } });
  const latencies: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = performance.now();
    await plane.client.rolloutPreview({
      body: { configuration_id: id, selector: 'labels.env == "prod" && name == "agent-3"' },
    });
    latencies.push(performance.now() - start);
  }
  return percentiles(latencies);
}

async function measure(plane: ControlPlane, path: string, warmups: number, requests: number) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  const latencies: number[] = [];
  for (let index = 0; index < warmups + requests; index += 1) {
    const start = performance.now();
    await fetchOnce(plane, path, agent);
    if (index >= warmups) latencies.push(performance.now() - start);
  }
  agent.destroy();
  return percentiles(latencies);
}

function fetchOnce(plane: ControlPlane, path: string, agent: HttpAgent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(plane.url + path, { agent, headers: { authorization: `Bearer ${plane.key}` } }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${path} answered ${response.statusCode}; the server: ${plane.output()}`));
      });
    }).on("error", reject);
  });
}

/** Rows as enrolment and the gateway would have written them, straight into the database: 25,000 enrolments are another benchmark. */
export async function seed(plane: ControlPlane, count: number): Promise<void> {
  const { organization } = await plane.client.me({});
  const { items: sites } = await plane.client.siteList({ query: {} });
  const client = await connect(plane);
  const rows = Array.from({ length: count }, (_, index) => ({
    id: randomUUIDv7(),
    organization_id: organization.id,
    site_id: sites[0]?.id,
    name: `agent-${index}`,
    labels: { zone: String(index % 50), env: index % 3 === 0 ? "prod" : "test" },
    kind: index % 4 === 0 ? "site" : "collector",
    silent_s: index % 10 === 0 ? 3_600 : 5,
    version: `0.${140 + (index % 10)}.0`,
  }));
  await client.query(
    `insert into agents (id, organization_id, site_id, kind, name, instance_uid, approval, labels, version, os, hostname, healthy,
       health_status, capabilities, transport, credential, connected_at, last_seen_at)
     select id, organization_id, site_id, kind, name, id, 'approved', labels, version, 'linux', name || '.example', true, 'ok', 8199,
       'websocket', 'certificate', now(), now() - make_interval(secs => silent_s)
     from jsonb_to_recordset($1) as row(id uuid, organization_id uuid, site_id uuid, kind text, name text, labels jsonb, version text, silent_s int)`,
    [JSON.stringify(rows)],
  );
  // The first sweep of their health makes a row for each; as autovacuum does within a minute, the planner is told of them.
  await eventually("the fleet's health", async () => {
    const { rows } = await client.query<{ count: number }>("select count(*)::int as count from agent_health");
    return rows[0]?.count === count ? true : undefined;
  });
  await client.query("analyze");
  await client.end();
}

/** Roll-ups of so many minutes, as if every agent reported in each. */
async function seedTelemetry(plane: ControlPlane, minutes: number): Promise<void> {
  const client = await connect(plane);
  await client.query(
    "select own_telemetry_days((now() - interval '1 day')::date, (now() + interval '1 day')::date)",
  );
  await client.query(
    `insert into own_minutes select organization_id, id, date_trunc('minute', now()) - make_interval(mins => minute), 60, array_fill(5.0::real, array[18])
     from generate_series(1, $1) minute, agents`,
    [minutes],
  );
  await client.query(
    `insert into own_rollup (minutes_until) values (date_trunc('minute', now()))
     on conflict (one) do update set minutes_until = excluded.minutes_until`,
  );
  await client.query("analyze");
  await client.end();
}

/** The embedded PostgreSQL listens on a socket in the data folder, for its owner alone. */
export async function connect(plane: ControlPlane): Promise<pg.Client> {
  const client = new pg.Client({
    host: join(plane.dataDir, "run"),
    database: "flowplane",
    user: "flowplane",
  });
  await client.connect();
  return client;
}
