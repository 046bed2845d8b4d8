import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peerBinary } from "./build.ts";

const MANIFEST = join(import.meta.dirname, "ocb.yaml");
const CRASH_RECEIVER = join(import.meta.dirname, "crashreceiver");
const BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.149.0";
const STOP_LIMIT_MS = 10_000;

/** A Collector with the opamp extension, built from ocb.yaml by the Collector's own builder; one receiver in it crashes when told to. */
export function collectorBinary(): Promise<string | undefined> {
  return peerBinary({
    name: "otelcol-peer",
    variable: "OTELCOL_PEER",
    recipe: [MANIFEST, join(CRASH_RECEIVER, "go.mod"), join(CRASH_RECEIVER, "receiver.go")]
      .map((file) => readFileSync(file, "utf8"))
      .join(),
    async build(folder, step) {
      await step("go", "install", BUILDER);
      copyFileSync(MANIFEST, join(folder, "ocb.yaml"));
      cpSync(CRASH_RECEIVER, join(folder, "crashreceiver"), { recursive: true });
      await step(join(folder, "builder"), "--config", "ocb.yaml");
    },
  });
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
