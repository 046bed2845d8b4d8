import { randomUUIDv7 } from "node:crypto";
import { Agent as HttpAgent, get } from "node:http";
import { join } from "node:path";
import pg from "pg";
import { startControlPlane, type ControlPlane } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { progress } from "./machine.ts";
import { percentiles } from "./percentiles.ts";

/** The list a person scrolls, at the size of a large fleet: 50 agents a page, by filter and sort, one client after another. */
export const bench: Bench = {
  options: { agents: 25_000, requests: 1_000, warmups: 100 },
  async run({ agents = 0, requests = 0, warmups = 0 }) {
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
      return figures;
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};

async function measure(plane: ControlPlane, path: string, warmups: number, requests: number) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  const latencies: number[] = [];
  for (let index = 0; index < warmups + requests; index += 1) {
    const start = performance.now();
    await fetchOnce(plane.url + path, plane.key, agent);
    if (index >= warmups) latencies.push(performance.now() - start);
  }
  agent.destroy();
  return percentiles(latencies);
}

function fetchOnce(url: string, key: string, agent: HttpAgent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { authorization: `Bearer ${key}` } }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    }).on("error", reject);
  });
}

/** Rows as enrolment and the gateway would have written them, straight into the database: 25,000 enrolments are another benchmark. */
async function seed(plane: ControlPlane, count: number): Promise<void> {
  const { organization } = await plane.client.me({});
  const { items: sites } = await plane.client.siteList({ query: {} });
  // The embedded PostgreSQL listens on a socket in the data folder, for its owner alone.
  const client = new pg.Client({
    host: join(plane.dataDir, "run"),
    database: "flowplane",
    user: "flowplane",
  });
  await client.connect();
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
  await client.query("analyze agents");
  await client.end();
}
