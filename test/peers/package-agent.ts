import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peerBinary } from "./build.ts";

const SOURCE = join(import.meta.dirname, "packageagent", "main.go");
const LIBRARY = "github.com/open-telemetry/opamp-go/client@v0.23.0";
const STOP_LIMIT_MS = 10_000;
const OUTPUT_KEPT_CHARACTERS = 40_000;

/** A small agent on the client library of opamp-go: its package syncer downloads and reports, files in a folder are what it installs. */
export function packageAgentBinary(): Promise<string | undefined> {
  return peerBinary({
    name: "packageagent",
    variable: "PACKAGE_AGENT_PEER",
    recipe: LIBRARY + readFileSync(SOURCE, "utf8"),
    async build(folder, step) {
      copyFileSync(SOURCE, join(folder, "main.go"));
      await step("go", "mod", "init", "flowplane.test/packageagent");
      await step("go", "get", LIBRARY);
      await step("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "packageagent", ".");
    },
  });
}

export interface PackageAgentOptions {
  /** `ws://…/v1/opamp`. */
  readonly endpoint: string;
  readonly token: string;
  readonly instanceUid: string;
  readonly hostName: string;
}

/** A running one. What it installed outlives a stop, as on a machine. */
export interface PackageAgent extends AsyncDisposable {
  output(): string;
  /** The installed file of a package; undefined when there is none. */
  installed(name: string): Buffer | undefined;
  start(): void;
  stop(): Promise<void>;
}

export function startPackageAgent(binary: string, options: PackageAgentOptions): PackageAgent {
  const folder = mkdtempSync(join(tmpdir(), "flowplane-packages-"));
  let output = "";
  let child: ReturnType<typeof spawn> | undefined;
  let exited: Promise<unknown> = Promise.resolve();
  const start = () => {
    child = spawn(binary, [], {
      env: {
        ...process.env,
        OPAMP_ENDPOINT: options.endpoint,
        OPAMP_TOKEN: options.token,
        INSTANCE_UID: options.instanceUid,
        HOST_NAME: options.hostName,
        PACKAGES: folder,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    exited = once(child, "exit");
    const keep = (chunk: Buffer) =>
      (output = (output + chunk.toString("utf8")).slice(-OUTPUT_KEPT_CHARACTERS));
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  };
  const stop = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const late = setTimeout(() => child?.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
  };
  start();
  return {
    output: () => output,
    installed(name) {
      try {
        return readFileSync(join(folder, name));
      } catch {
        return undefined;
      }
    },
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
