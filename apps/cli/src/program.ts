import { Command } from "commander";
import type { Context } from "./context.ts";
import { declareAgent } from "./commands/agent.ts";
import { declareAgents } from "./commands/agents.ts";
import { declareAudit } from "./commands/audit.ts";
import { declareCompletion } from "./commands/completion.ts";
import { declareConfigs } from "./commands/configs.ts";
import { declareDetect } from "./commands/detect.ts";
import { declareHeartbeat } from "./commands/heartbeat.ts";
import { declareIncidents } from "./commands/incidents.ts";
import { declareJobs } from "./commands/jobs.ts";
import { declareLogin } from "./commands/login.ts";
import { declareLogs } from "./commands/logs.ts";
import { declareApiTokens, declareMembers, declareWhoami } from "./commands/people.ts";
import { declarePolicies } from "./commands/policies.ts";
import { declareReplay } from "./commands/replay.ts";
import { declarePackages } from "./commands/packages.ts";
import { declareRollouts } from "./commands/rollouts.ts";
import { declareRun } from "./commands/run.ts";
import { declareRuns } from "./commands/runs.ts";
import { declareSecrets } from "./commands/secrets.ts";
import { declareServer } from "./commands/server.ts";
import { declareSites } from "./commands/sites.ts";
import { declareTokens } from "./commands/tokens.ts";
import { declareTop } from "./commands/top.ts";
import { declareUp } from "./commands/up.ts";
import { declareVariables } from "./commands/variables.ts";
import { declareVersion } from "./commands/version.ts";
import { VERSION } from "./version.ts";

const GROUPS: Readonly<Record<string, readonly ((program: Command, context: Context) => void)[]>> = {
  "Start:": [declareUp, declareServer, declareAgent],
  "Runs:": [declareRun, declareJobs, declareLogs, declareRuns, declareTop, declareHeartbeat, declareDetect],
  "When runs go wrong:": [declareIncidents, declareReplay, declarePolicies],
  "Fleet:": [
    declareAgents,
    declareTokens,
    declareSites,
    declareConfigs,
    declareVariables,
    declareRollouts,
    declarePackages,
  ],
  "Organization:": [declareMembers, declareApiTokens, declareSecrets, declareAudit],
  "This machine:": [declareLogin, declareWhoami, declareCompletion, declareVersion],
};

/** The whole command tree; help, completion and the reference are all read from it. */
export function buildProgram(context: Context): Command {
  const program = new Command("flowplane")
    .description("Run and supervise jobs on a fleet of agents.")
    .version(VERSION, "-V, --version", "print the version of this command")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "flowplane: ")),
    })
    .showHelpAfterError("Run it with --help to see how it is used.")
    .enablePositionalOptions()
    .exitOverride();
  for (const [heading, declarations] of Object.entries(GROUPS)) {
    program.commandsGroup(heading);
    for (const declare of declarations) declare(program, context);
  }
  return program;
}
