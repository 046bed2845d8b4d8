import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CLI, eventually, type ControlPlane } from "./control-plane.ts";

const run = promisify(execFile);

/** A site agent in a process of its own, enrolled by a token as anybody would enrol it. */
export interface SiteAgent extends AsyncDisposable {
  readonly id: string;
  readonly dataDir: string;
  /** The agent's process; undefined when it does not run. */
  livePid(): number | undefined;
  output(): string;
  /** Of the agent's process. */
  pid(): number;
  /** SIGKILL of the agent's process alone; its jobs go on. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): void;
}

export interface SiteAgentOptions {
  /** Added to its environment. */
  readonly env?: Record<string, string>;
  /** What starts it instead of us, `["prlimit", "--nofile=64"]`: has to become the agent, not its parent. */
  readonly through?: readonly string[];
  /** Its data folder, which the caller made and takes away; by default one of its own. */
  readonly dataDir?: string;
  /** The folder holds an identity already. */
  readonly isEnrolled?: boolean;
}

export async function startSiteAgent(
  plane: ControlPlane,
  name: string,
  options: SiteAgentOptions = {},
): Promise<SiteAgent> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "flowplane-agent-"));
  if (options.isEnrolled !== true) await enrol(plane, name, dataDir);
  let child: ChildProcess | undefined;
  let output = "";
  const start = () => {
    const [first, ...rest] = options.through ?? [];
    const own = [CLI, "agent", "run", "--data", dataDir];
    const [program, args] =
      first === undefined ? [process.execPath, own] : [first, [...rest, process.execPath, ...own]];
    child = spawn(program, args, {
      env: { ...plane.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-20_000));
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  start();
  const id = await eventually(`the agent ${name} to connect`, async () => {
    if (child?.exitCode != null) throw new Error(`the agent exited with ${child.exitCode}:\n${output}`);
    const { items } = await plane.client.agentList({ query: { q: name, state: "connected" } });
    return items[0]?.id;
  });
  return {
    id,
    dataDir,
    livePid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    output: () => output,
    pid: () => child?.pid ?? 0,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function enrol(plane: ControlPlane, name: string, dataDir: string): Promise<void> {
  const { secret } = await plane.client.enrolmentTokenCreate({ body: { name } });
  await run(
    process.execPath,
    [
      CLI,
      "agent",
      "enroll",
      "--server",
      plane.agentsUrl,
      "--token",
      secret,
      "--data",
      dataDir,
      "--name",
      name,
    ],
    {
      env: plane.env,
    },
  );
}
