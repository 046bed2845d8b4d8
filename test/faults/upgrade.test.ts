import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isTerminal } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";

const AGENT = join(import.meta.dirname, "..", "..", "apps", "agent");
const WAIT_MS = 60_000;
const NEXT_VERSION = "99.1.0";
/** Says which of the two started it, counts, and exits with 4 once it is told to. */
const JOB =
  'echo "started under $FLOWPLANE_TEST_WRAPPER"; i=0; until [ -e "$1" ]; do echo "line $i"; i=$((i+1)); sleep 0.02; done; echo "end $i"; exit 4';

let plane: ControlPlane;
let folder: string;
beforeAll(async () => {
  plane = await startControlPlane();
  folder = mkdtempSync(join(tmpdir(), "flowplane-upgrade-"));
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Builds an agent as it is shipped from its sources, after a change to them; the archive's path. */
function build(name: string, change: (sources: string) => void): string {
  const sources = join(folder, `${name}-sources`);
  const out = join(folder, `${name}-built`);
  cpSync(AGENT, sources, {
    recursive: true,
    filter: (path) => !path.startsWith(join(AGENT, "node_modules")) && !path.startsWith(join(AGENT, "dist")),
  });
  symlinkSync(join(AGENT, "node_modules"), join(sources, "node_modules"));
  change(sources);
  mkdirSync(out);
  execFileSync(process.execPath, [join(sources, "build.mjs"), out]);
  return join(out, "agent.tgz");
}

/** The wrapper tells its job which wrapper it is. */
function mark(sources: string, wrapper: string): void {
  const path = join(sources, "src/launch/wrapper.sh");
  const [first, ...rest] = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, [first, `export FLOWPLANE_TEST_WRAPPER=${wrapper}`, ...rest].join("\n"));
  // Longer by more than a shell reads at once: a running one that read on in the new file would stumble.
  appendFileSync(path, `\n# ${wrapper.repeat(20_000)}\n`);
}

/** As the archive is installed, over one that is there and may be running. */
function install(archive: string): void {
  execFileSync("tar", ["-xzf", archive], { cwd: folder });
}

function start(token?: string): ChildProcess {
  const args =
    token === undefined ? [] : ["start", "--server", plane.agentsUrl, "--name", "upgraded", "--token", token];
  return spawn(
    process.execPath,
    [join("flowplane-agent", "dist", "main.js"), ...args.slice(0, 1), "--data", "data", ...args.slice(1)],
    { cwd: folder, env: { PATH: process.env["PATH"] }, stdio: "ignore" },
  );
}

async function end(agent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const exited = once(agent, "exit");
  agent.kill(signal);
  await exited;
}

async function connected(version: string): Promise<string> {
  return eventually(
    `the agent ${version} to connect`,
    async () => {
      const { items } = await plane.client.agentList({ query: { q: "upgraded", state: "connected" } });
      return items[0]?.version === version ? items[0].id : undefined;
    },
    WAIT_MS,
  );
}

async function launch(agentId: string, until: string) {
  return plane.client.runCreate({
    body: { command: "sh", args: ["-c", JOB, "job", join(folder, until)], agent_id: agentId },
  });
}

async function logOf(id: string): Promise<string[]> {
  const response = await fetch(`${plane.url}/api/v1/runs/${id}/logs/download?format=raw`, {
    headers: { authorization: `Bearer ${plane.key}` },
  });
  return (await response.text()).trimEnd().split("\n");
}

async function stored(id: string, lines: number): Promise<void> {
  await eventually(`${lines} lines of the run`, async () => {
    const { log } = await plane.client.runRead({ params: { run_id: id } });
    return log.stored_seq >= lines ? true : undefined;
  });
}

/** One process from its first line to its last, with its own exit code. */
async function expectWhole(id: string, wrapper: string): Promise<void> {
  const ended = await eventually(
    "the run to end",
    async () => {
      const read = await plane.client.runRead({ params: { run_id: id } });
      return isTerminal(read.state) && read.log.complete ? read : undefined;
    },
    WAIT_MS,
  );
  expect(ended).toMatchObject({ state: "FAILED", exit_code: 4, signal: null });
  const lines = await logOf(id);
  const counted = lines.length - 2;
  const expected = Array.from({ length: counted }, (_, index) => `line ${index}`);
  expect(lines).toEqual([`started under ${wrapper}`, ...expected, `end ${counted}`]);
  const { items } = await plane.client.runEvents({ params: { run_id: id }, query: { limit: 200 } });
  expect(items.filter(({ type }) => type === "run.running")).toHaveLength(1);
}

test("the agent is replaced by another version under a running job: same process, every line, its exit code", async () => {
  const { version } = JSON.parse(readFileSync(join(AGENT, "package.json"), "utf8")) as { version: string };
  const [older, newer] = [
    build("older", (sources) => mark(sources, "old")),
    build("newer", (sources) => {
      mark(sources, "new");
      const manifest = join(sources, "package.json");
      const text = readFileSync(manifest, "utf8");
      writeFileSync(manifest, text.replace(`"version": "${version}"`, `"version": "${NEXT_VERSION}"`));
    }),
  ];
  install(older);
  const { secret } = await plane.client.enrolmentTokenCreate({ body: { name: "upgraded" } });
  let agent = start(secret);
  try {
    const id = await connected(version);
    const [upgraded, killed] = [await launch(id, "until-1"), await launch(id, "until-2")];
    await stored(upgraded.id, 20);
    await stored(killed.id, 20);
    const { pid } = await plane.client.runRead({ params: { run_id: upgraded.id } });
    await end(agent, "SIGTERM");
    install(newer);
    agent = start();
    expect(await connected(NEXT_VERSION)).toBe(id);
    const { log } = await plane.client.runRead({ params: { run_id: upgraded.id } });
    await stored(upgraded.id, log.stored_seq + 20);
    expect(await plane.client.runRead({ params: { run_id: upgraded.id } })).toMatchObject({
      state: "RUNNING",
      pid,
    });
    // One ends under the new version; the other while nobody is there, and the version goes back, too.
    writeFileSync(join(folder, "until-1"), "");
    await expectWhole(upgraded.id, "old");
    const fresh = await launch(id, "until-3");
    await stored(fresh.id, 20);
    await end(agent, "SIGKILL");
    install(older);
    writeFileSync(join(folder, "until-2"), "");
    writeFileSync(join(folder, "until-3"), "");
    agent = start();
    expect(await connected(version)).toBe(id);
    await expectWhole(killed.id, "old");
    await expectWhole(fresh.id, "new");
  } finally {
    await end(agent, "SIGTERM");
  }
}, 240_000);
