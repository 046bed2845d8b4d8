import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const MANIFEST = join(import.meta.dirname, "ocb.yaml");
const CACHE = join(import.meta.dirname, "..", "..", ".tools", "peers");
const BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.149.0";
const BUILD_LIMIT_MS = 15 * 60_000;
const STOP_LIMIT_MS = 10_000;

/**
 * The path of a Collector with the opamp extension: `OTELCOL_PEER` when set, else one built once from ocb.yaml with
 * the Go toolchain. Without Go it is undefined, except in CI, where a missing peer is a failure.
 */
export async function collectorBinary(): Promise<string | undefined> {
  const named = process.env["OTELCOL_PEER"];
  if (named !== undefined) return named;
  const manifest = readFileSync(MANIFEST);
  const binary = join(CACHE, `otelcol-${createHash("sha256").update(manifest).digest("hex").slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  try {
    await run("go", ["version"]);
  } catch (cause) {
    if (process.env["CI"] === "true")
      throw new Error("Building the Collector for the peer tests needs Go ≥ 1.25 on PATH.", { cause });
    return undefined;
  }
  const work = mkdtempSync(join(tmpdir(), "flowplane-otelcol-"));
  try {
    const options = {
      timeout: BUILD_LIMIT_MS,
      cwd: work,
      env: { ...process.env, GOBIN: work, CGO_ENABLED: "0" },
    };
    await run("go", ["install", BUILDER], options);
    copyFileSync(MANIFEST, join(work, "ocb.yaml"));
    await run(join(work, "builder"), ["--config", "ocb.yaml"], options);
    mkdirSync(CACHE, { recursive: true });
    const temporary = `${binary}.${process.pid}`;
    copyFileSync(join(work, "otelcol-peer"), temporary);
    renameSync(temporary, binary);
    return binary;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export interface CollectorOptions {
  readonly transport: "ws" | "http";
  /** `ws://…/v1/opamp` or `http://…/v1/opamp`. */
  readonly endpoint: string;
  readonly token: string;
  /** Without one the Collector makes a new uid at every start. */
  readonly instanceUid?: string;
  readonly otlpPort: number;
}

/** A running Collector, told only an URL and a token. */
export interface Collector extends AsyncDisposable {
  readonly child: ChildProcess;
  output(): string;
  stop(): Promise<void>;
}

export function startCollector(binary: string, options: CollectorOptions): Collector {
  const folder = mkdtempSync(join(tmpdir(), "flowplane-collector-"));
  const config = join(folder, "config.yaml");
  writeFileSync(config, collectorConfig(options));
  const child = spawn(binary, ["--config", config], {
    env: { ...process.env, OPAMP_TOKEN: options.token },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const keep = (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-20_000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const exited = once(child, "exit");
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
  };
  return {
    child,
    output: () => output,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function collectorConfig({ transport, endpoint, instanceUid, otlpPort }: CollectorOptions): string {
  const headers = 'headers: {Authorization: "Bearer ${env:OPAMP_TOKEN}"}';
  const server =
    transport === "ws"
      ? `ws: {endpoint: "${endpoint}", tls: {insecure: true}, ${headers}}`
      : `http: {endpoint: "${endpoint}", polling_interval: 1s, tls: {insecure: true}, ${headers}}`;
  return `
extensions:
  opamp:
    ${instanceUid === undefined ? "" : `instance_uid: "${instanceUid}"`}
    agent_description: {non_identifying_attributes: {deployment.environment.name: peer-test}}
    server: {${server}}
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${otlpPort}"}}}}
exporters: {debug: {}}
service:
  extensions: [opamp]
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [debug]}, traces: {receivers: [otlp], exporters: [debug]}}
`;
}
