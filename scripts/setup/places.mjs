// Where set-up keeps things. All of it is inside the repository, and ignored by git.
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What set-up fetches and remembers: pnpm, its lock, stamps. Safe to delete. */
export const tools = path.join(root, ".tools");

/** The Node the product runs on, a dev dependency of the root package. */
export const productNode = path.join(root, "node_modules/.bin/node");

/**
 * The package manager, exact like every other version. It stands here and not as `packageManager` in
 * package.json, where it would make pnpm add itself to the lockfile and fetch itself a second time.
 */
export const pnpmVersion = "12.21.0";
