import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Client } from "@flowplane/contract";

const ROOT = join(import.meta.dirname, "..", "..");
export const CLI = join(ROOT, "apps", "cli", "src", "main.ts");
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
const OUTPUT_KEPT_CHARACTERS = 20_000;

/** A control plane as its users run it: a process of its own, on free ports, over a data folder that goes with it. */
export interface ControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly agentsUrl: string;
  readonly dataDir: string;
  readonly env: Record<string, string>;
  readonly client: Client;
  readonly key: string;
  readonly child: ChildProcess;
  /** What the process printed, its tail. */
  output(): string;
  /** SIGTERM and wait; fails when it takes longer than a person would wait. */
  stop(): Promise<void>;
  /** SIGKILL of the server alone, as a crash would. */
  kill(): Promise<void>;
  /** The same data folder and ports again. */
  restart(): Promise<ControlPlane>;
}

export interface ControlPlaneOptions {
  /** `server` alone, or `up` with its site agent. */
  readonly command?: "server" | "up";
  /** Of `server`; all when left out. */
  readonly roles?: readonly ("api" | "gateway" | "worker")[];
  readonly env?: Record<string, string>;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const dataDir = mkdtempSync(join(tmpdir(), "flowplane-test-"));
  const [http, agents] = [await freePort(), await freePort()];
  return start(dataDir, http, agents, options);
}

/** Asks the system for a port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Waits until `read` gives a value; the wait is bounded and the failure says what was waited for. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T | undefined> | T | undefined,
  limitMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function start(
  dataDir: string,
  http: number,
  agents: number,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const url = `http://127.0.0.1:${http}`;
  const env = {
    ...inherited(),
    FLOWPLANE_DATA: dataDir,
    FLOWPLANE_URL: url,
    FLOWPLANE_HTTP: `127.0.0.1:${http}`,
    FLOWPLANE_AGENTS: `127.0.0.1:${agents}`,
    ...options.env,
  };
  const roles = options.roles === undefined ? [] : ["--roles", options.roles.join(",")];
  const child = spawn(process.execPath, [CLI, options.command ?? "server", ...roles], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-OUTPUT_KEPT_CHARACTERS));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const exited = once(child, "exit");
  const key = await eventually(
    `the control plane to start:\n${output}`,
    async () => {
      if (child.exitCode !== null)
        throw new Error(`the control plane exited with ${child.exitCode}:\n${output}`);
      if (!existsSync(join(dataDir, "admin.key"))) return undefined;
      const ready = await fetch(`${url}/readyz`).then(
        (response) => response.ok,
        () => false,
      );
      return ready ? readFileSync(join(dataDir, "admin.key"), "utf8").trim() : undefined;
    },
    START_LIMIT_MS,
  ).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`starting the control plane; it printed:\n${output}`, { cause: error });
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals) => {
    if (!isRunning()) return;
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
    if (signal !== "SIGKILL" && child.signalCode === "SIGKILL")
      throw new Error(`did not stop within ${STOP_LIMIT_MS} ms:\n${output}`);
  };
  return {
    url,
    agentsUrl: `https://127.0.0.1:${agents}`,
    dataDir,
    env,
    key,
    child,
    client: createClient({ origin: url, headers: () => ({ authorization: `Bearer ${key}` }) }),
    output: () => output,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async restart() {
      await end("SIGTERM");
      return start(dataDir, http, agents, options);
    },
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The environment without what would point a test at somebody's real installation. */
function inherited(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(FLOWPLANE_|OTEL_|DATABASE_URL$|NATS_URL$|S3_|SMTP_URL$)/.test(entry[0]),
  );
  return Object.fromEntries(own);
}
