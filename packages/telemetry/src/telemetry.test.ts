import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeOtlp, encodeAnswer, encodeStatus } from "./decode.ts";
import { FUTURE_MS_MAX, ITEMS_PER_BODY_MAX, LOG_BODY_CHARS_MAX, SERIES_PER_REPORT_MAX } from "./limits.ts";
import { ownLogsOf } from "./logs.ts";
import { componentMeasure, totalIndex } from "./measures.ts";
import { reportsOf, type Normalised } from "./points.ts";
import {
  collectorMetrics,
  logsBody,
  metricsBody,
  metricsJson,
  metricsRequest,
  type TestMetric,
} from "./testing.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const START = NOW - 3_600_000;

function normalised(metrics: readonly TestMetric[], atMs = NOW, startMs = START): Normalised {
  return read(metricsBody(metricsRequest(atMs, startMs, metrics)));
}

function read(body: Uint8Array, format: "protobuf" | "json" = "protobuf"): Normalised {
  const decoded = decodeOtlp("metrics", format, body);
  if (!decoded.ok || decoded.request.signal !== "metrics") throw new Error(JSON.stringify(decoded));
  return reportsOf(decoded.request.message, NOW);
}

const total = ({ reports }: Normalised, ...at: Parameters<typeof totalIndex>) =>
  reports[0]?.totals[totalIndex(...at)];

describe("a Collector's report", () => {
  const metrics = collectorMetrics({ accepted: 100, refused: 3, sent: 90, failed: 7, queue: 12 });

  test("gives totals by signal, and every series with its value", () => {
    const result = normalised(metrics);
    expect(result).toMatchObject({ rejected: 0, remarks: [] });
    expect(result.reports).toHaveLength(1);
    expect(result.reports[0]).toMatchObject({ atMs: NOW, startedAtMs: START });
    expect(result.reports[0]?.points).toHaveLength(metrics.length);
    expect([
      total(result, "traces", "accepted"),
      total(result, "traces", "refused"),
      total(result, "traces", "sent"),
      total(result, "traces", "failed"),
      total(result, "traces", "queue_size"),
      total(result, "traces", "queue_capacity"),
      total(result, "logs", "accepted"),
    ]).toEqual([100, 3, 90, 7, 12, 1_000, null]);
  });

  test("says the same as JSON, with numbers as text or not", () => {
    const request = metricsRequest(NOW, START, metrics);
    const json = metricsJson(request);
    const bytes = new TextEncoder().encode(json);
    expect(read(bytes, "json")).toEqual(read(metricsBody(request)));
    const plain = json.replaceAll(/"asInt":"(\d+)"/g, '"asInt":$1').replace("{", '{"not_known":{"a":[1]},');
    expect(read(new TextEncoder().encode(plain), "json")).toEqual(read(metricsBody(request)));
  });

  test("of several clock readings is one report, and of a later moment another", () => {
    const one = metricsRequest(NOW - 60_000, START, metrics.slice(0, 2));
    const more = [metricsRequest(NOW - 59_400, START, metrics.slice(2)), metricsRequest(NOW, START, metrics)];
    for (const request of more) one.resourceMetrics.push(...request.resourceMetrics);
    const { reports } = read(metricsBody(one));
    expect(reports.map(({ atMs, points }) => [atMs, points.length])).toEqual([
      [NOW - 60_000, metrics.length],
      [NOW, metrics.length],
    ]);
  });

  test("by delta says since when its amounts count", () => {
    const deltas = metrics.map((metric) => ({ ...metric, kind: metric.kind ?? ("delta" as const) }));
    expect(normalised(deltas, NOW, NOW - 10_000).reports[0]?.startedAtMs).toBe(NOW - 10_000);
  });
});

