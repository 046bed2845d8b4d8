// DATA/launch-policy.json: what this host forbids, whatever any site allows.

import { join } from "node:path";
import { launchPolicySchema } from "@flowplane/link";
import type { LaunchPolicySpec } from "@flowplane/link";
import { readFileIfAny } from "../data/folder.ts";
import { refuse } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";

const FILE_NAME = "launch-policy.json";

/** What a field means that the file leaves out. */
const NOTHING_FORBIDDEN: LaunchPolicySpec = {
  allow: [],
  deny: [],
  isolation: ["process", "idle", "container"],
  inherit: null,
  users: null,
  require_limits: false,
};

/**
 * Read anew for every launch, so that a change counts at once. A file that cannot be understood forbids everything: nobody
 * can know what it was meant to forbid.
 */
export function readHostPolicy(dataDir: string): LaunchPolicySpec | Refusal {
  const path = join(dataDir, FILE_NAME);
  const unusable = (why: string) =>
    refuse(`nothing can be started: the host's own launch policy ${path} ${why}; correct it or remove it`);
  let given: unknown;
  try {
    const text = readFileIfAny(path);
    if (text === null) return NOTHING_FORBIDDEN;
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== "object" || fields === null || Array.isArray(fields))
      return unusable("is not a JSON object");
    given = { ...NOTHING_FORBIDDEN, ...fields };
  } catch (error) {
    return unusable(`cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
  const parsed = launchPolicySchema.strict().safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return unusable(`is not valid (${[...(issue?.path ?? []), issue?.message ?? ""].join(": ")})`);
}
