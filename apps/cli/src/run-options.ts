import { resolve } from "node:path";
import type { Client, Isolation, RunCreate } from "@flowplane/contract";
import type { Command } from "commander";
import type { z } from "zod";
import { findAgent, findPolicyRef } from "./find.ts";
import { isPolicyFile, readPolicyFile } from "./policy-file.ts";
import { findSite } from "./commands/sites.ts";
import {
  collectPairs,
  collectSecrets,
  collectWords,
  environmentCollector,
  parseCount,
  parseDurationMs,
  parseInteger,
  parseMillicores,
  parseSizeMib,
} from "./input.ts";

/** Everything a launch can be given, as options of a command. */
export interface LaunchOptions {
  agent?: string;
  label?: Record<string, string>;
  site?: string;
  name?: string;
  cwd?: string;
  env?: Record<string, string>;
  inherit?: string[];
  secret?: Record<string, string>;
  memory?: number;
  cpu?: number;
  pids?: number;
  openFiles?: number;
  fileSize?: number;
  nice?: number;
  umask?: string;
  user?: string;
  group?: string;
  isolation?: Isolation["mode"];
  image?: string;
  network?: "none" | "host" | "bridge";
  retries?: number;
  backoff?: number;
  backoffMax?: number;
  grace?: number;
  maxRuntime?: number;
  heartbeat?: number;
  progressFile?: string;
  progressPattern?: string;
  policy?: string;
}

const LIMITS = "Limits:";
const ENDS = "Ends, retries and supervision:";
const PLACE = "Where and as whom:";

export function declareLaunchOptions(command: Command, env: NodeJS.ProcessEnv): Command {
  const add = (
    heading: string,
    flags: string,
    description: string,
    parse?: (text: string, previous: never) => unknown,
    choices?: string[],
  ) => {
    const option = command.createOption(flags, description).helpGroup(heading);
    if (parse !== undefined) option.argParser(parse as (text: string, previous: unknown) => unknown);
    if (choices !== undefined) option.choices(choices);
    command.addOption(option);
  };
  command
    .option("-n, --name <name>", "name of the run (default: the program's)")
    .option("-C, --cwd <folder>", "folder to run in, on the agent (default: the agent's)")
    .option(
      "-e, --env <name=value>",
      "environment variable; a bare name passes yours on; repeatable",
      environmentCollector(env),
    )
    .option(
      "--inherit <name>",
      "variable taken over from the agent's own environment; repeatable",
      collectWords,
    )
    .option(
      "--secret <name>",
      "stored secret as the variable of its name, or VARIABLE=NAME; repeatable",
      collectSecrets,
    );
  add(PLACE, "-a, --agent <agent>", "name or id of the agent (default: the only connected one)");
  add(
    PLACE,
    "-l, --label <key=value>",
    "any agent with this label, the least loaded; repeatable",
    collectPairs,
  );
  add(PLACE, "--site <site>", "any agent of this site, the least loaded");
  add(PLACE, "--user <user>", "user to run as; needs an agent that may change users");
  add(PLACE, "--group <group>", "group to run as");
  add(PLACE, "--isolation <mode>", "how it is kept apart", undefined, ["process", "idle", "container"]);
  add(PLACE, "--image <image>", "image of the container");
  add(PLACE, "--network <mode>", "network of the container", undefined, ["none", "host", "bridge"]);
  add(LIMITS, "--memory <size>", "memory, such as 512m", parseSizeMib);
  add(LIMITS, "--cpu <cores>", "cores, such as 0.5", parseMillicores);
  add(LIMITS, "--pids <n>", "processes and threads", parseCount);
  add(LIMITS, "--open-files <n>", "open files of each process", parseCount);
  add(LIMITS, "--file-size <size>", "size of a file it writes", parseSizeMib);
  add(LIMITS, "--nice <n>", "priority, from -20 to 19", parseInteger);
  add(LIMITS, "--umask <digits>", "such as 077");
  add(ENDS, "--max-runtime <duration>", "stop it after this long", parseDurationMs);
  add(ENDS, "--grace <duration>", "time between SIGTERM and SIGKILL when it is stopped", parseDurationMs);
  add(ENDS, "--retries <n>", "start it again so many times when it fails", parseInteger);
  add(ENDS, "--backoff <duration>", "wait before the first retry; doubles, with jitter", parseDurationMs);
  add(ENDS, "--backoff-max <duration>", "longest wait before a retry", parseDurationMs);
  add(ENDS, "--heartbeat <duration>", "a sign of life at least this often", parseDurationMs);
  add(ENDS, "--progress-file <path>", "a file whose change is a sign of progress");
  add(ENDS, "--progress-pattern <regex>", "a line that matches is a sign of progress");
  add(ENDS, "--policy <policy>", "detection policy: name or id, NAME@3 for that version, or a file with one");
  return command;
}

/** The API's body for a command line. */
export async function launchBody(
  client: Client,
  argv: readonly string[],
  options: LaunchOptions,
): Promise<z.input<typeof RunCreate>> {
  const [command = "", ...args] = argv;
  const given = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
  const some = <K extends string, T extends object>(key: K, values: T) =>
    Object.keys(values).length === 0 ? {} : ({ [key]: values } as { [P in K]: T });
  const placement = given({
    labels: options.label,
    site_id: options.site === undefined ? undefined : (await findSite(client, options.site)).id,
  });
  const resources = given({
    memory_limit_mb: options.memory,
    cpu_limit_millicores: options.cpu,
    pids_limit: options.pids,
    open_files_limit: options.openFiles,
    file_size_limit_mb: options.fileSize,
    nice: options.nice,
    umask: options.umask,
  });
  const envPolicy = given({ inherit: options.inherit, secrets: options.secret });
  const progress = given({
    heartbeat_ms: options.heartbeat,
    file: options.progressFile,
    pattern: options.progressPattern,
  });
  return {
    command,
    args,
    ...given({
      name: options.name,
      cwd: options.cwd === undefined ? undefined : resolve(options.cwd),
      env: options.env,
      agent_id: options.agent === undefined ? undefined : (await findAgent(client, options.agent)).id,
      grace_ms: options.grace,
      max_runtime_ms: options.maxRuntime,
      user: options.user,
      group: options.group,
      ...(await policyOf(client, options.policy)),
      retry: retryOf(options),
      isolation: isolationOf(options),
    }),
    ...some("placement", placement),
    ...some("resource_policy", resources),
    ...some("env_policy", envPolicy),
    ...some("progress", progress),
  };
}

/** A stored policy by reference, or the document of this run alone; what is in that the other side judges. */
async function policyOf(client: Client, policy: string | undefined) {
  if (policy === undefined) return {};
  if (!isPolicyFile(policy)) return { policy: await findPolicyRef(client, policy) };
  type Document = z.input<typeof RunCreate>["policy_document"];
  return { policy_document: (await readPolicyFile(policy)) as Document };
}

function retryOf({ retries, backoff, backoffMax }: LaunchOptions) {
  if (retries === undefined && backoff === undefined && backoffMax === undefined) return undefined;
  return {
    ...(retries === undefined ? {} : { retries_max: retries }),
    ...(backoff === undefined ? {} : { backoff_ms: backoff }),
    ...(backoffMax === undefined ? {} : { backoff_max_ms: backoffMax }),
  };
}

/** An image alone asks for a container. */
function isolationOf({ isolation, image, network }: LaunchOptions) {
  const mode = isolation ?? (image === undefined ? undefined : "container");
  if (mode === undefined) return undefined;
  return {
    mode,
    ...(image === undefined ? {} : { image }),
    ...(network === undefined ? {} : { network }),
  };
}