describe("names of a Collector's metrics", () => {
  test.each([
    ["otelcol_receiver_accepted_spans", { receiver: "otlp" }, "receiver otlp traces accepted"],
    ["otelcol_receiver_accepted_spans_total", { receiver: "otlp" }, "receiver otlp traces accepted"],
    ["otelcol_receiver_accepted_spans__spans__total", { receiver: "otlp" }, "receiver otlp traces accepted"],
    ["otelcol_receiver_refused_metric_points", { receiver: "a/b" }, "receiver a/b metrics refused"],
    ["otelcol_receiver_failed_log_records", { receiver: "otlp" }, "receiver otlp logs refused"],
    ["otelcol_exporter_sent_log_records", { exporter: "debug" }, "exporter debug logs sent"],
    ["otelcol_exporter_send_failed_log_records_total", { exporter: "e" }, "exporter e logs failed"],
    ["otelcol_exporter_enqueue_failed_spans", { exporter: "e" }, "exporter e traces failed"],
    ["otelcol_exporter_queue_size", { exporter: "e", data_type: "logs" }, "exporter e logs queue_size"],
    [
      "otelcol_exporter_queue_capacity",
      { exporter: "e", data_type: "logs" },
      "exporter e logs queue_capacity",
    ],
    [
      "otelcol_processor_incoming_items",
      { processor: "batch", "otel.signal": "traces" },
      "processor batch traces accepted",
    ],
    [
      "otelcol_processor_outgoing_items_total",
      { processor: "batch", otel_signal: "logs" },
      "processor batch logs sent",
    ],
    ["otelcol_scraper_errored_metric_points", { scraper: "cpu" }, "scraper cpu metrics refused"],
    ["otelcol_exporter_queue_size", { exporter: "e" }, null],
    ["otelcol_exporter_queue_batch_send_size_count", { exporter: "e" }, null],
    ["otelcol_receiver_accepted_spans", {}, null],
    ["otelcol_process_uptime", {}, null],
    ["http_server_requests", { receiver: "otlp" }, null],
  ])("%s %o: %s", (name, attributes, expected) => {
    const measure = componentMeasure(name, attributes as unknown as Record<string, string>);
    const said =
      measure === null ? null : `${measure.kind} ${measure.component} ${measure.signal} ${measure.measure}`;
    expect(said).toBe(expected);
  });
});

