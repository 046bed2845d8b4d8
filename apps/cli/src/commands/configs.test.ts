import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Home } from "../testing/flowplane.ts";

const GOOD = `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
exporters:
  debug:
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;

let home: Home;
beforeEach(async () => {
  home = await Home.create();
});
afterEach(() => home[Symbol.asyncDispose]());

async function write(name: string, text: string): Promise<string> {
  const path = join(home.folder, name);
  await writeFile(path, text);
  return path;
}

test("lint says where and what, and fails on errors alone unless it is strict", async () => {
  const good = await write("good.yaml", GOOD);
  const bad = await write("bad.yaml", GOOD.replace("[otlp]", "[otpl]"));
  const unused = await write("unused.yaml", GOOD.replace("  debug:", "  debug:\n  debug/2:"));
  expect(await home.run(["configs", "lint", good])).toMatchObject({
    code: 0,
    stdout: `${good}: no problems\n`,
  });
  const { code, stdout } = await home.run(["configs", "lint", bad]);
  expect(code).toBe(1);
  expect(stdout).toContain(
    `${bad}:7:24: error: The pipeline logs uses the receiver otpl, which is not defined. Did you mean otlp?\n`,
  );
  expect((await home.run(["configs", "lint", unused])).code).toBe(0);
  expect((await home.run(["configs", "lint", "--strict", unused])).code).toBe(1);
  const json = await home.run(["configs", "lint", "--json", unused]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    file: unused,
    ok: true,
    problems: [{ severity: "warning", code: "unused", path: ["exporters", "debug/2"], line: 5, column: 3 }],
  });
});

test("diff names what a Collector would do otherwise, not lines", async () => {
  const before = await write("before.yaml", GOOD);
  const after = await write(
    "after.yaml",
    `# moved\n${GOOD.replace("4317", "4319").replaceAll("debug", "debug/2")}`,
  );
  const { code, stdout } = await home.run(["configs", "diff", before, after]);
  expect(code).toBe(1);
  expect(stdout).toBe(
    "~ receiver otlp: protocols.grpc.endpoint\n- exporter debug\n+ exporter debug/2\n~ pipeline logs: exporters\n",
  );
  expect(await home.run(["configs", "diff", before, before])).toMatchObject({
    code: 0,
    stdout: "They do the same.\n",
  });
});

test("merge lays files over each other as a supervisor does", async () => {
  const base = await write("base.yaml", GOOD);
  const over = await write("over.yaml", "exporters: {debug: {verbosity: detailed}}\n");
  const { code, stdout } = await home.run(["configs", "merge", base, over]);
  expect(code).toBe(0);
  expect(stdout).toContain("exporters:\n  debug:\n    verbosity: detailed\n");
});

test("a file that is no configuration is one sentence with its place", async () => {
  const broken = await write("broken.yaml", "receivers: [\n");
  const { code, stderr } = await home.run(["configs", "diff", broken, broken]);
  expect(code).toBe(2);
  expect(stderr).toContain(`${broken}:2:1: `);
});
