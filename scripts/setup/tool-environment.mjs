// The environment npm, pnpm and Vite get: the user's own, without what would lead them astray.
import { accessSync, constants } from "node:fs";
import os from "node:os";
import path from "node:path";

import { tools } from "./places.mjs";

/**
 * Our environment without what npm adds for the script it runs (a nested npm or pnpm would take it
 * for its own configuration), without what would leave dev dependencies out, and without a
 * debugger's port. Caches go to .tools when the home folder can't be written to.
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (
      /^npm_(package_|lifecycle_|command$|config_(local_prefix|prefix|global|omit|production|ignore_scripts)$)/i.test(
        name,
      )
    ) {
      delete env[name];
    }
  }
  delete env.INIT_CWD;
  delete env.NODE_ENV;
  if (env.NODE_OPTIONS !== undefined) {
    env.NODE_OPTIONS = env.NODE_OPTIONS.split(/\s+/)
      .filter((option) => !option.startsWith("--inspect"))
      .join(" ");
  }
  if (!isHomeWritable()) {
    env.npm_config_cache = path.join(tools, "npm-cache");
    env.XDG_CACHE_HOME = path.join(tools, "cache");
    env.XDG_STATE_HOME = path.join(tools, "state");
  }
  return env;
}

/** Where pnpm keeps its store: its own choice, unless that would be in a home we can't write to. */
export function storeOptions() {
  return isHomeWritable() ? [] : [`--store-dir=${path.join(tools, "store")}`];
}

function isHomeWritable() {
  try {
    accessSync(os.homedir(), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    // Missing, somebody else's or read-only: all the same to us.
    return false;
  }
}
