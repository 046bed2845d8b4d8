import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectorBinary } from "./collector.ts";
import { peerBinary } from "./build.ts";

const MODULE = "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/opampsupervisor";
/** The newest of which the module proxy has every part. */
const VERSION = "v0.149.0";
const STOP_LIMIT_MS = 15_000;
const OUTPUT_KEPT_CHARACTERS = 40_000;

/** `opampsupervisor` itself, built from its module. */
export function supervisorBinary(): Promise<string | undefined> {
  return peerBinary({
    name: "opampsupervisor",
    variable: "OPAMPSUPERVISOR_PEER",
    recipe: `${MODULE}@${VERSION}`,
    async build(_folder, step) {
      // `go install` refuses it, because its go.mod replaces modules: a module that requires it builds it.
      await step("go", "mod", "init", "flowplane.test/opampsupervisor-peer");
      await step("go", "get", `${MODULE}@${VERSION}`);
      await step("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "opampsupervisor", MODULE);
    },
  });
}

export interface SupervisorPrograms {
  readonly supervisor: string;
  readonly collector: string;
}

/** Supervisor and Collector, one after the other: Go compiles on all cores, and what they share is compiled once. */
export async function supervisorPrograms(): Promise<SupervisorPrograms | undefined> {
  const collector = await collectorBinary();
  const supervisor = await supervisorBinary();
  return collector === undefined || supervisor === undefined ? undefined : { collector, supervisor };
}

export interface SupervisorOptions {
  /** `ws://…/v1/opamp` or `http://…/v1/opamp`: the scheme decides the transport. */
  readonly endpoint: string;
  readonly token: string;
  /** Without one the supervisor makes one and keeps it in its storage. */
  readonly instanceUid?: string;
  /** `host.name` as the agent reports it: what the fleet calls it. */
  readonly hostName?: string;
  /** A supervisor waits so long, always, before it says APPLIED. */
  readonly configApplyTimeoutSeconds?: number;
  /** Whether the supervisor asks the Collector about a configuration before it stops the old one. */
  readonly validateConfig?: boolean;
  /** Laid under the remote configuration. */
  readonly localConfig?: string;
  /** Environment of the Collector: it inherits nothing of the supervisor's. */
  readonly collectorEnv?: Readonly<Record<string, string>>;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** A running supervisor with its Collector. Its folder outlives a stop, so that it can be started again. */
export interface Supervisor extends AsyncDisposable {
  /** What the supervisor printed, its tail. */
  output(): string;
  /** What its Collector printed since its last start. */
  collectorOutput(): string;
  /** The arguments of its running Collector; undefined while none runs. */
  collectorArguments(): readonly string[] | undefined;
  stop(): Promise<void>;
  /**
   * SIGKILL of the supervisor and, like a machine that loses its power, of its Collector: an orphaned Collector goes on for
   * ever in this release (its extension reports that it is one, and no extension's report ends a Collector), and keeps its ports.
   */
  kill(): Promise<void>;
  start(): void;
  isRunning(): boolean;
}

export function startSupervisor(programs: SupervisorPrograms, options: SupervisorOptions): Supervisor {
  const folder = mkdtempSync(join(tmpdir(), "flowplane-supervisor-"));
  const storage = join(folder, "storage");
  mkdirSync(storage);
  const config = join(folder, "supervisor.yaml");
  writeFileSync(join(folder, "local.yaml"), options.localConfig ?? "");
  writeCollectorScript(join(folder, "collector"), programs.collector, folder);
  writeFileSync(config, supervisorConfig(options, folder));
  let child: ChildProcess | undefined;
  let exited: Promise<unknown> = Promise.resolve();
  let output = "";
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const start = () => {
    child = spawn(programs.supervisor, ["--config", config], {
      env: { ...process.env, OPAMP_TOKEN: options.token },
      stdio: ["ignore", "pipe", "pipe"],
    });
    exited = once(child, "exit");
    const keep = (chunk: Buffer) =>
      (output = (output + chunk.toString("utf8")).slice(-OUTPUT_KEPT_CHARACTERS));
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (!isRunning()) return;
    child?.kill(signal);
    const late = setTimeout(() => child?.kill("SIGKILL"), STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
    endCollector(lastCollectorPid(output), folder);
  };
  start();
  return {
    output: () => output,
    collectorOutput: () => {
      try {
        return readFileSync(join(storage, "agent.log"), "utf8");
      } catch {
        return "";
      }
    },
    collectorArguments: () => argumentsOf(lastCollectorPid(output), folder),
    isRunning,
    // By SIGTERM it would end at once, and leave its Collector behind.
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
    start,
    async [Symbol.asyncDispose]() {
      await end("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** From the supervisor's own log, the last of `Agent process started`. */
function lastCollectorPid(output: string): number | undefined {
  const pids = [...output.matchAll(/Agent process started[^\n]*"pid": ?(\d+)/g)];
  const pid = Number(pids.at(-1)?.[1]);
  return pid > 0 ? pid : undefined;
}

/** SIGKILL of a Collector that outlived its supervisor; the folder proves that the pid is still its own. */
function endCollector(pid: number | undefined, folder: string): void {
  if (pid === undefined || argumentsOf(pid, folder) === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already, as it should be.
  }
}

/** Of a process of this folder, undefined when there is none. */
function argumentsOf(pid: number | undefined, folder: string): readonly string[] | undefined {
  if (pid === undefined) return undefined;
  try {
    const all = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return all.includes(folder) ? all.split("\0").slice(1, -1) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A Collector listens on 8888 for who wants its metrics, even while a supervisor asks it who it is: of several on one machine,
 * all but one would end. This one takes any free port instead, unless its configuration says otherwise.
 */
function writeCollectorScript(file: string, collector: string, folder: string): void {
  const base = join(folder, "base.yaml");
  writeFileSync(
    base,
    "service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}}\n",
  );
  writeFileSync(
    file,
    `#!/bin/sh
case "$1" in
--config) exec "${collector}" --config "${base}" "$@" ;;
*) exec "${collector}" "$@" ;;
esac
`,
    { mode: 0o700 },
  );
}

function supervisorConfig(options: SupervisorOptions, folder: string): string {
  const capabilities = {
    accepts_remote_config: true,
    reports_remote_config: true,
    reports_effective_config: true,
    reports_health: true,
    reports_heartbeat: true,
    reports_available_components: true,
    accepts_restart_command: true,
    reports_own_metrics: true,
    ...options.capabilities,
  };
  // JSON is YAML.
  return JSON.stringify({
    server: {
      endpoint: options.endpoint,
      headers: { Authorization: ["Bearer ${env:OPAMP_TOKEN}"] },
    },
    capabilities,
    agent: {
      executable: join(folder, "collector"),
      ...(options.instanceUid === undefined ? {} : { instance_id: options.instanceUid }),
      description: {
        non_identifying_attributes: {
          "deployment.environment.name": "peer-test",
          ...(options.hostName === undefined ? {} : { "host.name": options.hostName }),
        },
      },
      config_apply_timeout: `${options.configApplyTimeoutSeconds ?? 2}s`,
      bootstrap_timeout: "30s",
      orphan_detection_interval: "1s",
      validate_config: options.validateConfig ?? false,
      config_files: [join(folder, "local.yaml")],
      env: options.collectorEnv ?? {},
    },
    storage: { directory: join(folder, "storage") },
    telemetry: { logs: { level: "debug" } },
  });
}
