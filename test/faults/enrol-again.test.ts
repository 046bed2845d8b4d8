import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { CLI, eventually, startControlPlane, startSiteAgent } from "../harness/index.ts";

const run = promisify(execFile);

test("an agent enrolled again keeps its identity and its key, and the run that ended meanwhile is told", async () => {
  await using plane = await startControlPlane();
  await using agent = await startSiteAgent(plane, "returner");
  const { id } = await plane.client.runCreate({
    body: { command: "sh", args: ["-c", "echo begun; sleep 3; echo done; exit 5"], agent_id: agent.id },
  });
  await eventually("the run to run", async () => {
    const { state } = await plane.client.runRead({ params: { run_id: id } });
    return state === "RUNNING" ? true : undefined;
  });
  await agent.kill();
  const before = keysIn(agent.dataDir);
  expect(before).toHaveLength(1);

  const { secret } = await plane.client.enrolmentTokenCreate({ body: { name: "again" } });
  const args = ["agent", "enroll", "--again", "--server", plane.agentsUrl, "--data", agent.dataDir];
  await run(process.execPath, [CLI, ...args], { env: { ...plane.env, FLOWPLANE_TOKEN: secret } });
  agent.start();

  const ended = await eventually("the run to end", async () => {
    const read = await plane.client.runRead({ params: { run_id: id } });
    return read.log.complete ? read : undefined;
  });
  expect(ended).toMatchObject({ agent_id: agent.id, state: "FAILED", exit_code: 5, log: { lines: 2 } });
  expect(keysIn(agent.dataDir)).toEqual(before);
  expect((await plane.client.agentList({ query: {} })).items).toHaveLength(1);
}, 90_000);

/** Every private key in the agent's folder, whatever file it is in. */
function keysIn(dataDir: string): string[] {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1").match(PRIVATE_KEY) ?? []);
}

const PRIVATE_KEY = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g;