describe("bad input", () => {
  test("values that are none, names and attributes beyond the limits are rejected and counted; the rest is kept", () => {
    const result = normalised([
      { name: "good", value: 1, kind: "gauge" },
      { name: "nan", value: Number.NaN, kind: "gauge" },
      { name: "infinite", value: Number.POSITIVE_INFINITY },
      { name: "x".repeat(201), value: 1 },
      { name: "", value: 1 },
      {
        name: "many",
        value: 1,
        attributes: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`a${n}`, ""])),
      },
      { name: "good", value: 2, kind: "gauge" },
    ]);
    expect(result.reports[0]?.points.map(({ series, value }) => [series.name, value])).toEqual([["good", 1]]);
    expect(result.rejected).toBe(6);
    expect(result.remarks.join("\n")).toMatch(/not finite[^]*characters[^]*attributes[^]*twice/);
  });

  test("long values of attributes are cut, NUL and half pairs replaced", () => {
    const attributes = { "a\0": "x".repeat(1_000), b: "\ud800" };
    const [point] = normalised([{ name: "n\0", value: 1, attributes }]).reports[0]?.points ?? [];
    expect(point?.series.name).toBe("n\u{fffd}");
    expect(point?.series.attributes["a\u{fffd}"]).toHaveLength(256);
    expect(point?.series.attributes["b"]).toBe("\u{fffd}");
  });

  test.each([
    ["1970", 0],
    ["two days ago", NOW - 2 * 86_400_000],
    ["in ten years", NOW + 10 * 365 * 86_400_000],
  ])("a time of %s counts as now, and is remarked on", (_name, atMs) => {
    const result = normalised([{ name: "n", value: 1 }], atMs, atMs);
    expect(result.reports[0]?.atMs).toBe(NOW);
    expect(result).toMatchObject({
      rejected: 0,
      remarks: ["a time far from now: taken as measured on arrival (1)"],
    });
    expect(normalised([{ name: "n", value: 1 }], NOW + FUTURE_MS_MAX).remarks).toEqual([]);
  });

  test("of more series than one may have, the Collector's own figures stay", () => {
    const flood = Array.from({ length: SERIES_PER_REPORT_MAX + 50 }, (_, n) => ({
      name: `flood_${n}`,
      value: n,
    }));
    const result = normalised([...flood, ...collectorMetrics({ accepted: 5, sent: 4 })]);
    expect(result.reports[0]?.points).toHaveLength(SERIES_PER_REPORT_MAX);
    expect(total(result, "traces", "accepted")).toBe(5);
    expect(result.rejected).toBe(57);
  });

  test("a million points are refused before they are decoded, in either format", () => {
    // resource_metrics { scope_metrics { metrics { gauge { data_points {} … } } } }
    const wrap = (field: number, body: Uint8Array) =>
      concat([varint(field * 8 + 2), varint(body.length), body]);
    const points = new Uint8Array(2_000_000);
    for (let at = 0; at < points.length; at += 2) points[at] = 0x0a;
    const body = wrap(1, wrap(2, wrap(2, wrap(5, points))));
    const json = new TextEncoder().encode(
      `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[${"{},".repeat(999_999)}{}]}}]}]}]}`,
    );
    expect(decodeOtlp("metrics", "protobuf", body)).toMatchObject({ ok: false, issue: { code: "too_many" } });
    expect(decodeOtlp("metrics", "json", json)).toMatchObject({ ok: false, issue: { code: "too_many" } });
    const fewer = json.length;
    expect(fewer).toBeLessThan(8 * 1024 * 1024);
    const limits = { itemsMax: 3, entriesMax: 1_000, depthMax: 24 };
    const four = new TextEncoder().encode(
      '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{},{},{}]}}]}]}]}',
    );
    expect(decodeOtlp("metrics", "json", four, limits)).toMatchObject({
      ok: false,
      issue: { code: "too_many" },
    });
    expect(ITEMS_PER_BODY_MAX).toBeLessThan(1_000_000);
  });

  test("nesting without end, wrong types and cut-off bodies are malformed", () => {
    let value: Uint8Array = new Uint8Array();
    const wrap = (field: number, body: Uint8Array) =>
      concat([varint(field * 8 + 2), varint(body.length), body]);
    for (let depth = 0; depth < 2_000; depth += 1) value = wrap(5, wrap(1, value));
    const deep = wrap(1, wrap(2, wrap(2, wrap(5, value))));
    const bad: [string, "protobuf" | "json", Uint8Array][] = [
      ["deep", "protobuf", wrap(1, wrap(1, wrap(1, wrap(2, deep))))],
      ["deep JSON", "json", new TextEncoder().encode("[".repeat(100_000))],
      ["a list", "json", new TextEncoder().encode("[]")],
      ["text", "json", new TextEncoder().encode("hello")],
      ["a number where a list belongs", "json", new TextEncoder().encode('{"resourceMetrics":7}')],
      ["not UTF-8", "json", Uint8Array.of(0x22, 0xff, 0x22)],
      ["a group", "protobuf", Uint8Array.of(0x0b)],
      ["longer than it is", "protobuf", Uint8Array.of(0x0a, 0x7f, 1)],
    ];
    for (const [name, format, body] of bad)
      expect([name, decodeOtlp("metrics", format, body)]).toMatchObject([
        name,
        { ok: false, issue: { code: "malformed" } },
      ]);
    expect(decodeOtlp("metrics", "protobuf", new Uint8Array()).ok).toBe(true);
  });

  test("whatever bytes come, the answer is a value and nothing is thrown", () => {
    const good = metricsBody(metricsRequest(NOW, START, collectorMetrics({ accepted: 1, sent: 1 })));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 12 }),
        fc.nat(good.length),
        (changes, length) => {
          const body = good.slice(0, length);
          for (const [at, byte] of changes) if (at < body.length) body[at] = byte;
          const decoded = decodeOtlp("metrics", "protobuf", body);
          if (decoded.ok && decoded.request.signal === "metrics") reportsOf(decoded.request.message, NOW);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("log records", () => {
  test("are ordered, bounded and carry where they are from", () => {
    const decoded = decodeOtlp(
      "logs",
      "protobuf",
      logsBody([
        [NOW, 17, "second", { code: "7" }],
        [NOW - 1_000, 9, "first"],
        [NOW, 99, "x".repeat(LOG_BODY_CHARS_MAX + 10)],
      ]),
    );
    if (!decoded.ok || decoded.request.signal !== "logs") throw new Error("not decoded");
    const { logs, rejected } = ownLogsOf(decoded.request.message, NOW);
    expect(rejected).toBe(0);
    expect(logs.map(({ body, severity }) => [body.length, severity])).toEqual([
      [5, 9],
      [6, 17],
      [LOG_BODY_CHARS_MAX, 0],
    ]);
    expect(JSON.parse(logs[1]?.attributes ?? "")).toEqual({ "otel.scope.name": "test", code: "7" });
  });
});

test("answers are empty when all was taken, and say what was not", () => {
  expect(encodeAnswer("metrics", "protobuf", null)).toHaveLength(0);
  expect(new TextDecoder().decode(encodeAnswer("metrics", "json", null))).toBe("{}");
  const partial = { rejected: 7, message: "no" };
  expect(JSON.parse(new TextDecoder().decode(encodeAnswer("logs", "json", partial)))).toEqual({
    partialSuccess: { rejectedLogRecords: "7", errorMessage: "no" },
  });
  expect(JSON.parse(new TextDecoder().decode(encodeStatus("json", 3, "bad")))).toEqual({
    code: 3,
    message: "bad",
  });
});

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
