import { startControlPlane } from "@flowplane/test/harness";
import { connect, seed } from "./api.ts";
import type { Bench } from "./bench.ts";
import { load, progress, usageOf } from "./machine.ts";
import { serverPid } from "./gateway/gateway.ts";
import { percentiles } from "./percentiles.ts";

/** Each matches at most 500 of the fleet, so that what is measured is finding them: by labels, by fields, by what agents report, by name. */
const SELECTORS = {
  labels: 'labels.env == "prod" && labels.zone == "99"',
  fields: 'kind == "collector" && site == "default" && state == "connected" && labels.zone in ["7"]',
  attributes: 'attributes["service.name"] == "nginx"',
  every_label: 'labels.exists(key, labels[key] == "99")',
  name: 'labels.env == "prod" && name == "agent-3"',
  pattern: 'name.matches("^agent-1[0-9]7$")',
};

/** Selectors over a fleet of agents that have labels and reports: previews of rollouts, and overlays of a configuration by which match. */
export const bench: Bench = {
  options: { agents: 25_000, rounds: 10 },
  async run({ agents = 0, rounds = 0 }) {
    const plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    try {
      await seed(plane, agents);
      const database = await connect(plane);
      await database.query(`insert into agent_reports (agent_id, organization_id, identifying_attributes, non_identifying_attributes, custom_capabilities)
        select id, organization_id, jsonb_build_object('service.name', 'otelcol', 'service.version', version, 'service.instance.id', id),
          '{"os.type": "linux", "os.description": "Debian 13", "host.arch": "amd64", "k8s.cluster.name": "one"}', '[]' from agents
        on conflict (agent_id) do update set identifying_attributes = excluded.identifying_attributes`);
      await database.query("analyze");
      await database.end();
      progress(`${agents} agents seeded`);
      const { id } = await plane.client.configurationCreate({ body: { name: "bench", body: TEXT } });
      const pid = serverPid(plane.child);
      const measure = async (work: () => Promise<unknown>) => {
        await work();
        const latencies: number[] = [];
        const before = usageOf(pid).cpu_seconds;
        for (let round = 0; round < rounds; round += 1) {
          const start = performance.now();
          await work();
          latencies.push(performance.now() - start);
        }
        const cpu_ms = Math.round(((usageOf(pid).cpu_seconds - before) / rounds) * 1_000);
        return { ...percentiles(latencies), server_cpu_ms: cpu_ms };
      };
      const figures: Record<string, unknown> = {};
      for (const [name, selector] of Object.entries(SELECTORS))
        figures[name] = await measure(() =>
          plane.client.rolloutPreview({ body: { configuration_id: id, selector } }),
        );
      for (const count of [1, 5, 20])
        figures[`overlays_${count}`] = await measure(() =>
          plane.client.configurationOverlayMatches({ body: { overlays: overlaysOf(count) } }),
        );
      return { ...figures, load: load() };
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};

function overlaysOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    name: `overlay-${index}`,
    selector: `labels.env == "prod" && (labels.zone == "${index}" || labels.zone == "${index + 1}")`,
  }));
}

const TEXT =
  "receivers: {otlp: {}}\nexporters: {debug: {}}\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}\n";
