import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Run } from "@flowplane/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLI, eventually, startControlPlane, type ControlPlane } from "./harness/control-plane.ts";

// An agent that worked alone is enrolled: what it did before appears in the control plane, and what it does now goes on.

let plane: ControlPlane;
let folder: string;
let agent: ChildProcess | undefined;

beforeAll(async () => {
  plane = await startControlPlane();
  folder = mkdtempSync(join(tmpdir(), "flowplane-alone-"));
}, 60_000);
afterAll(async () => {
  await endAgent("SIGTERM");
  await plane?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test(
  "runs made alone are uploaded with logs, timelines and ends; one under way goes on",
  { timeout: 120_000 },
  async () => {
    const local = { ...plane.env, FLOWPLANE_DATA: folder, FLOWPLANE_URL: "" };
    startAgent(local);
    await answering(local);

    const done = await flowplane(
      ["run", "--name", "night", "--", "sh", "-c", "for i in 1 2 3; do echo line $i; done; exit 4"],
      local,
    );
    expect([done.code, done.stdout]).toEqual([4, "line 1\nline 2\nline 3\n"]);
    await flowplane(["run", "-d", "--", "sleep", "1000"], local);
    await flowplane(["stop", "--wait", "--reason", "seen enough", "-"], local);
    const script = `echo before; while [ ! -e ${folder}/go ]; do sleep 0.05; done; echo after`;
    await flowplane(["run", "-d", "--name", "ongoing", "--", "sh", "-c", script], local);
    // What an agent remembers outlives it.
    await endAgent("SIGKILL");
    startAgent(local);
    await answering(local);
    const before = JSON.parse((await flowplane(["ps", "--json", "--limit", "10"], local)).stdout) as Run[];
    expect(before.map(({ name, state }) => [name, state])).toEqual([
      ["ongoing", "RUNNING"],
      ["sleep", "STOPPED"],
      ["night", "FAILED"],
    ]);

    const { secret } = await plane.client.enrolmentTokenCreate({ body: { name: "late" } });
    const enrolled = await flowplane(
      [
        "agent",
        "enroll",
        "--server",
        plane.agentsUrl,
        "--token",
        secret,
        "--data",
        join(folder, "agent"),
        "--name",
        "late",
      ],
      plane.env,
    );
    expect(enrolled.code, enrolled.stderr).toBe(0);
    const uploaded = await eventually("the history to be uploaded", async () => {
      const { items } = await plane.client.runList({ query: {} });
      return items.length === 3 && items.filter(({ log }) => log.complete).length === 2 ? items : undefined;
    });
    expect(uploaded.map(({ id, name, origin, agent_name: by }) => [id, name, origin, by])).toEqual(
      before.map(({ id, name }) => [id, name, "local", "late"]),
    );
    const [ongoing, stopped, night] = uploaded;
    expect(night).toMatchObject({ state: "FAILED", exit_code: 4, started_at: before[2]?.started_at });
    expect(stopped).toMatchObject({ state: "STOPPED", signal: "SIGTERM" });
    expect(stopped?.sentence).toContain("seen enough");
    const lines = await plane.client.runLogs({ params: { run_id: night?.id ?? "" } });
    expect(lines.items.map(({ text }) => text)).toEqual(["line 1", "line 2", "line 3"]);
    const { items: events } = await plane.client.runEvents({ params: { run_id: night?.id ?? "" } });
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["run.created", "run.starting", "run.running", "run.ended"]),
    );

    // What was decided alone is proven again there.
    await eventually("the evidence to be uploaded", async () => {
      const { equal } = await plane.client.runReplay({ params: { run_id: night?.id ?? "" }, body: {} });
      return equal === true ? true : undefined;
    });

    writeFileSync(join(folder, "go"), "");
    const params = { run_id: ongoing?.id ?? "" };
    await eventually("the run under way to end", async () => {
      const run = await plane.client.runRead({ params });
      return run.state === "SUCCEEDED" && run.log.complete ? run : undefined;
    });
    const after = await plane.client.runLogs({ params });
    expect(after.items.map(({ text }) => text)).toEqual(["before", "after"]);
    // The agent itself still answers for what it did.
    const still = await flowplane(["events", "--local", params.run_id], local);
    expect(still.stdout).toContain("Succeeded");
  },
);

async function answering(env: Record<string, string>): Promise<void> {
  await eventually("the agent to answer", async () => {
    const { code } = await flowplane(["ps"], env);
    return code === 0 ? true : undefined;
  });
}

function startAgent(env: Record<string, string>): void {
  mkdirSync(join(folder, "agent"), { recursive: true, mode: 0o700 });
  agent = spawn(process.execPath, [CLI, "agent", "run"], { env, stdio: ["ignore", "ignore", "ignore"] });
}

async function endAgent(signal: NodeJS.Signals): Promise<void> {
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
  const gone = once(agent, "exit");
  agent.kill(signal);
  await gone;
}

async function flowplane(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}
