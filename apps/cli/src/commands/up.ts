import { existsSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@flowplane/contract";
import type { Command } from "commander";
import { aborted, listenForShutdown, watchStarter } from "@flowplane/runtime";
import { plainCommand, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { explain } from "../failure.ts";
import type { JobsFile } from "../jobs-file/file.ts";
import { addressFile, adminKeyFile } from "../places.ts";
import { localOrigin, noteAddress } from "../up/address.ts";
import { ChildAgent } from "../up/child-agent.ts";
import { openLogFile } from "../up/log-file.ts";
import { printSummary } from "../up/summary.ts";
import { printable } from "../text-width.ts";

/** Read by itself when it is in the current folder. */
const JOBS_FILE = "flowplane.yaml";

/** Ctrl-C to the last process gone. */
const STOP_LIMIT_MS = 10_000;

export function declareUp(program: Command, context: Context): void {
  plainCommand(program, "up", "Start everything here: control plane, database, dashboard and a site agent")
    .option("--no-agent", "without the site agent")
    .option("--jobs <file>", "file of jobs to keep (default: ./flowplane.yaml, when it is there)")
    .addHelpText(
      "after",
      `
Ctrl-C stops everything in order; a second Ctrl-C stops at once. Runs survive both: they are found again at the next
start. Where it listens and where data lives is set by the environment: see docs/reference/configuration.md.`,
    )
    .action((options: UpOptions) => up(context, options));
}

interface UpOptions {
  agent: boolean;
  jobs?: string;
}

async function up(context: Context, options: UpOptions): Promise<void> {
  const { env, output } = context;
  // Read before anything is started: what is wrong with the file is better said at once.
  const jobs = await readJobs(options.jobs);
  const startedAt = context.now();
  using shutdown = listenForShutdown({ graceMs: STOP_LIMIT_MS });
  watchStarter("channel", () => shutdown.begin("whoever started this has gone"));
  const agent = new ChildAgent(env, output.note);
  shutdown.now.addEventListener("abort", () => {
    agent.kill();
    process.exit(EXIT.failed);
  });

  const { createLog, readConfig, startServer } = await import("@flowplane/server");
  const config = readConfig(env);
  const logFile = openLogFile(join(config.dataDir, "logs", "server.log"));
  const server = await startServer(config, {
    log: createLog(config.logLevel, { write: (line) => void writeSync(logFile, line) }),
    onProgress: (step) => output.note(output.style("dim", `Starting: ${step} …`)),
  });
  try {
    const origin = localOrigin(config.http);
    await noteAddress(addressFile(env), origin);
    const client = await localClient(origin, env);
    if (options.agent) output.note(output.style("dim", "Starting: site agent …"));
    const sentence = options.agent ? await agent.start(client, shutdown.graceful) : null;
    if (!shutdown.graceful.aborted) {
      const link = await server.createSignInLink();
      const tookMs = context.now() - startedAt;
      const signIn = { signInUrl: link.url, signInExpiresAt: link.expires_at };
      printSummary(
        output,
        { url: config.publicUrl, ...signIn, dataDir: config.dataDir, agent: sentence, tookMs },
        context.now(),
      );
      if (jobs !== null) await keepJobs(context, client, jobs);
    }
    await Promise.race([aborted(shutdown.graceful), server.failed.then(rethrow)]);
  } finally {
    output.note("\nStopping …");
    await agent.stop();
    await server.stop();
    output.note("Stopped.");
  }
}

/** Not loaded unless there is a file: the parser of YAML takes its time. */
async function readJobs(path: string | undefined): Promise<JobsFile | null> {
  if (path === undefined && !existsSync(JOBS_FILE)) return null;
  const { loadJobsFile } = await import("../jobs-file/file.ts");
  return loadJobsFile(path ?? JOBS_FILE);
}

/** Makes the jobs those of the file. What the control plane refuses is said, and ends nothing that runs. */
async function keepJobs({ output }: Context, client: Client, jobs: JobsFile): Promise<void> {
  const { applyJobsFile } = await import("../jobs-file/file.ts");
  const { appliedWords } = await import("../jobs-file/apply.ts");
  output.print(`\nJobs of ${printable(jobs.path)}:`);
  try {
    await applyJobsFile(client, jobs, (applied) => output.print(`  ${printable(appliedWords(applied))}`));
  } catch (error) {
    const { lines } = explain(error, false);
    for (const line of lines) output.note(`  ${line}`);
  }
}

async function localClient(origin: string, env: NodeJS.ProcessEnv): Promise<Client> {
  const key = (await readFile(adminKeyFile(env), "utf8")).trim();
  const { createClient } = await import("@flowplane/contract/light");
  return createClient({ origin, headers: () => ({ authorization: `Bearer ${key}` }) });
}

function rethrow(error: Error): never {
  throw error;
}
