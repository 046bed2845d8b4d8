import fc from "fast-check";
import { expect, test } from "vitest";
import { checkConfig } from "./check.ts";
import { CONFIG_BYTES_MAX } from "./limits.ts";
import { GOOD, without } from "./testing.ts";

/** "line:column severity code", in order. */
function told(text: string): string[] {
  return checkConfig(text).problems.map(
    ({ at, severity, code }) => `${at.line}:${at.column} ${severity} ${code}`,
  );
}

function messages(text: string): string[] {
  return checkConfig(text).problems.map(({ message }) => message);
}

test("a good configuration has no problem", () => {
  expect(checkConfig(GOOD).problems).toEqual([]);
});

test.each([
  ["nothing", "", "1:1 error empty"],
  ["comments alone", "# later\n", "1:1 error empty"],
  ["a list", "- otlp\n", "1:1 error shape"],
  ["a text", "otlp\n", "1:1 error shape"],
  ["a tab", "receivers:\n\totlp:\n", "2:1 error syntax"],
  ["a key twice", "receivers:\n  otlp:\n  otlp:\n", "3:3 error duplicate_key"],
  ["two documents", `${GOOD}---\n${GOOD}`, "31:4 error several_documents"],
  ["a bracket that is not closed", "service: {pipelines: [\n", "2:1 error syntax"],
])("%s is told with its place", (_, text, expected) => {
  expect(told(text)[0]?.replace(/^31:\d+/, "31:4")).toBe(expected);
});

test("a text that is too large is not even read", () => {
  expect(told(`a: ${"x".repeat(CONFIG_BYTES_MAX)}`)).toEqual(["1:1 error too_large"]);
});

test("aliases may repeat a value and may not multiply it beyond measure", () => {
  const anchored = GOOD.replace("endpoint: 127.0.0.1:4317", "endpoint: &address 127.0.0.1:4317").replace(
    "endpoint: https://backend.example",
    "endpoint: *address",
  );
  expect(told(anchored)).toEqual([]);
  const laughs = Array.from({ length: 9 }, (_, n) =>
    n === 0 ? "a0: &a0 [x, x, x, x, x, x, x, x, x]" : `a${n}: &a${n} [${`*a${n - 1}, `.repeat(9)}]`,
  ).join("\n");
  expect(told(laughs)).toEqual(["1:1 error aliases"]);
});

test("what is too deep is refused before it can hurt", () => {
  expect(told(`${"[".repeat(200)}${"]".repeat(200)}`)).toEqual(["1:1 error too_deep"]);
});

