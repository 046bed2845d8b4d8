// `npm start` as somebody meets it who has just cloned the repository: in a copy of the tree, in a path with spaces,
// with nothing set up. The tests build on each other: the first one sets the copy up.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { eventually, freePort } from "@flowplane/test/harness";

const ROOT = join(import.meta.dirname, "..", "..");
/** A clone begins without these. */
const MADE = new Set(["node_modules", "dist", ".tools", ".git", "coverage"]);
/** What a person may wait for after Ctrl-C. */
const STOP_LIMIT_MS = 10_000;
const FIRST_START_LIMIT_MS = 240_000;
const START_LIMIT_MS = 60_000;

/** A small disk of our own takes a mount that nobody else sees. */
const OWN_MOUNTS: readonly [string, ...string[]] = ["unshare", "--mount", "--map-root-user", "--"];
const canMount =
  spawnSync("unshare", [...OWN_MOUNTS.slice(1), "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

interface Settings {
  readonly FLOWPLANE_DATA: string;
  readonly FLOWPLANE_HTTP: string;
  readonly FLOWPLANE_AGENTS: string;
}

let place: string;
let copy: string;
const used: Settings[] = [];

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), "flowplane start "));
  copy = join(place, "a copy");
  cpSync(ROOT, copy, { recursive: true, filter: (path) => !MADE.has(basename(path)) });
  // Fetching pnpm takes a network, and a second run of the tests must do without.
  if (process.env["CI"] !== "true") lendPnpm();
});

