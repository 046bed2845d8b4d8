import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { createClient } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { allConnected, serverPid, startFleet, total, type Fleet } from "./gateway/gateway.ts";
import { descriptorsMax, load, progress, round, usageOf } from "./machine.ts";

const LIMIT_MS = 30 * 60_000;
/** Of the descriptors a process may have; the others are its own, and for connections that come before old ones are gone. */
const SOCKETS_SHARE = 0.8;

/**
 * One configuration to a whole fleet of simulated agents, through worker, delivery and gateway: how long until the last has it,
 * and what that cost in messages, bytes, rows and memory. With `storm` every socket is lost when half of them have it.
 * Agents come by an enrolment token without TLS, because certificates are measured by `gateway`. `processes` of agents and
 * `gateways` are as many as the limit of open files asks for when they are 0.
 */
export const bench: Bench = {
  options: {
    agents: 1_000,
    processes: 0,
    gateways: 0,
    connects_per_second: 200,
    heartbeat_ms: 30_000,
    max_unavailable: 5_000,
    soak_seconds: 0,
    storm: 0,
  },
  async run({
    agents = 1,
    processes = 0,
    gateways = 0,
    connects_per_second = 1,
    heartbeat_ms = 30_000,
    max_unavailable = 1,
    soak_seconds = 0,
    storm = 0,
  }) {
    const needed = Math.ceil(agents / (SOCKETS_SHARE * descriptorsMax()));
    const planes = await startPlanes(gateways === 0 ? needed : gateways);
    const fleets = Array.from(
      { length: Math.max(planes.length, processes === 0 ? needed : processes) },
      startFleet,
    );
    const [plane] = planes as [ControlPlane];
    const database = new pg.Client(databaseOf(plane));
    await database.connect();
    const usage = () => sumOf(planes);
    // A server that starts over another data folder of this host gets the host's admin key, and the one before is revoked.
    const client = createClient({
      origin: plane.url,
      headers: () => ({ authorization: `Bearer ${planes.at(-1)?.key ?? ""}` }),
    });
    try {
      const idle = usage();
      const { secret } = await client.enrolmentTokenCreate({
        body: { name: "bench", uses_max: agents, expires_in_seconds: 86_400 },
      });
      const connectStart = performance.now();
      const loads = { connecting: load(), rollout: load() };
      joinFleets(fleets, planes, { agents, secret, connects_per_second, heartbeat_ms });
      await allConnected(fleets, agents);
      await eventually(
        "every agent to have said what it can do",
        async () => (await known(database)) === agents || undefined,
        LIMIT_MS,
      );
      const connectSeconds = (performance.now() - connectStart) / 1_000;
      progress(`${agents} connected in ${round(connectSeconds)} s`);

      loads.rollout = load();
      const before = { messages: total(fleets), rows: await rowsWritten(database), usage: usage() };
      const configuration = await client.configurationCreate({ body: { name: "bench", body: TEXT } });
      const createStart = performance.now();
      const rollout = await client.rolloutCreate({
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
      let back: Promise<number> | undefined;
      let most = 0;
      const ended = await eventually(
        "the rollout to end",
        async () => {
          const { applied } = total(fleets);
          if (applied >= agents && lastApplied === 0) lastApplied = (performance.now() - start) / 1_000;
          most = Math.max(most, usage().rss_mb);
          if (storm > 0 && back === undefined && applied >= agents / 2) {
            progress("every socket is lost");
            back = stormOf(fleets, agents);
          }
          const now = await client.rolloutRead({ params: { rollout_id: rollout.id } });
          return now.ended_at === null && now.state !== "paused" ? undefined : now;
        },
        LIMIT_MS,
      );
      const seconds = (performance.now() - start) / 1_000;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const after = { messages: total(fleets), rows: await rowsWritten(database), usage: usage() };
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
          transactions: round((after.rows.transactions - before.rows.transactions) / agents, 2),
        },
        rows_by_table: Object.fromEntries(
          Object.entries(after.rows.tables)
            .map(([table, rows]) => [table, rows - (before.rows.tables[table] ?? 0)] as const)
            .filter(([, rows]) => rows > agents / 100)
            .map(([table, rows]) => [table, round(rows / agents, 2)]),
        ),
        servers: {
          processes: planes.length,
          cpu_seconds: round(after.usage.cpu_seconds - before.usage.cpu_seconds),
          cpu_seconds_connecting: round(before.usage.cpu_seconds - idle.cpu_seconds),
          rss_idle_mb: idle.rss_mb,
          rss_connected_mb: before.usage.rss_mb,
          rss_most_mb: most,
        },
        connect_seconds: round(connectSeconds),
        storm: back === undefined ? null : { all_back_seconds: round(await back), ...refusals(fleets) },
        load: loads,
      };
    } finally {
      await database.end();
      for (const fleet of fleets) fleet.child.disconnect();
      for (const each of planes.toReversed()) await each[Symbol.asyncDispose]();
    }
  },
};

