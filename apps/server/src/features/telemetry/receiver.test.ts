import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sql } from "kysely";
import {
  collectorMetrics,
  logsBody,
  metricsBody,
  metricsJson,
  metricsRequest,
  type TestMetric,
} from "@flowplane/telemetry/testing";
import { OTLP_BODY_BYTES_MAX } from "@flowplane/telemetry";
import { subjects } from "../../platform/bus/bus.ts";
import { newId } from "../../platform/context.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { telemetryCredential } from "../enrolment/telemetry-credential.ts";
import { testActor } from "../../testing/base.ts";
import { enrolMachine, newToken, send, startPlane, tlsOf, type TestPlane } from "../../testing/gateway.ts";
import { AGENT_BODIES_BURST, SERIES_PER_AGENT_MAX } from "./limits.ts";
import { Batches } from "./writer.ts";

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const PROTOBUF = "application/x-protobuf";

async function newBearer(): Promise<{ secret: string; agentId: string }> {
  const { secret, bearer } = await createBearer(plane.ctx(), plane.enrolment, {
    name: `collector ${newId().slice(-6)}`,
    kind: "collector",
    labels: {},
    expires_in_seconds: 3_600,
  });
  return { secret, agentId: bearer.agent_id };
}

interface Sent {
  readonly path?: string;
  readonly secret?: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly url?: string;
}

function post(body: Uint8Array | string, options: Sent = {}) {
  const { path = "/v1/metrics", secret, type = PROTOBUF, encoding } = options;
  return send(`${options.url ?? `http://127.0.0.1:${plane.httpPort}`}${path}`, {
    method: "POST",
    headers: {
      "content-type": type,
      ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    },
    body: Buffer.from(body),
  });
}

const now = () => Date.now();
const counts = (accepted: number) => collectorMetrics({ accepted, sent: accepted - 1 });
const metrics = (list: readonly TestMetric[], at = now()) => metricsRequest(at, at - 60_000, list);

async function reportsOfAgent(agentId: string) {
  return plane.base.storage.system
    .selectFrom("own_reports")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("at")
    .execute();
}

async function namedValues(agentId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ name: string; amount: number }>`
    select s.name, u.amount from own_reports r, unnest(r.series, r.amounts) u(id, amount) join own_series s on s.id = u.id
    where r.agent_id = ${agentId} order by r.at`.execute(plane.base.storage.system);
  return Object.fromEntries(rows.map(({ name, amount }) => [name, amount]));
}