afterEach(async () => {
  for (const settings of used.splice(0)) {
    killAll(settings);
    await nothingLeft(settings, START_LIMIT_MS);
  }
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

// Finding what is left over takes /proc.
describe.runIf(process.platform === "linux")("npm start", () => {
  test("sets itself up, and Ctrl-C leaves no process", { timeout: FIRST_START_LIMIT_MS }, async () => {
    const settings = await newSettings();
    const start = npmStart(settings);
    await ready(start, settings, FIRST_START_LIMIT_MS);
    expect(start.output()).toMatch(/Installing packages/);
    await connectedAgent(settings);

    // From a terminal it goes to everything in the foreground.
    process.kill(-pidOf(start.child), "SIGINT");
    await nothingLeft(settings, STOP_LIMIT_MS);
  });

  test("SIGTERM to npm alone stops everything in order", { timeout: START_LIMIT_MS * 2 }, async () => {
    const settings = await newSettings();
    const start = npmStart(settings);
    await ready(start, settings);
    expect(start.output()).not.toMatch(/Installing|Building|Fetching/);
    start.child.kill("SIGTERM");
    await nothingLeft(settings, STOP_LIMIT_MS);
    expect(existsSync(join(settings.FLOWPLANE_DATA, "postgres", "postmaster.pid"))).toBe(false);
  });

  test("npm killed leaves nothing behind", { timeout: START_LIMIT_MS * 2 }, async () => {
    const settings = await newSettings();
    const start = npmStart(settings);
    await ready(start, settings);
    start.child.kill("SIGKILL");
    await nothingLeft(settings, STOP_LIMIT_MS);
  });

  test(
    "after kill -9 of every process the next start has everything back",
    { timeout: START_LIMIT_MS * 3 },
    async () => {
      const settings = await newSettings();
      const first = npmStart(settings);
      await ready(first, settings);
      const agent = await connectedAgent(settings);
      killAll(settings);
      await nothingLeft(settings, STOP_LIMIT_MS);

      const second = npmStart(settings);
      await ready(second, settings);
      expect((await connectedAgent(settings)).id).toBe(agent.id);
    },
  );

  test("npx flowplane works from the root of the repository", { timeout: START_LIMIT_MS * 3 }, async () => {
    const settings = await newSettings();
    await ready(npmStart(settings), settings);
    await connectedAgent(settings);
    const script = "for i in 1 2 3; do echo line $i; sleep 1; done; exit 3";
    const run = await runToEnd("npx", ["flowplane", "run", "--", "sh", "-c", script], settings);
    expect(run.stdout).toBe("line 1\nline 2\nline 3\n");
    expect(run.code).toBe(3);
    const ps = await runToEnd("npx", ["flowplane", "ps", "--json"], settings);
    expect(ps.stdout).toMatch(/"FAILED"/);
    expect(ps.stdout).toMatch(/"exit_code": ?3\b/);
  });
});

describe.runIf(process.platform === "linux")(
  "what npm start can't do is one sentence and an exit code",
  () => {
    test("a busy port", { timeout: START_LIMIT_MS }, async () => {
      const settings = await newSettings();
      const [host = "", port = ""] = settings.FLOWPLANE_HTTP.split(":");
      const other = createServer().listen(Number(port), host);
      onTestFinished(() => void other.close());
      await once(other, "listening");
      await fails(settings, new RegExp(`${port}.*FLOWPLANE_HTTP`));
    });

    test("a data folder that can't be made", { timeout: START_LIMIT_MS }, async () => {
      const file = join(place, "a file");
      writeFileSync(file, "");
      const settings = { ...(await newSettings()), FLOWPLANE_DATA: join(file, "data") };
      await fails(settings, /a file\/data.*FLOWPLANE_DATA/);
    });

    test.runIf(canMount)("a full disk", { timeout: START_LIMIT_MS }, async () => {
      const fill = 'mount -t tmpfs -o size=8m none "$FLOWPLANE_DATA" && exec node scripts/flowplane.mjs up';
      await fails(await newSettings(), /is full.*FLOWPLANE_DATA/, [...OWN_MOUNTS, "sh", "-c", fill]);
    });

    test("a data folder that another Flowplane uses", { timeout: START_LIMIT_MS * 2 }, async () => {
      const settings = await newSettings();
      await ready(npmStart(settings), settings);
      const second = { ...(await newSettings()), FLOWPLANE_DATA: settings.FLOWPLANE_DATA };
      await fails(second, /Another Flowplane.*FLOWPLANE_DATA/);
    });

    test("a setting that means nothing", { timeout: START_LIMIT_MS }, async () => {
      await fails(
        { ...(await newSettings()), FLOWPLANE_HTTP: "everywhere" },
        /FLOWPLANE_HTTP is "everywhere"/,
      );
    });
  },
);

async function fails(
  settings: Settings,
  sentence: RegExp,
  [program, ...args]: readonly [string, ...string[]] = ["node", "scripts/flowplane.mjs", "up"],
): Promise<void> {
  const { code, stderr } = await runToEnd(program, args, settings);
  const lines = stderr.trim().split("\n");
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(lines.at(-1)).toMatch(/\.$/);
  expect(code).toBeGreaterThan(0);
}

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
}

function npmStart(settings: Settings): Started {
  const child = spawn("npm", ["start"], {
    cwd: copy,
    env: environment(settings),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

async function runToEnd(program: string, args: readonly string[], settings: Settings) {
  const child = spawn(program, args, {
    cwd: copy,
    env: environment(settings),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}

async function newSettings(): Promise<Settings> {
  const settings = {
    FLOWPLANE_DATA: mkdtempSync(join(place, "data ")),
    FLOWPLANE_HTTP: `127.0.0.1:${await freePort()}`,
    FLOWPLANE_AGENTS: `127.0.0.1:${await freePort()}`,
  };
  used.push(settings);
  return settings;
}

/** Ours without what belongs to the run of the tests: its npm, its Node in front of PATH, its settings. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_|FLOWPLANE_|VITEST|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$|DATABASE_URL$|SMTP_URL$)/.test(name),
    ),
  );
  const path = (env["PATH"] ?? "").split(":").filter((folder) => !folder.includes("node_modules"));
  return { ...env, PATH: path.join(":"), ...settings };
}

async function ready(
  { child, output }: Started,
  settings: Settings,
  limitMs = START_LIMIT_MS,
): Promise<void> {
  const url = `http://${settings.FLOWPLANE_HTTP}/readyz`;
  try {
    await eventually(
      "the control plane to be ready",
      async () => {
        if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
        const answer = await fetch(url).catch(() => undefined);
        return answer?.ok === true ? true : undefined;
      },
      limitMs,
    );
  } catch (cause) {
    throw new Error(`npm start printed:\n${output()}`, { cause });
  }
}

interface Agent {
  readonly id: string;
  readonly state: string;
  readonly certificate_expires_at: string | null;
}

/** As in the README: the local agent, asked for with the key of the data folder. */
async function connectedAgent(settings: Settings): Promise<Agent> {
  return eventually(
    "the local agent to be connected",
    async () => {
      const key = readFileSync(join(settings.FLOWPLANE_DATA, "admin.key"), "utf8").trim();
      const answer = await fetch(`http://${settings.FLOWPLANE_HTTP}/api/v1/agents`, {
        headers: { authorization: `Bearer ${key}` },
      });
      const { items } = (await answer.json()) as { items: Agent[] };
      const [agent] = items;
      if (agent === undefined || agent.certificate_expires_at === null) return undefined;
      return ["connected", "healthy"].includes(agent.state) ? agent : undefined;
    },
    START_LIMIT_MS,
  );
}

async function nothingLeft(settings: Settings, limitMs: number): Promise<void> {
  await eventually(
    `every process of ${settings.FLOWPLANE_DATA} to end`,
    () => (processesOf(settings).length === 0 ? true : undefined),
    limitMs,
  );
}

function killAll(settings: Settings): void {
  for (const pid of processesOf(settings)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Who has the data folder in its environment or among its arguments. */
function processesOf({ FLOWPLANE_DATA }: Settings): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      ["cmdline", "environ"].some((file) => readIfThere(`/proc/${pid}/${file}`).includes(FLOWPLANE_DATA)),
    )
    .map(Number);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Ended meanwhile, or another user's.
    return "";
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("npm was not started");
  return child.pid;
}

function lendPnpm(): void {
  const tools = join(ROOT, ".tools");
  const names = existsSync(tools) ? readdirSync(tools).filter((name) => name.startsWith("pnpm-")) : [];
  mkdirSync(join(copy, ".tools"), { recursive: true });
  for (const name of names) symlinkSync(join(tools, name), join(copy, ".tools", name));
}
