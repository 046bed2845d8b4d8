import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { startSupervisor, supervisorPrograms } from "./supervisor.ts";

// A Collector's own telemetry as the Collector itself sends it: by a configuration a person wrote, and by the offer that a
// supervisor passes on to it.

const programs = await supervisorPrograms();
if (programs === undefined) console.log("skipped: the peer tests of own telemetry need Go on PATH");

const LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 10_000;

describe.skipIf(programs === undefined)("a Collector's own telemetry", { timeout: 240_000 }, () => {
  let plane: ControlPlane;
  let folder: string;
  beforeAll(async () => {
    plane = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), "flowplane-own-telemetry-"));
  });
  afterAll(async () => {
    await plane[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("sent by hand: what went through it is seen, and what it logged", async () => {
    const { bearer, secret } = await plane.client.bearerCreate({ body: { name: "by hand" } });
    const port = await freePort();
    const config = join(folder, "collector.yaml");
    writeFileSync(config, byHand(plane.url, port));
    const child = spawn(programs?.collector ?? "", ["--config", config], {
      env: { ...process.env, FLOWPLANE_BEARER: secret },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let printed = "";
    child.stderr.on("data", (chunk: Buffer) => (printed = (printed + chunk.toString("utf8")).slice(-4_000)));
    const exited = once(child, "exit");
    try {
      await eventually("the Collector takes logs", () => postLogs(port, 10).catch(() => undefined), LIMIT_MS);
      const params = { agent_id: bearer.agent_id };
      const throughput = await eventually(
        `throughput of the Collector, which printed ${printed}`,
        async () => {
          await postLogs(port, 20);
          const result = await plane.client.agentThroughput({ params });
          return result.components.some(({ accepted_per_second: rate }) => (rate ?? 0) > 0)
            ? result
            : undefined;
        },
        LIMIT_MS,
      );
      const of = (kind: string) =>
        throughput.components.find((each) => each.kind === kind && each.signal === "logs");
      expect(of("receiver")).toMatchObject({ component: "otlp" });
      expect(of("exporter")).toMatchObject({ component: "debug" });
      expect(of("receiver")?.accepted_per_second).toBeGreaterThan(0);
      expect(of("exporter")?.sent_per_second).toBeGreaterThan(0);
      const { items } = await plane.client.telemetryMetrics({ query: params });
      const names = items.map(({ name }) => name);
      expect(names).toEqual(
        expect.arrayContaining([
          "otelcol_process_uptime",
          "otelcol_process_memory_rss",
          "otelcol_receiver_accepted_log_records",
          "otelcol_exporter_sent_log_records",
        ]),
      );
      const { series } = await plane.client.telemetrySeries({
        query: { ...params, name: "otelcol_process_memory_rss" },
      });
      expect(Math.max(...(series[0]?.values ?? []).map((value) => value ?? 0))).toBeGreaterThan(1_000_000);
      const logs = await eventually(
        "the Collector's own log",
        async () => {
          const page = await plane.client.agentOwnLogs({ params });
          return page.items.length > 0 ? page.items : undefined;
        },
        LIMIT_MS,
      );
      expect(JSON.stringify(logs)).toMatch(/Everything is ready|Starting/);
      expect(JSON.stringify(logs)).not.toContain(secret);
    } finally {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await exited;
      clearTimeout(late);
    }
  });

  test.each(["ws", "http"] as const)(
    "offered over %s: a supervisor has its Collector send it",
    async (transport) => {
      if (programs === undefined) throw new Error("not built");
      const { secret } = await plane.client.enrolmentTokenCreate({
        body: { name: `supervisors ${transport}` },
      });
      const hostName = `own-${transport}`;
      await using supervisor = startSupervisor(programs, {
        endpoint: `${plane.url.replace(/^http/, transport)}/v1/opamp`,
        token: secret,
        hostName,
        localConfig: `receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n`,
        collectorEnv: { OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_BLRP_SCHEDULE_DELAY: "500" },
        capabilities: { reports_own_logs: true },
      });
      const find = async () => {
        const { items } = await plane.client.agentList({ query: { limit: 200 } });
        return items.find((agent) => agent.hostname === hostName);
      };
      const reported = await eventually(
        "a report by the offered credential",
        async () => {
          const agent = await find();
          if (agent === undefined) return undefined;
          const throughput = await plane.client.agentThroughput({ params: { agent_id: agent.id } });
          return throughput.last_reported_at === null ? undefined : { agent, throughput };
        },
        LIMIT_MS,
      ).catch((cause: unknown) => {
        throw new Error(
          `supervisor:\n${supervisor.output().slice(-4_000)}\nCollector:\n${supervisor.collectorOutput().slice(-4_000)}`,
          { cause },
        );
      });
      const params = { agent_id: reported.agent.id };
      const { items } = await plane.client.telemetryMetrics({ query: params });
      expect(items.map(({ name }) => name)).toContain("otelcol_process_uptime");
      // The offer restarted the Collector; once it has said so, it is healthy, and it never counted as ill.
      const history = await eventually(
        "health after the offer",
        async () => {
          const result = await plane.client.agentHealthHistory({ params });
          return result.level === "healthy" ? result : undefined;
        },
        LIMIT_MS,
      );
      expect(history.score).toBe(100);
      expect(history.spans.filter(({ level }) => level === "unhealthy")).toEqual([]);
      expect(supervisor.isRunning()).toBe(true);
    },
  );
});

async function postLogs(port: number, count: number): Promise<true> {
  const logRecords = Array.from({ length: count }, (_, n) => ({ body: { stringValue: `line ${n}` } }));
  const response = await fetch(`http://127.0.0.1:${port}/v1/logs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }),
  });
  if (!response.ok) throw new Error(`the Collector answered ${response.status}`);
  return true;
}

/** As docs/own-telemetry.md has it, only more often. */
function byHand(url: string, port: number): string {
  const exporter = (signal: string) => `
            exporter:
              otlp:
                protocol: http/protobuf
                endpoint: ${url}/v1/${signal}
                headers:
                  - name: Authorization
                    value: Bearer \${env:FLOWPLANE_BEARER}`;
  return `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${port}"}}}}
exporters: {debug: {}}
service:
  telemetry:
    metrics:
      level: normal
      readers:
        - periodic:
            interval: 1000${exporter("metrics")}
    logs:
      processors:
        - batch:
            schedule_delay: 500${exporter("logs")}
  pipelines: {logs: {receivers: [otlp], exporters: [debug]}}
`;
}
