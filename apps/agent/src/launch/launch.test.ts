import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { planContainer } from "./container.ts";
import { exportScript } from "./environment.ts";
import { buildPrefix } from "./prefix.ts";
import { resolvePrincipal } from "./principal.ts";
import { findTools } from "./tools.ts";
import type { Tools } from "./tools.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const isRoot = process.getuid?.() === 0;
const tools: Tools = {
  sh: "/bin/sh",
  setsid: "/bin/setsid",
  mv: "/bin/mv",
  nice: "/bin/nice",
  ionice: "/bin/ionice",
  prlimit: "/bin/prlimit",
  setpriv: "/bin/setpriv",
  podman: "/bin/podman",
  docker: "/bin/docker",
};
const needs = { limits: {}, isIdle: false, agent: { nice: 0, uid: 1000 }, as: null };

test("what stands before a command: niceness against the agent's own, files, user", () => {
  expect(buildPrefix(tools, needs)).toEqual({ argv: [], enforced: [] });
  expect(buildPrefix(tools, { ...needs, isIdle: true })).toMatchObject({
    argv: ["/bin/nice", "-n", "19", "/bin/ionice", "-c", "3"],
  });
  expect(
    buildPrefix({ ...tools, ionice: null }, { ...needs, isIdle: true, agent: { nice: 5, uid: 1000 } }),
  ).toMatchObject({
    argv: ["/bin/nice", "-n", "14"],
  });
  expect(
    buildPrefix(tools, { ...needs, limits: { open_files: 64, file_bytes: 1024, umask: "027" } }),
  ).toEqual({
    argv: ["/bin/prlimit", "--nofile=64:64", "--fsize=1024:1024", "--"],
    enforced: ["open_files", "file_bytes", "umask"],
  });
  expect(buildPrefix(tools, { ...needs, limits: { nice: -5 } })).toHaveProperty("reason");
  expect(buildPrefix({ ...tools, prlimit: null }, { ...needs, limits: { open_files: 64 } })).toMatchObject({
    reason: 'this host has no "prlimit" program, which limits of files needs; install util-linux',
  });
});

test("users: names and numbers of the host, and only root may become another", () => {
  const accounts = () => ({
    passwd: "root:x:0:0::/root:/bin/sh\netl:x:990:980::/var/etl:/bin/false\n",
    group: "root:x:0:\ndata:x:77:etl\n",
  });
  const root = { uid: 0, gid: 0, name: "root" };
  const etl = { uid: 990, gid: 980, name: "etl" };
  expect(resolvePrincipal({ user: "etl" }, accounts, root)).toEqual({
    name: "etl",
    uid: 990,
    gid: 980,
    home: "/var/etl",
  });
  expect(resolvePrincipal({ user: "990", group: "data" }, accounts, root)).toMatchObject({
    uid: 990,
    gid: 77,
  });
  expect(resolvePrincipal({ user: "4242", group: "77" }, accounts, root)).toMatchObject({
    uid: 4242,
    gid: 77,
    home: "/",
  });
  expect(resolvePrincipal({ user: "4242" }, accounts, root)).toMatchObject({
    reason: expect.stringContaining("say which group") as string,
  });
  expect(resolvePrincipal({ user: "nobodys" }, accounts, root)).toMatchObject({
    reason: "this host knows no user nobodys",
  });
  expect(resolvePrincipal({ group: "nones" }, accounts, root)).toMatchObject({
    reason: "this host knows no group nones",
  });
  expect(resolvePrincipal({ user: "etl" }, accounts, etl)).toBeNull();
  expect(resolvePrincipal({ user: "root" }, accounts, etl)).toMatchObject({
    reason: "it cannot be started as root: the agent runs as etl, and only root may change users",
  });
  expect(resolvePrincipal({}, accounts, etl)).toBeNull();
});

test("a container's command line: closed by default, limits as flags, variables by name alone", () => {
  const runSpec = spec("python", ["-c", "1"], {
    cwd: "/work",
    env: { TOKEN: "hidden" },
    limits: { memory_bytes: 1048576, cpu_millicores: 1500, pids: 20, open_files: 64 },
    isolation: { mode: "container", image: "python:3" },
    user: "1000",
  });
  const given = {
    runId: "r1",
    mark: "0123456789abcdef",
    cidFile: "/d/cid",
    heartbeatFile: "/d/hb",
    envNames: ["TOKEN"],
  };
  const plan = planContainer(tools, runSpec, given);
  expect(plan).toMatchObject({
    container: { engine: "/bin/podman", name: "flowplane-r1-01234567" },
    enforced: ["memory_bytes", "cpu_millicores", "pids", "open_files"],
  });
  const argv = "argv" in plan ? plan.argv : [];
  expect(argv.join(" ")).toBe(
    "/bin/podman run --rm --init --read-only --tmpfs /tmp --cidfile /d/cid --name flowplane-r1-01234567 " +
      "--label flowplane.run=r1 --network none --volume /d/hb:/run/flowplane-heartbeat --ulimit core=0:0 " +
      "--memory 1048576 --memory-swap 1048576 --cpus 1.5 --pids-limit 20 --ulimit nofile=64:64 --user 1000 " +
      "--workdir /work --env TOKEN -- python:3 python -c 1",
  );
  expect(planContainer({ ...tools, podman: null, docker: null }, runSpec, given)).toMatchObject({
    reason: "it asks for a container, and this host has neither podman nor docker",
  });
  expect(
    planContainer(tools, { ...runSpec, isolation: { mode: "container", image: "--privileged" } }, given),
  ).toMatchObject({ reason: "--privileged is no image" });
});

