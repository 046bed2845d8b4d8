import { join } from "node:path";
import pg from "pg";
import { eventually, startControlPlane } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { allConnected, serverPid, startFleet, total } from "./gateway/gateway.ts";
import { progress, round, usageOf } from "./machine.ts";

const LIMIT_MS = 30 * 60_000;

/**
 * One configuration to a whole fleet of simulated agents, through worker, delivery and gateway: how long until the last has it,
 * and what that cost in messages, bytes, rows and memory. With `storm` every socket is lost when half of them have it.
 * Agents come by an enrolment token without TLS, because certificates are measured by `gateway`.
 */
export const bench: Bench = {
  options: {
    agents: 1_000,
    processes: 1,
    connects_per_second: 200,
    heartbeat_ms: 30_000,
    max_unavailable: 5_000,
    soak_seconds: 0,
    storm: 0,
  },
  async run({
    agents = 1,
    processes = 1,
    connects_per_second = 1,
    heartbeat_ms = 30_000,
    max_unavailable = 1,
    soak_seconds = 0,
    storm = 0,
  }) {
    const plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    const fleets = Array.from({ length: processes }, startFleet);
    const database = new pg.Client({
      host: join(plane.dataDir, "run"),
      database: "flowplane",
      user: "flowplane",
    });
    await database.connect();
    try {
      const pid = serverPid(plane.child);
      const idle = usageOf(pid);
      const { secret } = await plane.client.enrolmentTokenCreate({
        body: { name: "bench", uses_max: agents, expires_in_seconds: 86_400 },
      });
      const share = Math.ceil(agents / processes);
      const connectStart = performance.now();
      for (const [index, fleet] of fleets.entries()) {
        fleet.enrolled.catch(() => undefined);
        fleet.send({
          type: "join",
          opampUrl: `${plane.url.replace(/^http/, "ws")}/v1/opamp`,
          token: secret,
          count: Math.min(share, agents - index * share),
          prefix: `sim-${index}`,
        });
        fleet.send({
          type: "connect",
          perSecond: connects_per_second / processes,
          heartbeatMs: heartbeat_ms,
        });
      }
      await allConnected(fleets, agents);
      await eventually(
        "every agent to have said what it can do",
        async () => (await known(database)) === agents || undefined,
        LIMIT_MS,
      );
      const connectSeconds = (performance.now() - connectStart) / 1_000;
      progress(`${agents} connected in ${round(connectSeconds)} s`);

      const before = { messages: total(fleets), rows: await rowsWritten(database), usage: usageOf(pid) };
      const configuration = await plane.client.configurationCreate({ body: { name: "bench", body: TEXT } });
      const createStart = performance.now();
      const rollout = await plane.client.rolloutCreate({
        body: {
          configuration_id: configuration.id,
          selector: "true",
          confirm_everybody: true,
          plan: {
            waves: [{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }],
            max_unavailable,
            soak_seconds,
            gate: { min_pass_percent: 99, max_failures: Math.ceil(agents / 100) },
          },
        },
      });
      const createSeconds = (performance.now() - createStart) / 1_000;
      progress(`the rollout was made in ${round(createSeconds, 2)} s`);
      const start = performance.now();
      let lastApplied = 0;
      let stormBack: number | null = null;
      let isStormOver = storm === 0;
      let most = 0;
      const ended = await eventually(
        "the rollout to end",
        async () => {
          const { applied } = total(fleets);
          if (applied >= agents && lastApplied === 0) lastApplied = (performance.now() - start) / 1_000;
          most = Math.max(most, usageOf(pid).rss_mb);
          if (!isStormOver && applied >= agents / 2) {
            isStormOver = true;
            progress("every socket is lost");
            const stormStart = performance.now();
            for (const fleet of fleets) fleet.send({ type: "drop" });
            void eventually(
              "the fleet to go and come back",
              () => (total(fleets).connected < agents / 2 ? true : undefined),
              LIMIT_MS,
            )
              .then(() => allConnected(fleets, agents))
              .then(() => {
                stormBack = (performance.now() - stormStart) / 1_000;
              });
          }
          const now = await plane.client.rolloutRead({ params: { rollout_id: rollout.id } });
          return now.ended_at === null && now.state !== "paused" ? undefined : now;
        },
        LIMIT_MS,
      );
      const seconds = (performance.now() - start) / 1_000;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const after = { messages: total(fleets), rows: await rowsWritten(database), usage: usageOf(pid) };
      const perAgent = (field: "messagesSent" | "messagesReceived" | "bytesSent" | "bytesReceived") =>
        round((after.messages[field] - before.messages[field]) / agents, 2);
      return {
        end: ended.state,
        counts: ended.counts,
        create_seconds: round(createSeconds, 2),
        last_applied_seconds: round(lastApplied === 0 ? seconds : lastApplied),
        completed_seconds: round(seconds),
        per_agent: {
          messages_up: perAgent("messagesSent"),
          messages_down: perAgent("messagesReceived"),
          bytes_up: perAgent("bytesSent"),
          bytes_down: perAgent("bytesReceived"),
          rows_written: round((after.rows.total - before.rows.total) / agents, 2),
        },
        rows_by_table: Object.fromEntries(
          Object.entries(after.rows.tables)
            .map(([table, rows]) => [table, rows - (before.rows.tables[table] ?? 0)] as const)
            .filter(([, rows]) => rows > agents / 100)
            .map(([table, rows]) => [table, round(rows / agents, 2)]),
        ),
        server: {
          cpu_seconds: round(after.usage.cpu_seconds - before.usage.cpu_seconds),
          rss_idle_mb: idle.rss_mb,
          rss_connected_mb: before.usage.rss_mb,
          rss_most_mb: most,
        },
        connect_seconds: round(connectSeconds),
        storm: storm === 0 ? null : { all_back_seconds: stormBack === null ? null : round(stormBack) },
      };
    } finally {
      await database.end();
      for (const fleet of fleets) fleet.child.disconnect();
      await plane[Symbol.asyncDispose]();
    }
  },
};

async function known(database: pg.Client): Promise<number> {
  // Bit 2: AcceptsRemoteConfig.
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from agents where capabilities & 2 <> 0",
  );
  return rows[0]?.count ?? 0;
}

/** Rows inserted, changed and deleted since the database began, by table. */
async function rowsWritten(database: pg.Client): Promise<{ total: number; tables: Record<string, number> }> {
  const { rows } = await database.query<{ name: string; written: string }>(
    "select relname as name, n_tup_ins + n_tup_upd + n_tup_del as written from pg_stat_user_tables",
  );
  const tables = Object.fromEntries(rows.map(({ name, written }) => [name, Number(written)]));
  return { tables, total: Object.values(tables).reduce((sum, written) => sum + written, 0) };
}

const TEXT = `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
processors:
  batch: {timeout: 5s}
exporters:
  otlphttp: {endpoint: "https://collector.example"}
service:
  pipelines:
    logs: {receivers: [otlp], processors: [batch], exporters: [otlphttp]}
    metrics: {receivers: [otlp], processors: [batch], exporters: [otlphttp]}
`;
