// What a run finds in its environment: a minimum, what it was allowed to take over from the agent, and what it was given.
// Values travel by execve alone, so that none is in anybody's list of arguments.

import { homedir } from "node:os";
import type { RunSpec } from "@flowplane/link";
import { userName } from "./principal.ts";
import type { Principal } from "./principal.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Always there, besides what a run inherits and is given. */
export const MINIMAL_NAMES = ["PATH", "HOME", "LANG", "TZ", "USER"] as const;

/** `own` is what Flowplane tells the run; `as` is whom it is started as, null for the agent's own user. */
export function buildEnvironment(
  spec: RunSpec,
  own: Readonly<Record<string, string>>,
  as: Principal | null,
  from: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of spec.inherit_env ?? []) {
    const value = from[name];
    if (value !== undefined) inherited[name] = value;
  }
  return { ...minimalEnvironment(from, as), ...inherited, ...spec.env, ...own };
}

/** A shell script that sets these variables: each value in single quotes, which nothing inside can leave. */
export function exportScript(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join("");
}

function minimalEnvironment(from: NodeJS.ProcessEnv, as: Principal | null): Record<string, string> {
  const env: Record<string, string> = {
    PATH: as ? DEFAULT_PATH : (from["PATH"] ?? DEFAULT_PATH),
    HOME: as ? as.home : homedir(),
    LANG: from["LANG"] ?? "C.UTF-8",
    USER: as ? as.name : userName(),
  };
  const zone = from["TZ"];
  return zone === undefined ? env : { ...env, TZ: zone };
}
