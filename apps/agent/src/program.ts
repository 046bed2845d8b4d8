import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const BUNDLE = join(HERE, "..", "dist", "main.js");
const PACKAGES = join(HERE, "..", "..", "..", "packages");
/** What the bundle is made of. */
export const SOURCES = [
  HERE,
  ...["contract", "detection", "link", "opamp", "redaction", "runtime"].map((name) =>
    join(PACKAGES, name, "src"),
  ),
];

/**
 * Small young generation, one helper thread: a process that mostly waits needs no more, and each costs memory. What Node still
 * calls experimental is used knowingly; its log is for what happens.
 */
const FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1", "--disable-warning=ExperimentalWarning"];

/**
 * Node's arguments that start the agent, before the agent's own (`--data DIR`): the bundle, or the sources where it has
 * not been built or is older than they are.
 */
export function agentProgram(): string[] {
  return [...FLAGS, isBundleCurrent() ? BUNDLE : join(HERE, "main.ts")];
}

function isBundleCurrent(): boolean {
  const bundle = statSync(BUNDLE, { throwIfNoEntry: false });
  if (bundle === undefined) return false;
  return SOURCES.every((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).every(
      (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs <= bundle.mtimeMs,
    ),
  );
}
