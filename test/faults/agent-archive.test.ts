import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";

let plane: ControlPlane;
let folder: string;
beforeAll(async () => {
  plane = await startControlPlane();
  folder = mkdtempSync(join(tmpdir(), "flowplane-machine-"));
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("a machine that has only Node fetches the agent from its control plane, checks it, and runs jobs", async () => {
  const { secret, agent_archive } = await plane.client.enrolmentTokenCreate({
    body: { name: "bare machine" },
  });
  if (agent_archive === null) throw new Error("the agent is not built: npm test builds it");
  const { url, sha256 } = agent_archive;
  // As the dashboard says it; the checksum came over a connection one trusts.
  const sh = (script: string) =>
    execFileSync("sh", ["-ec", script], { cwd: folder, env: { PATH: process.env["PATH"] } }).toString();
  sh(`curl -fksSo agent.tgz ${url}; echo '${sha256}  agent.tgz' | sha256sum -c -; tar -xzf agent.tgz`);
  expect(() => sh(`echo '${"0".repeat(64)}  agent.tgz' | sha256sum -c - 2>&1`)).toThrow();

  const agent = spawn(
    process.execPath,
    ["flowplane-agent/dist/main.js", "start", "--data", "data", "--name", "bare"],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], FLOWPLANE_TOKEN: secret },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const exited = once(agent, "exit");
  let output = "";
  agent.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  try {
    const id = await eventually("the agent to connect", async () => {
      if (agent.exitCode !== null) throw new Error(output);
      const { items } = await plane.client.agentList({ query: { q: "bare", state: "connected" } });
      return items[0]?.id;
    });
    const run = await plane.client.runCreate({
      body: { command: "sh", args: ["-c", "echo hello; exit 7"], agent_id: id },
    });
    const ended = await eventually("the run to end", async () => {
      const read = await plane.client.runRead({ params: { run_id: run.id } });
      return read.log.complete ? read : undefined;
    });
    expect(ended).toMatchObject({ state: "FAILED", exit_code: 7 });
  } finally {
    agent.kill("SIGTERM");
    await exited;
  }
});
