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
  output(): string;
  /** Of the agent's process. */
  pid(): number;
  /** SIGKILL of the agent's process alone; its jobs go on. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): void;
}

export async function startSiteAgent(plane: ControlPlane, name: string): Promise<SiteAgent> {
  const dataDir = mkdtempSync(join(tmpdir(), "flowplane-agent-"));
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
  let child: ChildProcess | undefined;
  let output = "";
  const start = () => {
    child = spawn(process.execPath, [CLI, "agent", "run", "--data", dataDir], {
      env: plane.env,
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
    output: () => output,
    pid: () => child?.pid ?? 0,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
