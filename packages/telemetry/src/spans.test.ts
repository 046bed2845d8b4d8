import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { decodeOtlp } from "./decode.ts";
import { ExportTraceServiceRequestSchema } from "./gen/otlp_pb.ts";
import { SPAN_MS_MAX, SPANS_PER_BODY_MAX } from "./limits.ts";
import { ownSpansOf, type NormalisedSpans } from "./spans.ts";
import { spansBody, spansRequest, type TestSpan } from "./testing.ts";

const NOW = Date.parse("2026-03-01T10:00:00.000Z");
const TRACE = "5b8efff798038103d269b633813fc60c";
const span = (more: Partial<TestSpan> = {}): TestSpan => ({
  traceId: TRACE,
  spanId: "eee19b7ec3c1b174",
  name: "work",
  startMs: NOW - 1_000,
  endMs: NOW - 990,
  ...more,
});

function take(body: Uint8Array, format: "protobuf" | "json" = "protobuf"): NormalisedSpans {
  const decoded = decodeOtlp("traces", format, body);
  if (!decoded.ok || decoded.request.signal !== "traces") throw new Error(JSON.stringify(decoded));
  return ownSpansOf(decoded.request.message, NOW);
}

const taken = (...spans: readonly TestSpan[]) => take(spansBody("otelcol", spans));

test("a span is kept with its place, name, kind, times, status, service and attributes", () => {
  const { spans, rejected, remarks } = taken(
    span({
      parentSpanId: "eee19b7ec3c1b173",
      kind: 3,
      status: { code: 2, message: "refused" },
      attributes: { exporter: "otlp" },
    }),
  );
  expect([rejected, remarks]).toEqual([0, []]);
  expect(spans).toEqual([
    {
      traceId: TRACE,
      spanId: "eee19b7ec3c1b174",
      parentSpanId: "eee19b7ec3c1b173",
      name: "work",
      kind: "client",
      startUs: (NOW - 1_000) * 1_000,
      durationUs: 10_000,
      status: "error",
      statusMessage: "refused",
      service: "otelcol",
      attributes: '{"otel.scope.name":"test","exporter":"otlp"}',
    },
  ]);
});

test("ids are hex in JSON, in either case, and what is none is no id", () => {
  const json = (traceId: string, spanId: string) =>
    take(
      new TextEncoder().encode(
        JSON.stringify({
          resourceSpans: [
            {
              scopeSpans: [
                { spans: [{ traceId, spanId, name: "x", kind: 2, startTimeUnixNano: `${NOW}000000` }] },
              ],
            },
          ],
        }),
      ),
      "json",
    );
  expect(json(TRACE.toUpperCase(), "EEE19B7EC3C1B174").spans).toMatchObject([
    { traceId: TRACE, spanId: "eee19b7ec3c1b174", parentSpanId: null, kind: "server", durationUs: 0 },
  ]);
  for (const [traceId, spanId] of [
    ["not hex at all", "eee19b7ec3c1b174"],
    [TRACE, "eee1"],
    ["0".repeat(32), "eee19b7ec3c1b174"],
  ] as const)
    expect(json(traceId, spanId)).toMatchObject({ spans: [], rejected: 1 });
  // As protobuf's own JSON has them, in base64: no ids of OTLP.
  const odd = JSON.stringify(toJson(ExportTraceServiceRequestSchema, spansRequest("", [span()])));
  expect(take(new TextEncoder().encode(odd), "json")).toMatchObject({ spans: [], rejected: 1 });
});

test("a time far from now begins on arrival, an end before its beginning takes no time, none takes longer than a day", () => {
  const hour = 3_600_000;
  const { spans, rejected, remarks } = taken(
    span({ startMs: NOW - 25 * hour, endMs: NOW - 25 * hour + 5 }),
    span({ startMs: NOW + hour, endMs: NOW + hour + 7 }),
    span({ startMs: 0, endMs: NOW }),
    span({ startMs: NOW - 5, endMs: NOW - 6 }),
  );
  expect(rejected).toBe(0);
  expect(remarks).toEqual(["a time far from now: taken as begun on arrival (3)"]);
  expect(spans.map(({ startUs, durationUs }) => [startUs / 1_000 - NOW, durationUs / 1_000])).toEqual([
    [-5, 0],
    [0, 5],
    [0, 7],
    [0, SPAN_MS_MAX],
  ]);
});

test("texts are cut, of a body with too many spans the newest are kept", () => {
  const long = taken(span({ name: "n".repeat(1_000), attributes: { a: "v".repeat(10_000) } })).spans[0];
  expect(long?.name).toHaveLength(200);
  expect(Object.keys(JSON.parse(long?.attributes ?? "") as object)).toEqual(["flowplane.cut"]);
  const many = Array.from({ length: SPANS_PER_BODY_MAX + 2 }, (_, at) =>
    span({ name: String(at), startMs: NOW - 100_000 + at, endMs: NOW }),
  );
  const { spans, rejected } = taken(...many);
  expect([spans.length, rejected, spans[0]?.name]).toEqual([SPANS_PER_BODY_MAX, 2, "2"]);
});

test("a body of a million spans is refused before it is decoded", () => {
  const spans = new Uint8Array(2_000_000).map((_, at) => (at % 2 === 0 ? 0x12 : 0));
  const within = (field: number, inner: Uint8Array) => {
    const length: number[] = [];
    for (let rest = inner.length; ; rest = Math.floor(rest / 128)) {
      length.push(rest < 128 ? rest : (rest % 128) | 0x80);
      if (rest < 128) break;
    }
    return Uint8Array.from(Buffer.concat([Uint8Array.from([field * 8 + 2, ...length]), inner]));
  };
  const decoded = decodeOtlp("traces", "protobuf", within(1, within(2, spans)));
  expect(decoded).toMatchObject({ ok: false, issue: { code: "too_many" } });
});
