import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { isTerminal } from "@flowplane/contract";
import { eventually, freePort, startControlPlane, startSiteAgent } from "./harness/index.ts";

const WAIT_MS = 60_000;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string; intValue?: number } }[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** Takes OTLP over HTTP as JSON, as a Collector does. */
async function startReceiver() {
  const spans: Span[] = [];
  const services = new Set<string | undefined>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url !== "/v1/traces") return response.writeHead(404).end();
      for (const { resource, scopeSpans } of (JSON.parse(body) as Export).resourceSpans) {
        services.add(resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      }
      return response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    services,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("one trace from the call that asks for a run, and for its end, to the process and the signal", async () => {
  await using receiver = await startReceiver();
  await using plane = await startControlPlane({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  await using agent = await startSiteAgent(plane, "traced");
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const caller = "00f067aa0ba902b7";
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${plane.url}/api/v1${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${plane.key}`,
        "content-type": "application/json",
        traceparent: `00-${traceId}-${caller}-00`,
      },
      body: JSON.stringify(body),
    });
    expect(response.ok).toBe(true);
    return (await response.json()) as { id: string };
  };
  const read = (id: string) => plane.client.runRead({ params: { run_id: id } });

  const { id } = await post("/runs", { command: "sleep", args: ["600"], agent_id: agent.id });
  await eventually("the run to run", async () => (await read(id)).state === "RUNNING" || undefined, WAIT_MS);
  await post(`/runs/${id}/stop`, { reason: "seen enough" });
  await eventually("the run to end", async () => isTerminal((await read(id)).state) || undefined, WAIT_MS);

  const seen = () => receiver.spans.filter((span) => span.traceId === traceId);
  await eventually("the spans", () => (seen().length >= 4 ? true : undefined), WAIT_MS);
  expect(
    seen()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(["POST /api/v1/runs", "POST /api/v1/runs/:run_id/stop", "agent: signal", "agent: start"]);
  const span = (name: string): Span => {
    const found = seen().find((each) => each.name === name);
    if (found === undefined) throw new Error(`no span ${name}`);
    return found;
  };
  const [create, start] = [span("POST /api/v1/runs"), span("agent: start")];
  const [stop, signal] = [span("POST /api/v1/runs/:run_id/stop"), span("agent: signal")];
  expect([create.parentSpanId, stop.parentSpanId]).toEqual([caller, caller]);
  expect([start.parentSpanId, signal.parentSpanId]).toEqual([create.spanId, stop.spanId]);
  for (const each of [start, stop, signal])
    expect(each.attributes).toContainEqual({ key: "run_id", value: { stringValue: id } });

  const times = [
    create.startTimeUnixNano,
    start.endTimeUnixNano,
    stop.startTimeUnixNano,
    signal.endTimeUnixNano,
  ].map(BigInt);
  expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
  for (const each of seen())
    expect(BigInt(each.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(each.startTimeUnixNano));

  // The agent's own time of the signal, not that of the report's arrival.
  const { items } = await plane.client.runEvents({ params: { run_id: id }, query: {} });
  const stopping = items.find(({ type }) => type === "run.stopping")?.payload;
  expect(Date.parse(String(stopping?.["signalled_at"]))).toBe(
    Number(BigInt(signal.endTimeUnixNano) / 1_000_000n),
  );
  expect([...receiver.services]).toEqual(["flowplane"]);

  // What was asked for stands in the audit log under the same trace.
  const audit = await plane.client.auditList({ query: { target_id: id } });
  expect(audit.items.map(({ metadata }) => metadata["trace_id"])).toEqual([traceId, traceId]);
}, 180_000);

test("a run that waits for an agent has the trace of its request when it gets one", async () => {
  await using receiver = await startReceiver();
  await using plane = await startControlPlane({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  const { id } = await plane.client.runCreate({ body: { command: "true", placement: {} } });
  await using _agent = await startSiteAgent(plane, "late");
  const ofRun = await eventually(
    "the spans",
    () => {
      const start = receiver.spans.find(({ name }) => name === "agent: start");
      const spans = receiver.spans.filter(({ traceId }) => traceId === start?.traceId);
      return spans.length >= 3 ? spans : undefined;
    },
    WAIT_MS,
  );
  const create = ofRun.find(({ name }) => name === "POST /api/v1/runs");
  expect(create?.parentSpanId ?? "").toBe("");
  for (const name of ["dispatch", "agent: start"]) {
    const span = ofRun.find((each) => each.name === name);
    expect(span?.parentSpanId).toBe(create?.spanId);
    expect(span?.attributes).toContainEqual({ key: "run_id", value: { stringValue: id } });
  }
}, 180_000);

test("a collector that is away is told in the log, and holds up nothing", async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  await using plane = await startControlPlane({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
  await plane.client.runCreate({ body: { command: "true", placement: {} } });
  await eventually("the log", () => plane.output().includes("sending traces") || undefined, WAIT_MS);
  await plane.client.runCreate({ body: { command: "true", placement: {} } });
  await plane.stop();
  expect(plane.child.exitCode).toBe(0);
}, 180_000);
