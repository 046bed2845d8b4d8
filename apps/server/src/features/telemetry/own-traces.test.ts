import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { api } from "@flowplane/contract";
import { spansBody, type TestSpan } from "@flowplane/telemetry/testing";
import { newId } from "../../platform/context.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { send, startPlane, type TestPlane } from "../../testing/gateway.ts";
import { testActor } from "../../testing/base.ts";
import { SPANS_PER_AGENT_MAX } from "./limits.ts";
import { listOwnTraces, readOwnTrace } from "./own-trace-api.ts";
import { keepTelemetry } from "./retention.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const NOW = Date.now();
const trace = (number: number) => number.toString(16).padStart(32, "0");
const id = (number: number) => number.toString(16).padStart(16, "0");
const list = (agentId: string, query: object = {}) =>
  listOwnTraces(plane.ctx(), agentId, api.agentOwnTraces.query.parse(query));

async function collector() {
  const { secret, bearer } = await createBearer(plane.ctx(), plane.enrolment, {
    name: `collector ${newId().slice(-6)}`,
    kind: "collector",
    labels: {},
    expires_in_seconds: 3_600,
  });
  return {
    agentId: bearer.agent_id,
    post: (spans: readonly TestSpan[]) =>
      send(`http://127.0.0.1:${plane.httpPort}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/x-protobuf", authorization: `Bearer ${secret}` },
        body: Buffer.from(spansBody("otelcol", spans)),
      }),
  };
}

test("spans that an agent sends are read as traces, each once and without its secrets", async () => {
  const { agentId, post } = await collector();
  const at = NOW - 10_000;
  const spans: TestSpan[] = [
    { traceId: trace(1), spanId: id(1), name: "receive", kind: 2, startMs: at, endMs: at + 50 },
    {
      traceId: trace(1),
      spanId: id(2),
      parentSpanId: id(1),
      name: "export",
      kind: 3,
      startMs: at + 10,
      endMs: at + 60,
      status: { code: 2, message: "refused https://user:hunter22@db.example/x" },
      attributes: { api_key: "abc123", exporter: "otlp" },
    },
    { traceId: trace(2), spanId: id(1), name: "scrape", startMs: at + 1_000, endMs: at + 1_004 },
  ];
  for (let count = 0; count < 2; count += 1) expect((await post(spans)).status).toBe(200);

  const { items, next_cursor } = await list(agentId);
  expect(next_cursor).toBeNull();
  const service = "otelcol";
  expect(items).toEqual([
    {
      trace_id: trace(2),
      at: new Date(at + 1_000).toISOString(),
      duration_us: 4_000,
      spans: 1,
      errors: 0,
      name: "scrape",
      service,
    },
    {
      trace_id: trace(1),
      at: new Date(at).toISOString(),
      duration_us: 60_000,
      spans: 2,
      errors: 1,
      name: "receive",
      service,
    },
  ]);
  expect((await list(agentId, { errors: "true" })).items.map(({ trace_id }) => trace_id)).toEqual([trace(1)]);
  const first = await list(agentId, { limit: 1 });
  const rest = await list(agentId, { limit: 1, cursor: first.next_cursor });
  expect([...first.items, ...rest.items]).toEqual(items);

  const read = await readOwnTrace(plane.ctx(), agentId, trace(1));
  expect(api.agentOwnTraceRead.response.parse(read)).toEqual(read);
  expect(read).toMatchObject({
    duration_us: 60_000,
    left_out: 0,
    spans: [
      {
        span_id: id(1),
        parent_span_id: null,
        name: "receive",
        kind: "server",
        start_us: 0,
        duration_us: 50_000,
      },
      {
        span_id: id(2),
        parent_span_id: id(1),
        kind: "client",
        status: "error",
        start_us: 10_000,
        duration_us: 50_000,
        attributes: { exporter: "otlp", "otel.scope.name": "test" },
      },
    ],
  });
  expect(JSON.stringify(read)).not.toMatch(/hunter22|abc123/);
});

test("what nobody sent is not there, and nothing is for another organization", async () => {
  const { agentId, post } = await collector();
  await post([{ traceId: trace(3), spanId: id(1), name: "x", startMs: NOW, endMs: NOW }]);
  await expect(readOwnTrace(plane.ctx(), agentId, trace(9))).rejects.toMatchObject({ code: "not_found" });
  await expect(list(newId())).rejects.toMatchObject({ code: "not_found" });
  await expect(list(agentId, { cursor: "eA" })).rejects.toMatchObject({ code: "invalid_input" });
  const stranger = plane.ctx(testActor(newId()));
  await expect(readOwnTrace(stranger, agentId, trace(3))).rejects.toMatchObject({ code: "not_found" });
});

test("beyond the newest spans of an agent, and beyond the days they are kept, nothing stays", async () => {
  const { agentId } = await collector();
  const other = await collector();
  await other.post([{ traceId: trace(4), spanId: id(1), name: "x", startMs: NOW, endMs: NOW }]);
  const insert = (from: number, count: number, at: Date) =>
    sql`
    insert into own_spans (organization_id, agent_id, at, trace_id, span_id, name, kind, status, status_message, service, duration_us, attributes)
    select ${plane.organizationId}, ${agentId}, ${at}::timestamptz - n * interval '1 millisecond', decode(lpad(to_hex(n), 32, '0'), 'hex'),
      decode(lpad(to_hex(n), 16, '0'), 'hex'), 'work', 1, 0, '', '', 1, '{}'
    from generate_series(${from}::int, ${from + count - 1}::int) n`.execute(plane.base.storage.system);
  await insert(1, SPANS_PER_AGENT_MAX + 10, new Date(NOW));
  const count = async (id: string) => {
    const { rows } = await sql<{
      spans: number;
    }>`select count(*)::int as spans from own_spans where agent_id = ${id}`.execute(
      plane.base.storage.system,
    );
    return rows[0]?.spans;
  };
  await keepTelemetry(plane.base);
  expect(await count(agentId)).toBe(SPANS_PER_AGENT_MAX);
  expect((await list(agentId, { limit: 1 })).items[0]?.trace_id).toBe(trace(1));
  const days = 86_400_000;
  await keepTelemetry({ ...plane.base, now: () => NOW + 5 * days });
  expect([await count(agentId), await count(other.agentId)]).toEqual([0, 0]);
});