/** A control plane, and gateways beside it over the same database. */
async function startPlanes(gateways: number): Promise<ControlPlane[]> {
  const env = { FLOWPLANE_LOG: "warn" };
  const plane = await startControlPlane({ env });
  const planes = [plane];
  try {
    const { host, database, user } = databaseOf(plane);
    while (planes.length < gateways)
      planes.push(
        await startControlPlane({
          roles: ["gateway"],
          env: {
            ...env,
            DATABASE_URL: `postgresql:///${database}?host=${encodeURIComponent(host)}&user=${user}`,
            FLOWPLANE_MASTER_KEY: readFileSync(join(plane.dataDir, "master.key"), "utf8").trim(),
          },
        }),
      );
  } catch (error) {
    for (const each of planes.toReversed()) await each[Symbol.asyncDispose]();
    throw error;
  }
  return planes;
}

function databaseOf({ dataDir }: ControlPlane) {
  return { host: join(dataDir, "run"), database: "flowplane", user: "flowplane" };
}

function sumOf(planes: readonly ControlPlane[]): { rss_mb: number; cpu_seconds: number } {
  const each = planes.map(({ child }) => usageOf(serverPid(child)));
  return {
    rss_mb: round(each.reduce((sum, { rss_mb }) => sum + rss_mb, 0)),
    cpu_seconds: each.reduce((sum, { cpu_seconds }) => sum + cpu_seconds, 0),
  };
}

function joinFleets(
  fleets: readonly Fleet[],
  planes: readonly ControlPlane[],
  given: { agents: number; secret: string; connects_per_second: number; heartbeat_ms: number },
): void {
  const share = Math.ceil(given.agents / fleets.length);
  for (const [index, fleet] of fleets.entries()) {
    const url = planes[index % planes.length]?.url ?? "";
    fleet.send({
      type: "join",
      opampUrl: `${url.replace(/^http/, "ws")}/v1/opamp`,
      token: given.secret,
      count: Math.min(share, given.agents - index * share),
      prefix: `sim-${index}`,
    });
    fleet.send({
      type: "connect",
      perSecond: given.connects_per_second / fleets.length,
      heartbeatMs: given.heartbeat_ms,
    });
  }
}

/** Every socket is lost at once; resolves to the seconds until all are back. */
async function stormOf(fleets: readonly Fleet[], agents: number): Promise<number> {
  const start = performance.now();
  for (const fleet of fleets) fleet.send({ type: "drop" });
  await eventually(
    "the fleet to go",
    () => (total(fleets).connected < agents / 2 ? true : undefined),
    LIMIT_MS,
  );
  await allConnected(fleets, agents);
  return (performance.now() - start) / 1_000;
}

function refusals(fleets: readonly Fleet[]) {
  const { refused, fullStateAsked, errors } = total(fleets);
  return { refused, full_state_asked: fullStateAsked, errors };
}

async function known(database: pg.Client): Promise<number> {
  // Bit 2: AcceptsRemoteConfig.
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from agents where capabilities & 2 <> 0",
  );
  return rows[0]?.count ?? 0;
}

/** Rows inserted, changed and deleted since the database began, by table, and its transactions. */
async function rowsWritten(
  database: pg.Client,
): Promise<{ total: number; transactions: number; tables: Record<string, number> }> {
  const { rows } = await database.query<{ name: string; written: string }>(
    "select relname as name, n_tup_ins + n_tup_upd + n_tup_del as written from pg_stat_user_tables",
  );
  const tables = Object.fromEntries(rows.map(({ name, written }) => [name, Number(written)]));
  const { rows: counted } = await database.query<{ transactions: string }>(
    "select xact_commit as transactions from pg_stat_database where datname = current_database()",
  );
  return {
    tables,
    transactions: Number(counted[0]?.transactions ?? 0),
    total: Object.values(tables).reduce((sum, written) => sum + written, 0),
  };
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