describe("a body of metrics", () => {
  test.each(["protobuf", "protobuf gzip", "json", "json gzip"])("is stored, sent as %s", async (how) => {
    const { secret, agentId } = await newBearer();
    const request = metrics(counts(100));
    const plain = how.startsWith("json")
      ? Buffer.from(metricsJson(request))
      : Buffer.from(metricsBody(request));
    const type = how.startsWith("json") ? "application/json; charset=utf-8" : PROTOBUF;
    const answer = how.endsWith("gzip")
      ? await post(gzipSync(plain), { secret, type, encoding: "gzip" })
      : await post(plain, { secret, type });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe(type.split(";")[0]);
    expect(answer.body.toString()).toBe(how.startsWith("json") ? "{}" : "");
    expect(await reportsOfAgent(agentId)).toMatchObject([{ organization_id: plane.organizationId }]);
    expect(await namedValues(agentId)).toMatchObject({
      otelcol_receiver_accepted_spans: 100,
      otelcol_exporter_sent_spans: 99,
      otelcol_process_uptime: 12.5,
    });
  });

  test("sent twice, or late, does no harm; of other series at that moment it is added", async () => {
    const { secret, agentId } = await newBearer();
    const at = now();
    const body = metricsBody(metrics(counts(10), at));
    const earlier = metricsBody(metrics(counts(5), at - 60_000));
    const more = metricsBody(
      metrics(
        [{ name: "otelcol_receiver_accepted_spans", value: 7, attributes: { receiver: "zipkin" } }],
        at,
      ),
    );
    for (const each of [body, body, earlier, more, more, body])
      expect((await post(each, { secret })).status).toBe(200);
    const rows = await reportsOfAgent(agentId);
    expect(rows.map((row) => [row.totals[0], row.series.length])).toEqual([
      [5, counts(1).length],
      [17, counts(1).length + 1],
    ]);
  });

  test("is the credential's agent's, whoever its resource says it is from", async () => {
    const [mine, theirs] = [await newBearer(), await newBearer()];
    const request = metrics(counts(3));
    const json = metricsJson(request).replace(
      '{"scopeMetrics"',
      `{"resource":{"attributes":[{"key":"service.instance.id","value":{"stringValue":"${theirs.agentId}"}}]},"scopeMetrics"`,
    );
    expect((await post(json, { secret: mine.secret, type: "application/json" })).status).toBe(200);
    expect(await reportsOfAgent(theirs.agentId)).toEqual([]);
    expect(await reportsOfAgent(mine.agentId)).toHaveLength(1);
  });

  test("of which something is not taken says so, and the rest is stored", async () => {
    const { secret, agentId } = await newBearer();
    const request = metrics([...counts(8), { name: "broken", value: Number.NaN }]);
    const answer = await post(metricsBody(request), { secret, type: PROTOBUF });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain("missing or not finite");
    expect(await namedValues(agentId)).toMatchObject({ otelcol_receiver_accepted_spans: 8 });
  });

  test("cannot bring more series than an agent may", async () => {
    const { secret, agentId } = await newBearer();
    const flood = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ name: `flood.${agentId}.${from + n}`, value: 1 }));
    const first = await post(metricsBody(metrics(flood(0, SERIES_PER_AGENT_MAX - 5))), { secret });
    expect([first.status, first.body.length]).toEqual([200, 0]);
    const at = now() + 2_000;
    const second = await post(metricsJson(metrics([...flood(9_000, 10), ...counts(4)], at)), {
      secret,
      type: "application/json",
    });
    const { partialSuccess } = JSON.parse(second.body.toString()) as {
      partialSuccess: { rejectedDataPoints: string; errorMessage: string };
    };
    expect(partialSuccess).toMatchObject({ rejectedDataPoints: "5" });
    expect(partialSuccess.errorMessage).toMatch(/as many series/);
    expect(await namedValues(agentId)).toMatchObject({ otelcol_receiver_accepted_spans: 4 });
  });
});

describe("who may send", () => {
  test("on the agents' listener: a client certificate, and the credential of the offer", async () => {
    const machine = await enrolMachine(plane);
    const url = `https://127.0.0.1:${plane.agentsPort}/v1/metrics`;
    const request = { method: "POST", headers: { "content-type": PROTOBUF } };
    const first = await send(url, {
      ...request,
      ...tlsOf(plane, machine),
      body: Buffer.from(metricsBody(metrics(counts(1)))),
    });
    expect(first.status).toBe(200);
    const claims = { agentId: machine.agentId, organizationId: plane.organizationId, epoch: 1 };
    const credential = await telemetryCredential(plane.base, claims);
    expect(await telemetryCredential(plane.base, claims)).toBe(credential);
    const body = metricsBody(metrics(counts(2), now() + 5_000));
    const answer = await post(body, { secret: credential, url: `https://127.0.0.1:${plane.agentsPort}` });
    expect(answer.status).toBe(200);
    expect(await reportsOfAgent(machine.agentId)).toHaveLength(2);
    // It opens this door and no other.
    const opamp = await post(new Uint8Array(), { path: "/v1/opamp", secret: credential });
    expect(opamp.status).toBe(401);
    await plane.base.storage.system
      .updateTable("agents")
      .set({ telemetry_epoch: 2 })
      .where("id", "=", machine.agentId)
      .execute();
    plane = await plane.restart();
    expect((await post(body, { secret: credential })).status).toBe(401);
  });

  test("nobody without, with a token, with a changed credential, or once revoked", async () => {
    const { secret } = await newToken(plane);
    const { agentId } = await newBearer();
    const claims = { agentId, organizationId: plane.organizationId, epoch: 1 };
    const credential = await telemetryCredential(plane.base, claims);
    const foreign = await telemetryCredential(plane.base, {
      ...claims,
      organizationId: testActor(newId()).organization_id,
    });
    const body = metricsBody(metrics(counts(1)));
    const changed = `${credential.slice(0, -2)}xx`;
    for (const shown of [undefined, secret, changed, foreign, "nonsense"]) {
      const answer = await post(body, shown === undefined ? {} : { secret: shown });
      expect([shown, answer.status]).toEqual([shown, 401]);
      expect(answer.headers["content-type"]).toBe(PROTOBUF);
    }
    await plane.base.storage.system
      .updateTable("agents")
      .set({ revoked_at: new Date(), revoked_reason: "test" })
      .where("id", "=", agentId)
      .execute();
    plane.base.bus.publish(subjects.agentRevoked(agentId), {});
    expect((await post(body, { secret: credential })).status).toBe(401);
    expect(await reportsOfAgent(agentId)).toEqual([]);
  });
});

