import { expect, test } from "vitest";
import { drift } from "./drift.ts";
import { readConfig } from "./read.ts";

function section(text: string) {
  const { read } = readConfig(text);
  if (read === null) throw new Error("no configuration");
  return read.value;
}

const OFFERED = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:\${env:OTLP_PORT}", idle_timeout: 90s}}}}
processors: {memory_limiter: {check_interval: 1s, limit_mib: 200}}
exporters: {debug: {verbosity: basic}}
service: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}
`;

/** What a Collector 0.149 under a supervisor reports of that: every default filled in, some settings left out. */
const EFFECTIVE = `
connectors: {}
exporters: {debug: {output_paths: [], sampling_initial: 2, sampling_thereafter: 1, sending_queue: null, use_internal_logger: true}}
extensions: {opamp: {ppid: 26817, server: {ws: {endpoint: "ws://127.0.0.1:44199/v1/opamp"}}}}
processors: {memory_limiter: {check_interval: 1s, limit_mib: 200, min_gc_interval_when_soft_limited: 10s, spike_limit_mib: 0}}
receivers:
  otlp:
    protocols:
      grpc: null
      http: {cors: null, endpoint: "127.0.0.1:35347", idle_timeout: 1m30s, keep_alives_enabled: true, tls: null, transport: tcp}
service:
  extensions: [opamp]
  pipelines: {logs: {exporters: [debug], processors: [], receivers: [otlp]}}
  telemetry: {metrics: {level: Normal}, resource: {host.name: edge-3}}
`;

test("defaults that a Collector filled in are no drift", () => {
  expect(drift(section(OFFERED), section(EFFECTIVE))).toEqual({ in_sync: true, changes: [] });
});

test.each([
  ["limit_mib: 200", "limit_mib: 300", /memory_limiter runs with another limit_mib/],
  ["idle_timeout: 1m30s", "idle_timeout: 1m", /otlp runs with another protocols\.http\.idle_timeout/],
  ["processors: []", "processors: [memory_limiter]", /pipeline logs runs with another processors/],
  ["exporters: {debug: {", "exporters: {nop: , debug: {", /also runs the exporter nop/],
  ["processors: {memory_limiter: {", "processors: {batch: {", /does not run the processor memory_limiter/],
])("%s that became %s is", (was, became, words) => {
  const { changes } = drift(section(OFFERED), section(EFFECTIVE.replace(was, became)));
  expect(changes.join("\n")).toMatch(words);
});

test("a part that is switched off although it was offered is told", () => {
  const grpc = OFFERED.replace("protocols: {", "protocols: {grpc: {endpoint: a}, ");
  expect(drift(section(grpc), section(EFFECTIVE)).changes).toEqual([
    "The receiver otlp runs with another protocols.grpc.",
  ]);
});
