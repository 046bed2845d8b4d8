// What may be started at all: the site's policy, which travels with the run, and the host's own file, which can only forbid
// more. Pure.

import type { LaunchPolicySpec } from "@flowplane/link";
import { matchesGlob } from "./glob.ts";
import { refuse } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";

/** What a run asks for, as the host sees it. */
export type Asked = {
  /** The file that would be executed, with every symbolic link followed; null for what a container brings along. */
  executable: string | null;
  /** The same file as it was named, with no link followed. */
  namedAs: string | null;
  isolation: LaunchPolicySpec["isolation"][number];
  inherits: readonly string[];
  /** The user it would run as, by name and by number. */
  user: { name: string; uid: number };
  /** Limits it asks for that the kernel would not keep here. */
  unenforced: readonly string[];
};

/** Null, or what the policy forbids. `whose` names the policy for people; `real` follows the links of a path. */
export function judgeLaunch(
  policy: LaunchPolicySpec,
  asked: Asked,
  whose: string,
  real: (path: string) => string,
): Refusal | null {
  const forbid = (what: string) => refuse(`${whose} forbids it: ${what}`);
  const { executable, namedAs } = asked;
  if (executable !== null) {
    const matches = (pattern: string, path: string) =>
      matchesGlob(pattern, path) || (!isWild(pattern) && real(pattern) === path);
    // A denied name is denied whatever it leads to; an allowed one has to lead to what is allowed.
    const denied = policy.deny.find(
      (pattern) => matches(pattern, executable) || (namedAs !== null && matches(pattern, namedAs)),
    );
    if (denied !== undefined) return forbid(`${executable} is denied by the rule ${denied}`);
    if (policy.allow.length > 0 && !policy.allow.some((pattern) => matches(pattern, executable)))
      return forbid(`${executable} matches none of the rules that allow executables`);
  }
  if (!policy.isolation.includes(asked.isolation))
    return forbid(`isolation ${asked.isolation} is not among ${policy.isolation.join(", ")}`);
  const { inherit, users } = policy;
  const inherited = inherit === null ? undefined : asked.inherits.find((name) => !inherit.includes(name));
  if (inherited !== undefined) return forbid(`the variable ${inherited} may not be inherited`);
  const { name, uid } = asked.user;
  if (users !== null && !users.includes(name) && !users.includes(String(uid)))
    return forbid(`it may not be started as user ${name}`);
  if (policy.require_limits && asked.unenforced.length > 0)
    return forbid(`this host's kernel cannot keep its limits of ${asked.unenforced.join(", ")}`);
  return null;
}

function isWild(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