describe("refusals", () => {
  const status = (text: Buffer) => JSON.parse(text.toString()) as { code?: number; message: string };

  test("have OTLP's statuses and a google.rpc.Status in the format of the request", async () => {
    const { secret } = await newBearer();
    const json = { secret, type: "application/json" };
    const cases: [string, number, Awaited<ReturnType<typeof post>>][] = [
      ["broken", 400, await post("{", json)],
      ["wrong type", 400, await post('{"resourceMetrics":7}', json)],
      ["broken gzip", 400, await post("no gzip", { ...json, encoding: "gzip" })],
      ["unknown encoding", 415, await post("{}", { ...json, encoding: "br" })],
      ["unknown type", 415, await post("{}", { secret, type: "text/plain" })],
      [
        "bomb",
        413,
        await post(gzipSync(Buffer.alloc(OTLP_BODY_BYTES_MAX + 1, 32)), { ...json, encoding: "gzip" }),
      ],
      ["a million points", 413, await post(`{"resourceMetrics":[${"{},".repeat(1_000_000)}{}]}`, json)],
    ];
    for (const [name, expected, answer] of cases) {
      expect([name, answer.status]).toEqual([name, expected]);
      expect(status(answer.body).code, name).toBe(3);
      expect(answer.headers["retry-after"], name).toBeUndefined();
    }
    const binary = await post(Uint8Array.of(0x0b), { secret });
    expect([binary.status, binary.headers["content-type"], binary.body[0]]).toEqual([400, PROTOBUF, 8]);
  });

  test("an agent that sends without end is told to wait", async () => {
    const { secret } = await newBearer();
    const answers = [];
    for (let count = 0; count < AGENT_BODIES_BURST + 40; count += 1)
      answers.push(await post(new Uint8Array(), { secret }));
    const late = answers.find((answer) => answer.status === 429);
    expect(Number(late?.headers["retry-after"])).toBeGreaterThan(0);
    expect(answers[0]?.status).toBe(200);
  });

  test("what waits for a database that does not follow is bounded, and its senders are told", async () => {
    const stuck = Promise.withResolvers<void>();
    const batches = new Batches<number>({
      write: () => stuck.promise,
      keyOf: String,
      batchMax: 2,
      waitingMax: 4,
    });
    const puts = [
      [1, 2],
      [3, 4],
      [5, 6],
    ].map((rows) => batches.put(rows));
    await expect(batches.put([7, 8, 9])).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 5 });
    stuck.reject(new Error("gone"));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "rejected"]);
    await batches.close();
  });
});

describe("logs and traces", () => {
  test("records are kept once, without their secrets", async () => {
    const { secret, agentId } = await newBearer();
    const body = logsBody([
      [now(), 17, "cannot reach https://user:hunter22@db.example/x", { api_key: "abc123", exporter: "otlp" }],
      [now(), 9, "started with Authorization: Bearer abcdefghijklmnop"],
    ]);
    for (let count = 0; count < 2; count += 1)
      expect((await post(body, { secret, path: "/v1/logs" })).status).toBe(200);
    const rows = await plane.base.storage.system
      .selectFrom("own_logs")
      .selectAll()
      .where("agent_id", "=", agentId)
      .orderBy("severity", "desc")
      .execute();
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toMatch(/hunter22|abc123|abcdefghijklmnop/);
    expect(rows[0]?.attributes).toMatchObject({ exporter: "otlp", "otel.scope.name": "test" });
  });

  test("a span without ids is told as not stored", async () => {
    const { secret } = await newBearer();
    const body = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}';
    const answer = await post(body, { secret, path: "/v1/traces", type: "application/json" });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      partialSuccess: {
        rejectedSpans: "1",
        errorMessage: "a span without a trace id or a span id: not stored (1)",
      },
    });
  });
});
