// The agent as a process of its own, and nothing else in it: `flowplane agent run` becomes this program, and a machine
// without anything else of ours downloads it from its control plane. It is bundled by build.mjs, because reading
// TypeScript takes more memory than all the agent does.
//
//   main.js --data DIR                                the agent that is enrolled in DIR
//   main.js start --data DIR --token T [--server URL] the same, enrolled first where it is not yet
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { listenForShutdown, watchStarter } from "@flowplane/runtime";
import { runAgent } from "./agent.ts";
import { AgentProblem } from "./data/problem.ts";
import { agentStatus } from "./status.ts";

/** For what has to be finished when it is told to stop; its runs go on. */
const GRACE_MS = 5_000;
const EXIT_FAILED = 1;

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof AgentProblem)) throw error;
  process.stderr.write(`flowplane: ${error.message}\n`);
  process.exitCode = EXIT_FAILED;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      data: { type: "string" },
      token: { type: "string" },
      server: { type: "string" },
      name: { type: "string" },
      "until-stdin-ends": { type: "boolean" },
    },
  });
  const folder = values.data ?? process.env["FLOWPLANE_DATA"];
  if (folder === undefined) throw new AgentProblem("Say which data folder: --data DIR.");
  // Runs are started in folders of their own, from where a relative path would lead elsewhere.
  const dataDir = resolve(folder);
  using shutdown = listenForShutdown({ graceMs: GRACE_MS });
  if (values["until-stdin-ends"] === true)
    watchStarter("stdin", () => shutdown.begin("whoever started the agent has gone"));
  shutdown.now.addEventListener("abort", () => process.exit(EXIT_FAILED));
  if (positionals[0] === "start") await ensureEnrolled(dataDir, values, shutdown.graceful);
  if (!shutdown.graceful.aborted) await runAgent({ dataDir }, shutdown.graceful);
}

async function ensureEnrolled(
  dataDir: string,
  {
    token = process.env["FLOWPLANE_TOKEN"],
    server,
    name,
  }: { token?: string; server?: string; name?: string },
  signal: AbortSignal,
): Promise<void> {
  if (agentStatus(dataDir).enrolment === "enrolled") return;
  if (token === undefined) throw new AgentProblem("Say which enrolment token: --token fpe_…");
  const { enrol } = await import("./link/enrol.ts");
  const { agentId } = await enrol({
    dataDir,
    token,
    signal,
    ...(server === undefined ? {} : { server }),
    ...(name === undefined ? {} : { name }),
    onWaiting: ({ detail }) => void process.stderr.write(`flowplane: ${detail}\n`),
  });
  process.stderr.write(`flowplane: enrolled as agent ${agentId}\n`);
}
