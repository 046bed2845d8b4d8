// What to start, or why it cannot be. Reads the file system, starts and changes nothing. Nothing goes through a shell's
// parser: the command and its arguments stay separate strings from the intent to execve.

import { readFileSync, realpathSync } from "node:fs";
import { getPriority } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { LaunchPolicySpec, RunSpec } from "@flowplane/link";
import type { CgroupTree } from "../supervisor/cgroups.ts";
import { compilePattern } from "../progress/pattern.ts";
import { planCgroup } from "../supervisor/cgroups.ts";
import { HEARTBEAT_INSIDE, planContainer } from "./container.ts";
import type { Container } from "./container.ts";
import { buildEnvironment, DEFAULT_PATH, exportScript } from "./environment.ts";
import { findExecutable, judgeDirectory } from "./find.ts";
import { heartbeatPath } from "./heartbeat-file.ts";
import { readHostPolicy } from "./host-policy.ts";
import { judgeLaunch } from "./policy.ts";
import { buildPrefix } from "./prefix.ts";
import { readAccounts, resolvePrincipal, userName } from "./principal.ts";
import type { Principal } from "./principal.ts";
import { isRefusal, NOT_FOUND, refuse, refuseForNow } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import type { Tools } from "./tools.ts";

/** The kernel's limit for one argument or variable (MAX_ARG_STRLEN), its final NUL included. */
const ARGUMENT_BYTES_MAX = 128 * 1024;

export type LaunchContext = {
  tools: Tools;
  dataDir: string;
  /** The host's tree of cgroups, null where there is none to use. */
  cgroups: CgroupTree | null;
  runId: string;
  runDir: string;
  mark: string;
  /** Variables that tell the run how to be heard, beyond the file for signs of life. */
  notify: Readonly<Record<string, string>>;
};

export type LaunchPlan = {
  /** The command behind everything that stands before it. */
  argv: string[];
  /** Of the wrapper and all of `argv`. */
  env: Record<string, string>;
  /** What the last program before the command reads first: variables that only the run's own user may act on. */
  script: string | null;
  cwd: string;
  /** Octal digits; empty: the agent's own. */
  umask: string;
  cgroup: { path: string; files: [string, string][] } | null;
  container: Container | null;
  enforced: string[];
  heartbeatFile: string | null;
  as: Principal | null;
};

export function planLaunch(context: LaunchContext, spec: RunSpec): LaunchPlan | Refusal {
  const as = spec.isolation?.mode === "container" ? null : resolvePrincipal(spec, readAccounts);
  if (isRefusal(as)) return as;
  const heartbeatFile = heartbeatPath(context.runDir, context.mark, as);
  const env = buildEnvironment(spec, ownVariables(context, heartbeatFile), as);
  const problem = judgeWords(spec, env, as) ?? judgePattern(spec);
  if (problem) return problem;
  const plan =
    spec.isolation?.mode === "container"
      ? planInContainer(context, spec, env, heartbeatFile)
      : planProcess(context, spec, env, as);
  if (isRefusal(plan)) return plan;
  const forbidden = judgePolicies(context, spec, plan, as);
  return forbidden ?? { ...plan, heartbeatFile, as };
}

type Core = Omit<LaunchPlan, "heartbeatFile" | "as"> & { executable: string | null; namedAs: string | null };

function planProcess(
  { tools, cgroups, runId, mark }: LaunchContext,
  spec: RunSpec,
  env: Record<string, string>,
  as: Principal | null,
): Core | Refusal {
  const limits = spec.limits ?? {};
  const isIdle = spec.isolation?.mode === "idle";
  const cwd = spec.cwd ?? workFolder(env["HOME"]);
  const cwdProblem = isAbsolute(cwd) ? judgeDirectory(cwd) : "is not an absolute path";
  if (cwdProblem !== null) return refuseForNow(126, `the working directory ${cwd} ${cwdProblem}`);
  if (spec.command === "") return { ...refuse("the command is empty"), exitCode: NOT_FOUND };
  const found = findExecutable(spec.command, env["PATH"] ?? DEFAULT_PATH, cwd);
  if (isRefusal(found)) return found;
  const agent = { nice: getPriority(), uid: process.getuid?.() ?? 0 };
  const prefix = buildPrefix(tools, { limits, isIdle, agent, as });
  if (isRefusal(prefix)) return prefix;
  const cgroup = planCgroup(cgroups, `${runId}-${mark.slice(0, 8)}`, limits, isIdle);
  // The search was only to know: argv[0] stays what was asked for, and execvp finds the same file.
  const command = [spec.command, ...spec.args];
  const last = as ? [tools.sh, "-c", readStartAs(), "sh", `#${mark}`, cwd, ...command] : command;
  return {
    argv: [tools.setsid, "--", ...prefix.argv, ...last],
    env: as ? { PATH: DEFAULT_PATH, LANG: env["LANG"] ?? "C" } : env,
    script: as ? `${exportScript(env)}#${mark}\n` : null,
    cwd: as ? "/" : cwd,
    umask: limits.umask ?? "",
    cgroup: cgroup && { path: cgroup.path, files: cgroup.files },
    container: null,
    enforced: [...prefix.enforced, ...(cgroup?.enforced ?? [])],
    executable: realPath(found),
    namedAs: resolve(cwd, found),
  };
}

