import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { checkConfig } from "./check.ts";
import { availableOf, lacking, lackSentence } from "./components.ts";
import { differences } from "./difference.ts";
import { graphOf } from "./graph.ts";
import { mergeFragments, overlay } from "./merge.ts";
import { CONFIG_BYTES_MAX } from "./limits.ts";
import { modelOf } from "./model.ts";
import type { Section } from "./read.ts";
import { findReferences } from "./references.ts";
import { compileTemplate, fillTemplate } from "./template.ts";
import { GOOD } from "./testing.ts";

const config = parse(GOOD) as Section;

test("what Collectors lack is counted by what they are built with", () => {
  const built = (...receivers: string[]) => {
    const map = (types: string[]) => ({
      components: Object.fromEntries(types.map((type) => [type, {}])),
    });
    const available = availableOf({
      receivers: map(receivers),
      processors: map(["batch", "memory_limiter"]),
      exporters: map(["debug", "otlphttp"]),
      connectors: map(["forward"]),
    });
    if (available === null) throw new Error("not reported");
    return available;
  };
  const lacks = lacking(modelOf(config), [
    { available: built("otlp", "filelog"), agents: 328 },
    { available: built("filelog"), agents: 12 },
  ]);
  expect(lacks).toEqual([{ kind: "receivers", type: "otlp", ids: ["otlp"], agents: 12 }]);
  expect(lacks.map((lack) => lackSentence(lack, 340))).toEqual(["12 of 340 agents lack the receiver otlp."]);
  expect(availableOf({})).toBeNull();
  expect(availableOf("nonsense")).toBeNull();
});

test("entries are laid over each other as a supervisor does: by name, the unnamed last, extensions put together", () => {
  const merged = mergeFragments([
    {
      name: "",
      value: {
        exporters: { debug: { verbosity: "detailed" } },
        service: { extensions: ["zpages", "pprof"] },
      },
    },
    { name: "b", value: { exporters: { debug: { verbosity: "basic", sampling_initial: 5 } } } },
    {
      name: "a",
      value: { ...config, service: { ...(config["service"] as Section), extensions: ["pprof"] } },
    },
  ]);
  expect(merged["exporters"]).toMatchObject({ debug: { verbosity: "detailed", sampling_initial: 5 } });
  expect(merged["service"]).toEqual({ ...(config["service"] as Section), extensions: ["pprof", "zpages"] });
});

test("laying over loses no key of either, and what lies on top shows", () => {
  const sections = fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.oneof(fc.integer(), fc.dictionary(fc.constantFrom("x", "y"), fc.integer())),
  );
  fc.assert(
    fc.property(sections, sections, (under, over) => {
      const merged = overlay(under as Section, over as Section);
      expect(Object.keys(merged).toSorted()).toEqual(
        [...new Set([...Object.keys(under), ...Object.keys(over)])].toSorted(),
      );
      expect(overlay(merged, over as Section)).toEqual(merged);
      expect(overlay({}, merged)).toEqual(merged);
    }),
  );
});

test("a difference is one of meaning, by component and setting", () => {
  const after = parse(
    GOOD.replace("limit_mib: 400", "limit_mib: 800")
      .replace("  debug:", "  debug/2:")
      .replace("[debug]", "[debug/2]")
      .replace("# edge", "# other"),
  ) as Section;
  expect(differences(config, after)).toEqual([
    { change: "changed", what: "processor", id: "memory_limiter", settings: [["limit_mib"]] },
    { change: "removed", what: "exporter", id: "debug", settings: [] },
    { change: "added", what: "exporter", id: "debug/2", settings: [] },
    { change: "changed", what: "pipeline", id: "traces/copy", settings: [["exporters"]] },
  ]);
  expect(differences(config, config)).toEqual([]);
});

test("the graph has one node for what pipelines share and one processor for each pipeline", () => {
  const { nodes, edges } = graphOf(modelOf(config));
  expect(nodes.map(({ key }) => key)).toEqual([
    "receiver:otlp",
    "processor:memory_limiter@traces",
    "processor:batch@traces",
    "exporter:otlphttp/backend",
    "connector:forward",
    "exporter:debug",
  ]);
  expect(edges.map(({ from, to }) => `${from} > ${to}`)).toEqual([
    "processor:memory_limiter@traces > processor:batch@traces",
    "receiver:otlp > processor:memory_limiter@traces",
    "processor:batch@traces > exporter:otlphttp/backend",
    "processor:batch@traces > connector:forward",
    "connector:forward > exporter:debug",
  ]);
});

test("references are found with their places; two dollars are none", () => {
  const text =
    'exporters:\n  otlp:\n    endpoint: ${env:HOST}:${var:PORT}\n    price: "$${secret:NOT}"\n    old: ${HOME}\n';
  const { config: read } = checkConfig(text);
  expect(findReferences(read ?? {})).toEqual([
    { scheme: "env", name: "HOST", path: ["exporters", "otlp", "endpoint"] },
    { scheme: "var", name: "PORT", path: ["exporters", "otlp", "endpoint"] },
    { scheme: "env", name: "HOME", path: ["exporters", "otlp", "old"] },
  ]);
});

test("a secret reaches the value it stands in, whatever it holds, and nothing else of the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (secret) => {
      const { text, missing } = fillTemplate(compileTemplate(GOOD), () => secret, CONFIG_BYTES_MAX);
      expect(missing).toEqual([]);
      const delivered = parse(text ?? "") as {
        exporters: Record<string, { headers: { authorization: string } }>;
      };
      // The Collector makes one dollar of two.
      expect(delivered.exporters["otlphttp/backend"]?.headers.authorization.replaceAll("$$", "$")).toBe(
        `Bearer ${secret}`,
      );
      const rest = structuredClone(delivered) as typeof delivered;
      if (rest.exporters["otlphttp/backend"])
        rest.exporters["otlphttp/backend"].headers.authorization = "Bearer ${secret:BACKEND_TOKEN}";
      expect(rest).toEqual(config);
    }),
  );
});

test("a variable that stands alone keeps its kind; a missing one is named and nothing is guessed", () => {
  const text = "a: ${var:PORT}\nb: port ${var:PORT}\nc: ${var:NONE}\nd: ${env:PORT}\n";
  const resolved = fillTemplate(
    compileTemplate(text),
    ({ name }) => (name === "PORT" ? "4317" : undefined),
    CONFIG_BYTES_MAX,
  );
  expect(resolved.missing).toEqual(["var:NONE"]);
  expect(parse(resolved.text ?? "")).toEqual({ a: 4317, b: "port 4317", c: "${var:NONE}", d: "${env:PORT}" });
});