test.each([
  [
    "a section nobody knows",
    GOOD.replace("exporters:\n  debug", "exporter:\n  debug"),
    "There is no section exporter. Did you mean exporters?",
  ],
  [
    "settings that are a list",
    GOOD.replace("  debug:", "  debug: []"),
    "The settings of debug are a map, or nothing, not a list.",
  ],
  [
    "a reference to nothing",
    GOOD.replace("receivers: [otlp]", "receivers: [otpl]"),
    "The pipeline traces uses the receiver otpl, which is not defined. Did you mean otlp?",
  ],
  [
    "a component in the wrong list",
    GOOD.replace("exporters: [debug]", "exporters: [batch]"),
    "The pipeline traces/copy uses the exporter batch, which is not defined. It is defined below processors.",
  ],
  [
    "no receiver in a pipeline",
    GOOD.replace("receivers: [forward]", "receivers: []"),
    "The pipeline traces/copy has no receiver.",
  ],
  [
    "a signal that is none",
    GOOD.replace("    traces/copy:", "    trace/copy:"),
    "A pipeline begins with traces, metrics, logs, profiles, not trace. Did you mean traces?",
  ],
  [
    "no service",
    GOOD.slice(0, GOOD.indexOf("service:")),
    "There is no service with pipelines, so nothing would flow. Add service: pipelines: …",
  ],
  [
    "a processor twice",
    GOOD.replace("[memory_limiter, batch]", "[batch, batch]"),
    "batch stands twice among the processors of traces.",
  ],
  [
    "an id that is none",
    GOOD.replace("  debug:", "  2debug:").replace("[debug]", "[2debug]"),
    '"2debug" is no id: the type "2debug" has to begin with a letter and hold letters, digits and _ alone.',
  ],
  [
    "an id without its name",
    GOOD.replace("  debug:", "  debug/:").replace("[debug]", "[debug/]"),
    '"debug/" is no id: nothing follows the slash.',
  ],
  [
    "a connector that leads nowhere",
    without(GOOD.replace("traces/copy", "logs"), "nothing").replace(
      "receivers: [forward]",
      "receivers: [otlp]",
    ),
    "The connector forward is an exporter of a pipeline and has to be a receiver of another one as well.",
  ],
  [
    "one id for two things",
    GOOD.replace("  debug:", "  debug:\n  forward:"),
    "forward is a connector and a exporter at once. Give one another name, such as forward/2.",
  ],
  [
    "an extension that is not there",
    GOOD.replace("service:", "service:\n  extensions: [health_check]"),
    "The service uses the extension health_check, which is not defined. Define it below extensions.",
  ],
  [
    "a port taken twice",
    GOOD.replace("4318", "4317"),
    "127.0.0.1:4317 is taken by receivers.otlp.protocols.grpc.endpoint already, so the Collector could not start.",
  ],
  [
    "a reference no Collector resolves",
    GOOD.replace("${secret:", "${vault:"),
    "${vault:…} is a reference that no Collector resolves. It knows env, file, http, https, yaml; the control plane secret and var.",
  ],
  [
    "a secret in plain text",
    GOOD.replace("Bearer ${secret:BACKEND_TOKEN}", "Bearer abc"),
    "authorization stands here in plain text, for everybody who reads the version. Store it as a secret and write ${secret:NAME}.",
  ],
  [
    "a limiter that comes late",
    GOOD.replace("[memory_limiter, batch]", "[batch, memory_limiter]"),
    "memory_limiter comes behind batch; only as the first processor can it keep memory from running out.",
  ],
  [
    "what is never used",
    GOOD.replace("  batch: {}", "  batch: {}\n  filter: {}"),
    "The processor filter is used by no pipeline, so it is never started.",
  ],
  [
    "what was removed",
    GOOD.replace("  debug:", "  logging:").replace("[debug]", "[logging]"),
    "The exporter logging was removed; use debug.",
  ],
])("%s", (_, text, message) => {
  expect(text).not.toBe(GOOD);
  expect(messages(text)).toContain(message);
});

test("pipelines that feed each other in a circle are found", () => {
  const circle = GOOD.replace("exporters: [debug]", "exporters: [debug, forward/back]")
    .replace("  forward:", "  forward:\n  forward/back:")
    .replace("receivers: [otlp]", "receivers: [otlp, forward/back]");
  expect(messages(circle)).toEqual([
    "Connectors lead the pipelines in a circle: traces → traces/copy → traces.",
  ]);
});

test("a problem stands where it is in the text", () => {
  expect(told(GOOD.replace("receivers: [otlp]", "receivers: [otpl]"))).toEqual([
    "3:3 warning unused",
    "25:19 error dangling",
  ]);
});

test("whatever the text, checking ends with problems or without, and never throws", () => {
  const yaml = fc.oneof(
    fc.string(),
    fc.string({ unit: "grapheme" }),
    fc.json().map((text) => `service: ${text}`),
    fc.array(fc.constantFrom(...GOOD.split("\n")), { maxLength: 40 }).map((lines) => lines.join("\n")),
  );
  fc.assert(
    fc.property(yaml, (text) => {
      const { problems, config } = checkConfig(text);
      for (const { at } of problems) expect(at.from).toBeLessThanOrEqual(text.length);
      if (config === null) expect(problems.length).toBeGreaterThan(0);
    }),
  );
});
