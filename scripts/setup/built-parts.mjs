// What is built from sources: the dashboard's static files, and the agent as one small program.
// Each is built when its sources have changed.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

import { productNode, root, tools } from "./places.mjs";
import { showProgress } from "./progress.mjs";
import { runQuietly } from "./run-quietly.mjs";
import { filesBelow, hashOf, readStamp, removeStamp, writeStamp } from "./stamp.mjs";

/**
 * @typedef {object} Part
 * @property {string} name as in "Building the dashboard"
 * @property {string} folder its workspace folder; the result is `dist` in it
 * @property {string} result a file there when it is whole
 * @property {string[]} sources folders of ours that it is made of
 * @property {(draft: string) => string[]} build Node's arguments that build it into a folder
 */

const web = path.join(root, "apps/web");
const agent = path.join(root, "apps/agent");

/** @type {Part[]} */
export const parts = [
  {
    name: "dashboard",
    folder: web,
    result: "index.html",
    sources: [web, path.join(root, "packages/contract")],
    build: (draft) =>
      [path.join(web, "node_modules/vite/bin/vite.js"), "build", "--outDir", draft].concat(
        "--emptyOutDir",
        "--logLevel",
        "warn",
      ),
  },
  {
    name: "agent",
    folder: agent,
    result: "main.js",
    sources: [
      agent,
      ...["contract", "detection", "link", "opamp", "redaction", "runtime"].map((name) =>
        path.join(root, "packages", name),
      ),
    ],
    build: (draft) => [path.join(agent, "build.mjs"), draft],
  },
];

/**
 * Hash of everything a part is made of.
 * @param {Part} part
 * @param {string} packages what `packagesHash` gave
 */
function hashOfPart(part, packages) {
  const files = part.sources.flatMap(filesBelow).filter((file) => !/\.test\.tsx?$/.test(file));
  return hashOf([packages], files);
}

/**
 * @param {Part} part
 * @param {string} packages
 */
export function isPartCurrent(part, packages) {
  const isWhole = existsSync(path.join(part.folder, "dist", part.result));
  return isWhole && readStamp(stampOf(part)) === hashOfPart(part, packages);
}

/**
 * Builds a part beside the one in use and then puts it in its place, so that a program that runs, or a build
 * that is interrupted, never has half of it.
 * @param {Part} part
 * @param {string} packages
 */
export async function buildPart(part, packages) {
  const progress = showProgress(`Building the ${part.name}`);
  const hash = hashOfPart(part, packages);
  mkdirSync(tools, { recursive: true });
  for (const name of readdirSync(tools)) {
    if (name.startsWith(`${part.name}-`)) rmSync(path.join(tools, name), { recursive: true, force: true });
  }
  const built = path.join(part.folder, "dist");
  const draft = path.join(tools, `${part.name}-${process.pid}`);
  const old = path.join(tools, `${part.name}-old-${process.pid}`);
  removeStamp(stampOf(part));
  try {
    await runQuietly(productNode, part.build(draft), {
      doing: `Building the ${part.name}`,
      cwd: part.folder,
      writes: tools,
    });
    if (existsSync(built)) renameSync(built, old);
    renameSync(draft, built);
    writeStamp(stampOf(part), hash);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
    progress.done();
  }
}

/** @param {Part} part */
function stampOf(part) {
  return path.join(tools, `${part.name}.stamp`);
}
