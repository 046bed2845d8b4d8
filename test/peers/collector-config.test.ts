// Our checks against the Collector's own `validate`: on each configuration both say the same, yes or no.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkConfig, hasErrors } from "@flowplane/collector-config";
import { collectorBinary } from "./collector.ts";

const BUILD_LIMIT_MS = 16 * 60_000;

const GOOD = `
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:14318"}}}
  nop:
exporters: {debug: {}, nop: , debug/2: {verbosity: basic}}
extensions: {health_check: {endpoint: "127.0.0.1:14133"}}
connectors: {forward: }
service:
  extensions: [health_check]
  pipelines:
    logs: {receivers: [otlp], exporters: [debug, forward]}
    logs/copy: {receivers: [forward, nop], exporters: [debug/2, nop]}
`;

const CONFIGS: Readonly<Record<string, string>> = {
  "a good one": GOOD,
  "anchors and aliases": GOOD.replace("exporters: [debug, forward]", "exporters: &all [debug, forward]"),
  "unused components": GOOD.replace("nop: ,", "nop: , nop/unused: ,"),
  "an environment variable": GOOD.replace("basic", "${env:FLOWPLANE_NOT_SET:-basic}"),
  nothing: "",
  "a text": "otlp",
  "a list": "[otlp]",
  "broken YAML": "receivers: [",
  "a key twice": GOOD.replace("  nop:\n", "  nop:\n  nop:\n"),
  "an unknown section": `${GOOD}exporter: {}\n`,
  "no receivers": GOOD.replace(/receivers:\n {2}otlp.*\n {2}nop:\n/, ""),
  "no exporters": GOOD.replace(/exporters: \{.*\}\n(?=extensions)/, ""),
  "no service": GOOD.slice(0, GOOD.indexOf("service:")),
  "no pipelines": GOOD.slice(0, GOOD.indexOf("  pipelines:")),
  "a receiver that is not defined": GOOD.replace("[otlp]", "[otlp, zipkin]"),
  "an exporter that is not defined": GOOD.replace("[debug, forward]", "[debug, forward, otlp]"),
  "a processor that is not defined": GOOD.replace("logs: {", "logs: {processors: [batch], "),
  "an extension that is not defined": GOOD.replace("[health_check]", "[health_check, pprof]"),
  "a pipeline without receivers": GOOD.replace("[otlp]", "[]"),
  "a pipeline without exporters": GOOD.replace("[debug/2, nop]", "[]"),
  "a signal nobody knows": GOOD.replace("logs/copy", "log/copy"),
  "a bad id": GOOD.replaceAll("debug/2", "debug/ "),
  "an id that begins with a digit": GOOD.replaceAll("debug/2", "2debug"),
  "an unknown key of the service": GOOD.replace("service:", "service:\n  extension: []"),
  "an unknown key of a pipeline": GOOD.replace("logs: {", "logs: {connectors: [], "),
  "a connector nobody reads": GOOD.replace("[forward, nop]", "[nop]"),
  "a connector nobody feeds": GOOD.replace("[debug, forward]", "[debug]"),
  "a circle of connectors": GOOD.replace("[debug/2, nop]", "[debug/2, forward]"),
  "one id as connector and exporter": GOOD.replace(
    "connectors: {forward: }",
    "connectors: {forward: , nop: }",
  ),
  "receivers that are a list": GOOD.replace(/receivers:\n {2}otlp.*\n {2}nop:\n/, "receivers: [otlp, nop]\n"),
  "settings that are a text": GOOD.replace("debug: {}", "debug: basic"),
};

let binary: string | undefined;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowplane-configs-"));
  binary = await collectorBinary();
}, BUILD_LIMIT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("our checks and the Collector's own", () => {
  test.each(Object.entries(CONFIGS))("agree on %s", async (name, text) => {
    if (binary === undefined) {
      process.stderr.write("no Go on this machine: the Collector was not asked\n");
      return;
    }
    const { problems } = checkConfig(text);
    const said = await validate(binary, join(folder, "config.yaml"), text);
    expect({ name, problems, collector: said.output, takesIt: !hasErrors(problems) }).toMatchObject({
      takesIt: said.takesIt,
    });
  });
});

function validate(
  program: string,
  file: string,
  text: string,
): Promise<{ takesIt: boolean; output: string }> {
  writeFileSync(file, text);
  return new Promise((resolve) => {
    execFile(program, ["validate", "--config", file], (error, stdout, stderr) =>
      resolve({ takesIt: error === null, output: stdout + stderr }),
    );
  });
}
