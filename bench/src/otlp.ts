import { readdirSync, readFileSync } from "node:fs";
import { Agent as HttpAgent, request } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import pg from "pg";
import { startControlPlane, type ControlPlane } from "@flowplane/test/harness";
import { collectorMetrics, metricsBody, metricsRequest } from "@flowplane/telemetry/testing";
import type { Bench } from "./bench.ts";
import { progress, round, usageOf } from "./machine.ts";
import { percentiles } from "./percentiles.ts";

const HOUR_MS = 3_600_000;

/** Collectors' reports by OTLP/HTTP, gzip protobuf, until they are rows: how many points a second, and for how much CPU. */
export const bench: Bench = {
  options: { agents: 300, bodies: 20_000, series: 60, clients: 32 },
  async run({ agents = 1, bodies = 0, series = 0, clients = 1 }) {
    const plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    try {
      const secrets: string[] = [];
      for (let index = 0; index < agents; index += 1)
        secrets.push((await plane.client.bearerCreate({ body: { name: `collector-${index}` } })).secret);
      progress(`${agents} agents`);
      const perAgent = Math.ceil(bodies / agents);
      // The bodies are made beforehand; every agent sends the same ones.
      const start = Date.now() - 20 * HOUR_MS;
      const prepared = Array.from({ length: perAgent }, (_, turn) =>
        gzipSync(bodyOf(series, start, turn), { level: 1 }),
      );
      progress(`${perAgent} bodies of ${prepared[0]?.length} bytes each`);
      const pid = plane.child.pid ?? 0;
      const usage = async () => ({
        server: usageOf(pid).cpu_seconds,
        database: await databaseSeconds(plane),
      });
      const before = await usage();
      const latencies: number[] = [];
      const agent = new HttpAgent({ keepAlive: true, maxSockets: clients });
      let next = 0;
      const began = performance.now();
      await Promise.all(
        Array.from({ length: clients }, async () => {
          for (let index = next++; index < bodies; index = next++) {
            const sent = performance.now();
            await post(
              plane,
              agent,
              secrets[index % agents] ?? "",
              prepared[Math.floor(index / agents)] ?? Buffer.alloc(0),
            );
            latencies.push(performance.now() - sent);
          }
        }),
      );
      const seconds = (performance.now() - began) / 1_000;
      agent.destroy();
      const after = await usage();
      const stored = await storedOf(plane);
      const serverSeconds = after.server - before.server;
      return {
        points: stored.points,
        rows: stored.rows,
        bytes_per_row: round(stored.bytes / stored.rows),
        seconds: round(seconds),
        points_per_second: Math.round(stored.points / seconds),
        bodies_per_second: Math.round(bodies / seconds),
        server_cpu_percent: round((100 * serverSeconds) / seconds),
        database_cpu_percent: round((100 * (after.database - before.database)) / seconds),
        points_per_server_cpu_second: Math.round(stored.points / serverSeconds),
        answer: percentiles(latencies),
      };
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};

/** A Collector's own counters, and gauges up to so many series. */
function bodyOf(series: number, start: number, turn: number): Uint8Array {
  const own = collectorMetrics({ accepted: turn * 600, sent: turn * 590, failed: turn, queue: turn % 50 });
  const others = Array.from({ length: Math.max(0, series - own.length) }, (_, index) => ({
    name: `otelcol_exporter_queue_batch_send_size_${index % 12}`,
    value: turn * 1_000 + index,
    attributes: { exporter: `otlp_http/${Math.floor(index / 12)}` },
  }));
  return metricsBody(metricsRequest(start + turn * 10_000, start - HOUR_MS, [...own, ...others]));
}

function post(plane: ControlPlane, agent: HttpAgent, secret: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = request(
      `${plane.url}/v1/metrics`,
      {
        agent,
        method: "POST",
        headers: {
          authorization: `Bearer ${secret}`,
          "content-type": "application/x-protobuf",
          "content-encoding": "gzip",
          "content-length": body.length,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          if (response.statusCode === 200) resolve();
          else
            reject(
              new Error(`the receiver answered ${response.statusCode}: ${Buffer.concat(chunks).toString()}`),
            );
        });
      },
    );
    sending.on("error", reject);
    sending.end(body);
  });
}

/** What stands in the database, looked at by its superuser. */
async function storedOf(plane: ControlPlane): Promise<{ rows: number; points: number; bytes: number }> {
  const [row] = await ask<{ rows: number; points: number; bytes: number }>(
    plane,
    `select count(*)::int as rows, sum(cardinality(series))::int as points,
       (select sum(pg_total_relation_size(inhrelid))::float8 from pg_inherits where inhparent = 'own_reports'::regclass) as bytes
     from own_reports`,
  );
  return row ?? { rows: 0, points: 0, bytes: 0 };
}

/** CPU seconds of PostgreSQL's processes that live now; its connections are kept open over the whole bench. */
async function databaseSeconds(plane: ControlPlane): Promise<number> {
  const [row] = await ask<{ folder: string }>(plane, "select current_setting('data_directory') as folder");
  const postmaster = readFileSync(join(row?.folder ?? "", "postmaster.pid"), "utf8").split("\n", 1)[0];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => name === postmaster || statOf(Number(name))?.[1] === postmaster)
    .reduce((sum, name) => sum + secondsOf(Number(name), name === postmaster), 0);
}

/** With the time of children that have ended, where `isParent`. */
function secondsOf(pid: number, isParent: boolean): number {
  const fields = statOf(pid);
  if (fields === undefined) return 0;
  const own = Number(fields[11]) + Number(fields[12]);
  return (own + (isParent ? Number(fields[13]) + Number(fields[14]) : 0)) / 100;
}

/** Fields of /proc/PID/stat after the command's name, which may hold anything; undefined when it has ended. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

async function ask<Row>(plane: ControlPlane, text: string): Promise<Row[]> {
  const client = new pg.Client({
    host: join(plane.dataDir, "run"),
    database: "flowplane",
    user: "flowplane",
  });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}
