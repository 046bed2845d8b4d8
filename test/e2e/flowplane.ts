/** A whole Flowplane for browser tests: `flowplane up` on free ports with a data folder of its own. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../..");
const CLI = join(ROOT, "apps/cli/src/main.ts");
const WEB = join(ROOT, "apps/web");
const READY_MS_MAX = 90_000;
const STOP_MS_MAX = 20_000;

export interface Flowplane extends AsyncDisposable {
  readonly origin: string;
  /** The one-time link that `flowplane up` prints. */
  readonly signInUrl: string;
  /** Runs another `flowplane` command against it and returns what it printed. */
  cli(...args: string[]): Promise<string>;
}

/** Starts it, building the dashboard when nobody has. Throws what it printed when it does not become ready. */
export async function startFlowplane(): Promise<Flowplane> {
  await buildDashboard();
  const data = mkdtempSync(join(tmpdir(), "flowplane-e2e-"));
  const [http, agents] = await Promise.all([freePort(), freePort()]);
  const env = {
    ...process.env,
    FLOWPLANE_DATA: data,
    FLOWPLANE_HTTP: `127.0.0.1:${http}`,
    FLOWPLANE_AGENTS: `127.0.0.1:${agents}`,
    FLOWPLANE_URL: `http://127.0.0.1:${http}`,
    NO_COLOR: "1",
  };
  const child = spawn(process.execPath, [CLI, "up"], { env, cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
      await exited;
      clearTimeout(timer);
    }
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  };
  let printed = "";
  const link = Promise.withResolvers<string>();
  const listen = (chunk: Buffer) => {
    printed += chunk.toString("utf8");
    const url = /\bhttp\S+\/magic-link\/verify\?\S+(?=\s)/.exec(printed)?.[0];
    if (url !== undefined) link.resolve(url);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  child.once("exit", (code) => link.reject(new Error(`flowplane up ended with ${code}:\n${printed}`)));
  const timer = setTimeout(
    () => link.reject(new Error(`flowplane up was not ready after ${READY_MS_MAX} ms:\n${printed}`)),
    READY_MS_MAX,
  );
  try {
    const signInUrl = await link.promise;
    return {
      origin: `http://127.0.0.1:${http}`,
      signInUrl,
      cli: async (...args) =>
        (await promisify(execFile)(process.execPath, [CLI, ...args], { env, cwd: ROOT })).stdout,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

export async function buildDashboard(): Promise<void> {
  if (existsSync(join(WEB, "dist/index.html"))) return;
  const vite = join(WEB, "node_modules/vite/bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build"], { cwd: WEB });
}

/** A port nobody uses now. Somebody else may take it first, which then says so in words. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
