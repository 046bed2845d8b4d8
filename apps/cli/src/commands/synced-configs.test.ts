import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ConfigurationOverlay } from "@flowplane/contract";
import { checkOverlaid } from "@flowplane/collector-config";
import { page, type Answer } from "../testing/fake-control-plane.ts";
import { Faked } from "../testing/faked.ts";

const GOOD = `# by hand
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
exporters:
  debug:
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;
const PROD = {
  name: "prod",
  selector: 'labels.env == "prod"',
  body: "# loud\nexporters: {debug: {verbosity: basic}}\n",
};
const AT = "2026-01-02T03:04:05.678Z";
const BY = { type: "user", id: "u", name: "Ada" };

interface Content {
  name: string;
  body: string;
  overlays: ConfigurationOverlay[];
  message: string;
}

const faked = new Faked();

/** Keeps what it is sent, and checks it as a control plane does. */
async function keeping(...first: Omit<Content, "message">[]) {
  const kept = new Map<string, { name: string; versions: Content[] }>();
  const routes: Record<string, Answer> = {};
  const shown = (id: string) => {
    const { name, versions } = kept.get(id) ?? { name: "", versions: [] };
    return {
      id,
      name,
      description: "",
      current_version: versions.length,
      hash: "",
      warnings: 0,
      health_thresholds: null,
      created_by: BY,
      created_at: AT,
      updated_at: AT,
    };
  };
  const version = (id: string, number: number) => {
    const one = kept.get(id)?.versions[number - 1];
    const { body = "", overlays = [], message = "" } = one ?? {};
    const shared = { configuration_id: id, version: number, hash: "", bytes: 0, warnings: 0 };
    return { ...shared, message, created_by: BY, created_at: AT, body, overlays };
  };
  const add = (content: Content) => {
    const id = `019b8d7a-0000-7000-8000-00000000000${kept.size}`;
    kept.set(id, { name: content.name, versions: [content] });
    routes[`GET /api/v1/configurations/${id}/versions/current`] = () =>
      version(id, kept.get(id)?.versions.length ?? 0);
    routes[`POST /api/v1/configurations/${id}/versions`] = ({ body }) => {
      kept.get(id)?.versions.push(body as Content);
      return version(id, kept.get(id)?.versions.length ?? 0);
    };
    return shown(id);
  };
  routes["GET /api/v1/configurations"] = () => page([...kept.keys()].map(shown));
  routes["POST /api/v1/configurations"] = ({ body }) => add(body as Content);
  routes["POST /api/v1/configurations/check"] = ({ body }) => ({
    problems: checkOverlaid((body as Content).body, (body as Content).overlays).problems.map(
      ({ at, ...problem }) => ({ ...problem, line: at.line, column: at.column }),
    ),
    fleet: { agents: 0, reporting: 0 },
    lacks: [],
    graph: null,
    references: [],
  });
  for (const content of first) add({ ...content, message: "First" });
  await faked.serve(routes);
  return {
    dir: join(faked.home.folder, "configs"),
    versions: (name: string) => [...kept.values()].find((one) => one.name === name)?.versions ?? [],
    saves: () => [...kept.values()].reduce((sum, { versions }) => sum + versions.length, 0),
  };
}

test("what is exported is synced without a change, whatever the name; what is changed gets a version", async () => {
  const plane = await keeping(
    { name: "edge", body: GOOD, overlays: [PROD, { ...PROD, name: "a" }] },
    { name: "../odd name/ü", body: GOOD, overlays: [] },
  );
  expect(await faked.flowplane(["configs", "export", plane.dir])).toMatchObject({ code: 0, stderr: "" });
  const overlay = join(plane.dir, "edge", "overlays", "01-prod.yaml");
  expect(await readFile(overlay, "utf8")).toBe(`# selector: ${PROD.selector}\n${PROD.body}`);
  const same = await faked.flowplane(["configs", "sync", plane.dir]);
  expect(same).toMatchObject({ code: 0, stdout: "= ../odd name/ü is the same\n= edge is the same\n" });
  expect(plane.saves()).toBe(2);

  await writeFile(overlay, `# selector: true\n${PROD.body}`);
  await mkdir(join(plane.dir, "new"));
  await writeFile(join(plane.dir, "new", "configuration.yaml"), GOOD);
  const dry = await faked.flowplane(["configs", "sync", plane.dir, "--dry-run"]);
  expect(dry.stdout).toContain("~ edge would be saved as version 2\n+ new would be saved as version 1\n");
  expect(plane.saves()).toBe(2);
  const real = await faked.flowplane(["configs", "sync", plane.dir, "-m", "Everywhere", "--json"]);
  expect(JSON.parse(real.stdout)).toEqual([
    { name: "../odd name/ü", action: "none", version: 1 },
    { name: "edge", action: "version", version: 2 },
    { name: "new", action: "create", version: 1 },
  ]);
  expect(plane.versions("edge")[1]).toMatchObject({
    overlays: [{ ...PROD, selector: "true" }, { name: "a" }],
    message: "Everywhere",
    based_on: 1,
  });
});

test("a commit is named only where the work tree is clean, and what the folder lacks is told and left", async () => {
  const plane = await keeping(
    { name: "edge", body: GOOD, overlays: [] },
    { name: "other", body: GOOD, overlays: [] },
  );
  const folder = join(plane.dir, "edge");
  await mkdir(folder, { recursive: true });
  const write = (port: string) => writeFile(join(folder, "configuration.yaml"), GOOD.replace("4317", port));
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", plane.dir, "-c", "user.name=A", "-c", "user.email=a@example.org", ...args], {
      encoding: "utf8",
    }).trim();
  await write("4318");
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "First");
  const clean = await faked.flowplane(["configs", "sync", plane.dir, "-m", "Ports"]);
  expect(clean).toMatchObject({ code: 0, stdout: "~ edge saved as version 2\n" });
  expect(clean.stderr).toContain(`other is not in ${plane.dir}; it was left as it is`);
  expect(plane.versions("edge")[1]?.message).toBe(`Ports (${git("rev-parse", "--short", "HEAD")})`);
  await write("4319");
  await faked.flowplane(["configs", "sync", plane.dir]);
  expect(plane.versions("edge")[2]?.message).toBe("Synced from a folder");
  expect(plane.versions("other")).toHaveLength(1);
});

test("one broken file keeps everything from being saved, and is named with its line", async () => {
  const plane = await keeping({ name: "edge", body: GOOD, overlays: [PROD] });
  await faked.flowplane(["configs", "export", plane.dir]);
  await mkdir(join(plane.dir, "a"));
  await writeFile(join(plane.dir, "a", "configuration.yaml"), GOOD);
  const overlay = join(plane.dir, "edge", "overlays", "01-prod.yaml");
  await writeFile(overlay, "# selector: true\nexporter: {}\n");
  const broken = await faked.flowplane(["configs", "sync", plane.dir]);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toContain("edge, overlay prod:2:1: error: There is no section exporter.");
  await writeFile(overlay, PROD.body);
  const without = await faked.flowplane(["configs", "sync", plane.dir]);
  expect(without.code).toBe(2);
  expect(without.stderr).toContain("does not begin with its selector");
  expect(plane.saves()).toBe(1);
});
