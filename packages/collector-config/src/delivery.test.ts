import { expect, test } from "vitest";
import { parse } from "yaml";
import { composeText } from "./compose.ts";
import { drift } from "./drift.ts";
import { CONFIG_BYTES_MAX } from "./limits.ts";
import { holdForClient, holdOffer, nothingOfOurs, offerOf } from "./offer.ts";
import { profileOf, type Client } from "./profiles.ts";
import type { Section } from "./read.ts";
import { compileTemplate, fillTemplate } from "./template.ts";
import { GOOD } from "./testing.ts";

const config = parse(GOOD) as Section;
const client = (more: Partial<Client> = {}): Client => ({
  kind: "collector",
  capabilities: new Set(["ReportsStatus", "AcceptsRemoteConfig", "ReportsRemoteConfig"]),
  attributes: { "service.name": "otelcol-contrib" },
  customCapabilities: [],
  effectiveNames: [],
  ...more,
});
const without = new Set(["ReportsStatus", "ReportsEffectiveConfig"]);

test.each<[string, Partial<Client>, string, boolean, string]>([
  ["a supervisor", {}, "opampsupervisor", true, "config.yaml"],
  ["a bare extension", { capabilities: without }, "opamp_extension", false, "config.yaml"],
  [
    "a supervisor that is not told to accept",
    { capabilities: new Set([...without, "ReportsOwnMetrics"]) },
    "opampsupervisor",
    false,
    "config.yaml",
  ],
  [
    "Bindplane's",
    { attributes: { "service.name": "com.bindplane.collector" } },
    "bindplane",
    true,
    "collector.yaml",
  ],
  [
    "the operator's bridge",
    {
      attributes: { "service.name": "io.opentelemetry.operator-opamp-bridge" },
      effectiveNames: ["collector"],
    },
    "operator_bridge",
    true,
    "collector",
  ],
  [
    "a bridge of two",
    { attributes: { "service.name": "io.opentelemetry.operator-opamp-bridge" }, effectiveNames: ["a", "b"] },
    "operator_bridge",
    false,
    "config.yaml",
  ],
  ["an SDK", { attributes: { "telemetry.sdk.language": "nodejs" } }, "sdk", false, "config.yaml"],
  ["a site agent", { kind: "site" }, "site_agent", false, "config.yaml"],
  ["a REST gateway", { kind: "gateway" }, "rest_gateway", true, "config.yaml"],
])("%s is known by what it says of itself", (_, more, name, configurable, entryName) => {
  const profile = profileOf(client(more));
  expect(profile).toMatchObject({ name, configurable, entryName });
  expect(profile.whyNot === null).toBe(configurable);
});

test("a bare Collector is told the lines that would make it configurable", () => {
  expect(profileOf(client({ capabilities: without })).whyNot).toContain("accepts_remote_config: true");
});

test("opamp row 34: an offer that stops, crashes or misses a client does not go out", () => {
  const profile = profileOf(client());
  const entry = { name: "config.yaml", contentType: "text/yaml", body: "a: 1" };
  const held = (entries: (typeof entry)[], isStop = false) =>
    holdOffer(profile, { entries, isStop })?.sentence;
  expect(held([entry])).toBeUndefined();
  expect(held([])).toContain("no entry at all");
  expect(held([], true)).toBeUndefined();
  expect(held([{ ...entry, body: " \n" }])).toContain("is empty");
  expect(held([{ ...entry, body: "x".repeat(profile.bodyBytesMax + 1) }])).toContain("bytes");
  expect(holdOffer(profile, { entries: [entry], isStop: false }, 3)?.sentence).toContain("more than 3 bytes");
  expect(held([entry, entry])).toContain("Two entries");
  expect(held([{ ...entry, name: "other" }])).toContain("would skip");
  expect(holdOffer(profile, offerOf(profile, GOOD))).toBeNull();
});

test("a configuration that would cut its agent off is held", () => {
  const profile = profileOf(client());
  const judge = (text: Section, effective: Section | null) =>
    holdForClient(text, { profile, available: null, effective })?.sentence;
  const connectedBy = (endpoint: string) => ({ extensions: { opamp: { server: { ws: { endpoint } } } } });
  const own = { ...config, extensions: { opamp: {} } };
  expect(judge(config, null)).toBeUndefined();
  expect(judge(own, null)).toContain("supervisor watches");
  expect(judge(own, connectedBy("ws://127.0.0.1:4321/v1/opamp"))).toContain("supervisor watches");
  expect(judge(config, connectedBy("wss://fleet.example/v1/opamp"))).toContain("it would be lost");
});

test("nothing of ours leaves its own files, and stops only what ran nothing", () => {
  const profile = profileOf(client());
  expect(nothingOfOurs(profile, true).entries).toMatchObject([{ body: "{}\n" }]);
  expect(nothingOfOurs(profile, null).entries).toHaveLength(1);
  expect(nothingOfOurs(profile, false)).toMatchObject({ entries: [], isStop: true });
});

test("overlays are laid on in their order; a body without one keeps its comments", () => {
  const body = { text: GOOD, value: config };
  expect(composeText(body, [])).toBe(GOOD);
  const over = (verbosity: string) => ({ name: verbosity, value: { exporters: { debug: { verbosity } } } });
  expect(parse(composeText(body, [over("basic"), over("detailed")]))).toMatchObject({
    exporters: { debug: { verbosity: "detailed" } },
  });
});

test("a block of text, a flow list and a repeated name are filled in where they stand", () => {
  const text = 'a: |\n  one ${var:X}\n  two\nb: ["${var:X}", "${var:N}"]\n# ${var:X}\nc: end\n';
  const filled = fillTemplate(
    compileTemplate(text),
    ({ name }) => (name === "N" ? "7" : 'x"\n'),
    CONFIG_BYTES_MAX,
  );
  expect(filled.missing).toEqual([]);
  expect(parse(filled.text ?? "")).toEqual({ a: 'one x"\n\ntwo\n', b: ['x"\n', 7], c: "end" });
  expect(filled.text).toContain("# ${var:X}");
});

test("a text that asks for a long value again and again is given up before it fills the memory", () => {
  const template = compileTemplate(`a: "${"${secret:LONG}".repeat(30_000)}"\n`);
  // A gigabyte: more than one text may have.
  const long = "x".repeat(32 * 1024);
  expect(fillTemplate(template, () => long, CONFIG_BYTES_MAX).text).toBeNull();
  const short = compileTemplate("a: ${var:X}\nb: c");
  expect(fillTemplate(short, () => "four", 14).text).toBe('a: "four"\nb: c');
  expect(fillTemplate(short, () => "four", 13).text).toBeNull();
});

test("what a supervisor adds, redacts or resolves is no drift; what somebody changed is", () => {
  const effective = {
    ...config,
    extensions: { opamp: {} },
    receivers: { ...(config["receivers"] as Section), "prometheus/own_metrics": {} },
    exporters: {
      debug: {},
      "otlphttp/backend": { endpoint: "https://backend.example", headers: { authorization: "[REDACTED]" } },
    },
    service: { ...(config["service"] as Section), extensions: ["opamp"], telemetry: { resource: { a: 1 } } },
  };
  expect(drift(config, effective)).toEqual({ in_sync: true, changes: [] });
  const offered = {
    ...config,
    processors: { ...(config["processors"] as Section), batch: { timeout: "5s" } },
  };
  expect(drift(offered, { ...effective, processors: { batch: { timeout: "1s" } } }).changes).toEqual([
    "It does not run the processor memory_limiter.",
    "The processor batch runs with another timeout.",
  ]);
});
