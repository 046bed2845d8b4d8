// The agent as a process of its own, and nothing else in it: `flowplane agent run` becomes this program. It is bundled
// by build.mjs, because reading TypeScript takes more memory than all the agent does.
import { parseArgs } from "node:util";
import { listenForShutdown, watchStarter } from "@flowplane/runtime";
import { runAgent } from "./agent.ts";
import { AgentProblem } from "./data/problem.ts";

/** For what has to be finished when it is told to stop; its runs go on. */
const GRACE_MS = 5_000;
const EXIT_FAILED = 1;

const { values } = parseArgs({
  options: { data: { type: "string" }, "until-stdin-ends": { type: "boolean" } },
});

try {
  if (values.data === undefined) throw new AgentProblem("Say which data folder: --data DIR.");
  using shutdown = listenForShutdown({ graceMs: GRACE_MS });
  if (values["until-stdin-ends"] === true)
    watchStarter("stdin", () => shutdown.begin("whoever started the agent has gone"));
  shutdown.now.addEventListener("abort", () => process.exit(EXIT_FAILED));
  await runAgent({ dataDir: values.data }, shutdown.graceful);
} catch (error) {
  if (!(error instanceof AgentProblem)) throw error;
  process.stderr.write(`flowplane: ${error.message}\n`);
  process.exitCode = EXIT_FAILED;
}