function planInContainer(
  { tools, runId, runDir, mark }: LaunchContext,
  spec: RunSpec,
  env: Record<string, string>,
  heartbeatFile: string | null,
): Core | Refusal {
  const given = new Set([...Object.keys(spec.env), ...(spec.inherit_env ?? [])]);
  const envNames = Object.keys(env).filter((name) => given.has(name) || name.startsWith("FLOWPLANE_"));
  const cidFile = join(runDir, "cid");
  const needs = {
    runId,
    mark,
    cidFile,
    heartbeatFile: heartbeatFile ?? "",
    envNames: [...envNames, "FLOWPLANE_RUN_MARK"],
  };
  const planned = planContainer(tools, spec, needs);
  if (isRefusal(planned)) return planned;
  return {
    argv: [tools.setsid, "--", ...planned.argv],
    env: { ...env, FLOWPLANE_HEARTBEAT_FILE: HEARTBEAT_INSIDE },
    script: null,
    cwd: "/",
    umask: "",
    cgroup: null,
    container: planned.container,
    enforced: planned.enforced,
    executable: null,
    namedAs: null,
  };
}

function judgePolicies(
  { dataDir }: LaunchContext,
  spec: RunSpec,
  { executable, namedAs, enforced }: Core,
  as: Principal | null,
): Refusal | null {
  const host = readHostPolicy(dataDir);
  if (isRefusal(host)) return host;
  const asked = {
    executable,
    namedAs,
    isolation: spec.isolation?.mode ?? "process",
    inherits: spec.inherit_env ?? [],
    user: as ?? { name: userName(), uid: process.getuid?.() ?? 0 },
    unenforced: Object.keys(spec.limits ?? {}).filter((name) => !enforced.includes(name)),
  } as const;
  const judge = (policy: LaunchPolicySpec, whose: string) => judgeLaunch(policy, asked, whose, realPath);
  return (
    judge(host, "the host's own launch policy") ??
    (spec.launch_policy ? judge(spec.launch_policy, "the site's launch policy") : null)
  );
}

function judgeWords(spec: RunSpec, env: Record<string, string>, as: Principal | null): Refusal | null {
  const variables = Object.entries(env);
  const words = [spec.command, ...spec.args, ...variables.map(([name, value]) => `${name}=${value}`)];
  if ([...words, spec.cwd ?? ""].some((word) => word.includes("\0")))
    return refuse("the command, an argument, a variable or the working directory holds a NUL byte");
  const badName = variables.map(([name]) => name).find((name) => name === "" || name.includes("="));
  if (badName !== undefined)
    return refuse(`${JSON.stringify(badName)} is no name for an environment variable`);
  const unsettable = as && Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (typeof unsettable === "string")
    return refuse(`${JSON.stringify(unsettable)} cannot be a variable of a run of another user`);
  if (words.some((word) => Buffer.byteLength(word) >= ARGUMENT_BYTES_MAX))
    return refuse(`an argument or variable is longer than the ${ARGUMENT_BYTES_MAX} bytes the kernel allows`);
  return null;
}

function judgePattern({ progress }: RunSpec): Refusal | null {
  if (progress?.pattern === undefined) return null;
  const compiled = compilePattern(progress.pattern);
  return "problem" in compiled ? refuse(compiled.problem) : null;
}

function ownVariables(
  { runId, notify }: LaunchContext,
  heartbeatFile: string | null,
): Record<string, string> {
  return {
    ...notify,
    FLOWPLANE_RUN_ID: runId,
    ...(heartbeatFile === null ? {} : { FLOWPLANE_HEARTBEAT_FILE: heartbeatFile }),
  };
}

/** Where a run works that names no folder; a user's home may not exist. */
function workFolder(home: string | undefined): string {
  return home !== undefined && isAbsolute(home) && judgeDirectory(home) === null ? home : "/";
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // Not there, or behind a folder that is not ours to enter.
    if ((error as NodeJS.ErrnoException).syscall !== undefined) return path;
    throw error;
  }
}

let startAs: string | null = null;

/** The shell script that the run's own user starts it with, without its comments: `ps` shows it. */
function readStartAs(): string {
  startAs ??= readFileSync(new URL("start-as.sh", import.meta.url), "utf8").replaceAll(/^#.*\n/gm, "");
  return startAs;
}
