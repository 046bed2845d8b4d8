import type { Command } from "commander";
import { agentProgram } from "@flowplane/agent/program";
import type { AgentStatus } from "@flowplane/agent";
import { plainCommand, type Context } from "../context.ts";
import { CliError } from "../failure.ts";
import { EXIT } from "../exit-codes.ts";
import { makeFolder } from "../folders.ts";
import { formatBytes, formatDuration, formatWhen } from "../format.ts";
import { collectPairs, readSecret } from "../input.ts";
import { agentFolder } from "../places.ts";
import { watchInterrupts } from "../interrupts.ts";
import { printable } from "../text-width.ts";

interface EnrolOptions {
  server?: string;
  token?: string;
  data?: string;
  name?: string;
  label?: Record<string, string>;
  again?: true;
  json?: true;
}

const DATA = "the agent's data folder (default: agent in FLOWPLANE_DATA)";

export function declareAgent(program: Command, context: Context): void {
  const agent = plainCommand(
    program,
    "agent",
    "Be an agent: let this machine into a fleet and run jobs on it",
  );
  plainCommand(agent, "enroll", "Let this machine in: makes its key and gets its certificate")
    .option("--server <url>", "address of the agents' listener (default: the one in the token)")
    .option(
      "--token <token>",
      "enrolment token (default: FLOWPLANE_TOKEN); - reads it from stdin, where no other user can see it",
    )
    .option("--data <folder>", DATA)
    .option("-n, --name <name>", "name of the agent (default: the host's)")
    .option("-l, --label <key=value>", "label of the agent; repeatable", collectPairs)
    .option("--again", "get a new certificate for an agent that is enrolled, under its identity")
    .option("--json", "print what was enrolled as JSON")
    .action((options: EnrolOptions) => enroll(context, options));
  plainCommand(
    agent,
    "run",
    "Be the agent: supervise jobs, alone or for the control plane it is enrolled with",
  )
    .option("--data <folder>", DATA)
    .addOption(agent.createOption("--until-stdin-ends", "stop when stdin ends").hideHelp())
    .action((options: { data?: string; untilStdinEnds?: true }) => run(context, options));
  plainCommand(
    agent,
    "status",
    "Say who this machine's agent is and how it is doing, without asking the control plane",
  )
    .option("--data <folder>", DATA)
    .option("--json", "print it as JSON")
    .action((options: { data?: string; json?: true }) => status(context, options));
}

async function enroll(context: Context, options: EnrolOptions): Promise<void> {
  const { env, output } = context;
  const given = options.token ?? env["FLOWPLANE_TOKEN"];
  if (given === undefined || given === "") {
    throw new CliError("Enrolling needs a token.", {
      exitCode: EXIT.usage,
      advice: "Make one with `flowplane tokens create`, and pass it in FLOWPLANE_TOKEN or with --token.",
    });
  }
  const token = await readSecret(given, process.stdin);
  const dataDir = agentFolder(env, options.data);
  makeFolder(dataDir);
  const stop = new AbortController();
  using interrupts = watchInterrupts(() => stop.abort());
  const { enrol } = await import("@flowplane/agent");
  const enrolled = await enrol({
    dataDir,
    token,
    signal: AbortSignal.any([stop.signal, interrupts.left]),
    ...(options.server === undefined ? {} : { server: options.server }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.label === undefined ? {} : { labels: options.label }),
    ...(options.again === undefined ? {} : { again: true }),
    onWaiting: ({ reason, detail, retryInMs }) =>
      output.note(
        `${reason === "pending" ? "Waiting" : "No answer"}: ${printable(detail)}; asking again in ${formatDuration(retryInMs)}.`,
      ),
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
    context.exitCode = EXIT.interrupted;
    return null;
  });
  if (enrolled === null) return;
  const expires = new Date(enrolled.certificateExpiresAt).toISOString();
  if (options.json === true) {
    output.json({
      agent_id: enrolled.agentId,
      organization_id: enrolled.organizationId,
      instance_uid: enrolled.instanceUid,
      certificate_expires_at: expires,
    });
    return;
  }
  output.print(
    `Enrolled as agent ${enrolled.agentId}; its certificate is good ${formatWhen(expires, context.now()).replace("in ", "for ")} and renews itself.`,
  );
  output.note(
    `Start it with: flowplane agent run${options.data === undefined ? "" : ` --data ${options.data}`}`,
  );
}

/** Becomes the agent: the command itself would cost as much memory as the agent. */
function run(context: Context, options: { data?: string; untilStdinEnds?: true }): void {
  const args = [process.execPath, ...agentProgram(), "--data", agentFolder(context.env, options.data)];
  if (options.untilStdinEnds === true) args.push("--until-stdin-ends");
  process.execve?.(process.execPath, args, context.env);
  throw new CliError("The site agent needs Linux.");
}

async function status(context: Context, options: { data?: string; json?: true }): Promise<void> {
  const { output, env } = context;
  const folder = agentFolder(env, options.data);
  const { agentStatus } = await import("@flowplane/agent");
  const now = agentStatus(folder);
  if (now.enrolment === "none" && now.process === null) context.exitCode = EXIT.notFound;
  if (options.json === true) return output.json(toJson(now));
  output.print(sentenceOf(now, folder));
  if (now.agentId !== null) output.print(`agent        ${now.agentId}`);
  if (now.controlPlane !== null) output.print(printable(`connects to  ${now.controlPlane}`));
  if (now.certificateExpiresAt !== null) {
    output.print(
      `certificate  ends ${formatWhen(new Date(now.certificateExpiresAt).toISOString(), context.now())}`,
    );
  }
  output.print(`runs         ${now.liveRuns} under way`);
  output.print(`to deliver   ${now.eventsWaiting} events, ${formatBytes(now.logBytesWaiting)} of logs`);
  for (const { name, healthy, status } of now.health) {
    const word = healthy ? output.style("green", "ok ") : output.style("red", "bad");
    output.print(printable(`${name.padEnd(12)} `) + word + printable(` ${status}`));
  }
}

function sentenceOf(status: AgentStatus, folder: string): string {
  if (status.enrolment === "none" && status.process === null) return `No agent is enrolled in ${folder}.`;
  if (status.enrolment === "none")
    return `Running as process ${status.process?.pid}, version ${status.process?.version}, on its own: it belongs to no control plane.`;
  if (status.enrolment === "pending") return "Waiting to be let in: somebody has to approve this agent.";
  if (status.process === null) return "Enrolled, not running.";
  return `Running as process ${status.process.pid}, version ${status.process.version}.`;
}

/** As everything that leaves the program: snake_case, times in ISO 8601. */
function toJson(status: AgentStatus) {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    enrolment: status.enrolment,
    agent_id: status.agentId,
    organization_id: status.organizationId,
    instance_uid: status.instanceUid,
    control_plane: status.controlPlane,
    certificate_expires_at: time(status.certificateExpiresAt),
    process:
      status.process === null
        ? null
        : {
            pid: status.process.pid,
            version: status.process.version,
            started_at: time(status.process.startedAt),
          },
    health: status.health.map(({ name, healthy, status: text, since }) => ({
      name,
      healthy,
      status: text,
      since: time(since),
    })),
    live_runs: status.liveRuns,
    events_waiting: status.eventsWaiting,
    log_bytes_waiting: status.logBytesWaiting,
  };
}