test("values reach a shell as they are", async () => {
  using folder = makeFolder();
  const value = "a'b\"$HOME\n`id`\\ \\' é";
  writeFileSync(join(folder.path, "script"), `${exportScript({ VALUE: value })}printf %s "$VALUE"`);
  using bench = new Bench(folder.path);
  await bench.start("r1", spec("sh", [join(folder.path, "script")]));
  await bench.ended("r1");
  expect(text((await bench.output("r1")).stdout)).toBe(value);
});

test("limits and niceness are in force before the command begins", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const limits = { open_files: 77, file_bytes: 10 * 512, umask: "027", nice: 7 };
  const script =
    "ulimit -n; ulimit -f; ulimit -c; umask; ps -o ni= -p $$ 2>/dev/null || nice; : >made; echo x";
  await bench.start("r1", sh(script, { limits, cwd: folder.path }));
  expect(await bench.ended("r1")).toMatchObject({ state: "SUCCEEDED" });
  const [files, fileBlocks, core, umask, nice] = text((await bench.output("r1")).stdout)
    .trim()
    .split(/\s+/);
  expect([files, fileBlocks, core, umask, nice]).toEqual(["77", "10", "0", "0027", "7"]);
  expect(bench.events("r1").find(({ type }) => type === "run.running")?.payload["enforced"]).toEqual([
    "nice",
    "open_files",
    "file_bytes",
    "umask",
  ]);
  // A file that grows beyond its limit ends the run, by the kernel's hand.
  await bench.start("r2", sh("exec head -c 10000 /dev/zero >big", { limits, cwd: folder.path }));
  expect(await bench.ended("r2")).toMatchObject({ state: "FAILED", signal: "SIGXFSZ" });
});

test("variables of the job mean nothing to what starts it, and nothing of it changes them", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const env = { dir: "1", mark: "2", mv: "3", code: "4", self: "5", umask: "6" };
  await bench.start("r1", spec("env", [], { env }));
  expect(await bench.ended("r1")).toMatchObject({ state: "SUCCEEDED" });
  const lines = text((await bench.output("r1")).stdout).split("\n");
  expect(Object.entries(env).filter(([name, value]) => !lines.includes(`${name}=${value}`))).toEqual([]);
});

test("what a run inherits, and who it is, in its environment", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  process.env["AGENT_REGION"] = "eu";
  await bench.start(
    "r1",
    sh('echo "$AGENT_REGION $FLOWPLANE_RUN_ID"; echo 5 >>"$FLOWPLANE_HEARTBEAT_FILE"', {
      inherit_env: ["AGENT_REGION", "NOT_THERE"],
    }),
  );
  expect(await bench.ended("r1")).toMatchObject({ state: "SUCCEEDED" });
  delete process.env["AGENT_REGION"];
  expect(text((await bench.output("r1")).stdout)).toBe("eu r1\n");
  expect(readFileSync(join(folder.path, "runs/r1/heartbeat"), "utf8")).toBe("5\n");
});

test.skipIf(!isRoot)(
  "another user: everything of root is left behind, and no value is in anybody's arguments",
  async () => {
    using folder = makeFolder();
    using bench = new Bench(folder.path);
    const secret = "s3cr3t-'quoted'\nvalue";
    const script =
      'id -u; id -g; id -G; echo "$HOME $USER"; printf %s "$TOKEN" | od -An -c | tr -d " \\n"; echo; ' +
      'echo beat >>"$FLOWPLANE_HEARTBEAT_FILE" && echo alive; cat /proc/self/environ | tr "\\0" "\\n" | grep -c LD_; while [ ! -e /tmp/nowhere ]; do sleep 0.02; done';
    const runSpec = sh(script, {
      user: "nobody",
      env: { TOKEN: secret, LD_DEBUG: "help" },
      secret_env: ["TOKEN"],
    });
    await bench.start("r1", { ...runSpec, env: { TOKEN: secret, LD_NOTHING: "1" } });
    // The raw output, before secrets are taken out of it.
    const said = await eventually(() => {
      const now = text(bench.raw("r1", "stdout"));
      return now.includes("alive") ? now : null;
    });
    const pids = readFileSync(join(folder.path, "runs/r1/pid"), "utf8").trim().split(" ");
    for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
      const path = `/proc/${name}/cmdline`;
      if (existsSync(path)) expect(readCmdline(path)).not.toContain("s3cr3t");
    }
    // The wrapper stays root's, and a library named by the run must not be loaded into it.
    expect(readFileSync(`/proc/${pids[0]}/environ`, "utf8")).not.toContain("LD_NOTHING");
    await bench.stop("r1", "kill");
    await bench.ended("r1");
    const [uid, gid, groups, home, token, alive] = said.split("\n");
    expect([uid, gid, groups, alive]).toEqual([uid, gid, gid, "alive"]);
    expect(uid).not.toBe("0");
    expect(home).toMatch(/ nobody$/);
    expect(token).toBe("s3cr3t-'quoted'\\nvalue");
    expect(JSON.stringify(bench.events())).not.toContain("s3cr3t");
  },
);

function readCmdline(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

test("a host's tools are found by absolute path", () => {
  expect(findTools()).toMatchObject({ sh: expect.stringMatching(/^\//) as string });
  expect(() => findTools("/nowhere")).not.toThrow();
});
