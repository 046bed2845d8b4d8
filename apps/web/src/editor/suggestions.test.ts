import { expect, test } from "vitest";
import { suggestionsAt } from "./suggestions.ts";
import { idsIn, lineOf, placeAt } from "./yamlPlace.ts";

const TEXT = `receivers:
  otlp:
    protocols:
      grpc:
  filelog/nginx:
    include: [/var/log/nginx/*.log]
connectors:
  count:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp, `;

const labels = (before: string) => {
  const place = placeAt(before);
  return place === undefined ? undefined : suggestionsAt(before, place).map(({ label }) => label);
};

test("a name, a setting, a pipeline's part: each where it belongs", () => {
  expect(labels("rec")).toEqual([
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
    "service",
  ]);
  expect(labels("receivers:\n  o")).toContain("otlp");
  expect(labels("receivers:\n  otlp:\n    protocols:\n  file")).toContain("filelog");
  expect(labels("processors:\n  batch/large:\n    ")).toEqual([
    "timeout",
    "send_batch_size",
    "send_batch_max_size",
  ]);
  expect(labels("service:\n  ")).toEqual(["pipelines", "extensions", "telemetry"]);
  expect(labels("service:\n  pipelines:\n    traces:\n      ")).toEqual([
    "receivers",
    "processors",
    "exporters",
  ]);
});

test("in a pipeline what the text defines, connectors too", () => {
  expect(labels(TEXT)).toEqual(["otlp", "filelog/nginx", "count"]);
  expect(labels(`${TEXT}count]\n      exporters:\n        - d`)).toEqual(["debug", "count"]);
});

test("in a comment, in a value and where nothing is known there is nothing to suggest", () => {
  expect(placeAt("receivers: # o")).toBeUndefined();
  expect(placeAt("exporters:\n  otlp:\n    endpoint: http")).toBeUndefined();
  expect(labels("receivers:\n  otlp:\n    protocols:\n      ")).toEqual([]);
});

test("where a component is written", () => {
  expect(lineOf(TEXT, "receivers", "filelog/nginx")).toBe(5);
  expect(lineOf(TEXT, "exporters", "debug")).toBe(10);
  expect(lineOf(TEXT, "exporters", "otlp")).toBeUndefined();
  expect(idsIn(TEXT, "receivers")).toEqual(["otlp", "filelog/nginx"]);
});
