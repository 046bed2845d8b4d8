import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../harness/control-plane.ts";

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, "..", "..", ".tools", "peers");
const BUILD_LIMIT_MS = 15 * 60_000;

/** Runs a command in the folder the program is built in. */
export type Step = (program: string, ...args: string[]) => Promise<unknown>;

export interface Peer {
  /** What it is called, also the beginning of the cached file's name. */
  readonly name: string;
  /** An environment variable with the path of one that is there already. */
  readonly variable: string;
  /** What the program is made from: another recipe is another program. */
  readonly recipe: string;
  /** Leaves the program in the folder under `name`. */
  build(folder: string, step: Step): Promise<void>;
}

/**
 * The path of a third-party program written in Go: the one its variable names, else one built once with the Go toolchain
 * and kept in .tools/peers. Without Go it is undefined, except in CI, where a missing peer is a failure. Test files run
 * side by side: the second to ask waits for what the first builds.
 */
export async function peerBinary(peer: Peer): Promise<string | undefined> {
  const named = process.env[peer.variable];
  if (named !== undefined) return named;
  const hash = createHash("sha256").update(peer.recipe).digest("hex").slice(0, 12);
  const binary = join(CACHE, `${peer.name}-${hash}`);
  if (existsSync(binary)) return binary;
  try {
    await run("go", ["version"]);
  } catch (cause) {
    if (process.env["CI"] === "true")
      throw new Error(`Building ${peer.name} for the peer tests needs Go ≥ 1.25 on PATH.`, { cause });
    return undefined;
  }
  mkdirSync(CACHE, { recursive: true });
  return alone(`${binary}.lock`, async () => {
    if (!existsSync(binary)) await build(peer, binary);
    return binary;
  });
}

async function build(peer: Peer, binary: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `flowplane-${peer.name}-`));
  const options = {
    timeout: BUILD_LIMIT_MS,
    cwd: folder,
    env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
  };
  try {
    await peer.build(folder, (program, ...args) => run(program, args, options));
    const temporary = `${binary}.${process.pid}`;
    copyFileSync(join(folder, peer.name), temporary);
    renameSync(temporary, binary);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One process at a time; the lock of a process that is gone counts for nothing. */
async function alone<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    await eventually(`the lock ${lock}`, () => take(own, lock), BUILD_LIMIT_MS);
    try {
      return await work();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function take(own: string, lock: string): true | undefined {
  try {
    // With the pid in it from the first moment on: a link is all or nothing.
    linkSync(own, lock);
    return true;
  } catch {
    const holder = Number(readOr(lock, ""));
    if (holder > 0 && holder !== process.pid && !isAlive(holder)) rmSync(lock, { force: true });
    return undefined;
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
