import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Compiled code is shared by all tests, as it is by all commands of one user. */
const CACHE = fileURLToPath(new URL("../../../../test/.cache", import.meta.url));
const MAIN = fileURLToPath(new URL("../../bin/flowplane.mjs", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

export interface Started {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves once stdout or stderr holds `text`. */
  seen(text: string): Promise<void>;
}

/** A home of its own for the command, so that no login and no data of the machine is found. */
export class Home implements AsyncDisposable {
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#env = env;
  }

  static async create(env: Readonly<Record<string, string>> = {}): Promise<Home> {
    return new Home(await mkdtemp(join(tmpdir(), "flowplane-cli-")), env);
  }

  /** Starts the real command as its own process. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: this.folder,
        XDG_CACHE_HOME: CACHE,
        ...this.#env,
        ...env,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const waiters: { text: string; resolve: () => void }[] = [];
    const look = () => {
      const all = Buffer.concat([...out, ...err]).toString();
      for (const { text, resolve } of waiters) if (all.includes(text)) resolve();
    };
    child.stdout.on("data", (chunk: Buffer) => (out.push(chunk), look()));
    child.stderr.on("data", (chunk: Buffer) => (err.push(chunk), look()));
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        const stdoutBytes = Buffer.concat(out);
        resolve({ code, stdout: stdoutBytes.toString(), stderr: Buffer.concat(err).toString(), stdoutBytes });
      });
    });
    const seen = (text: string) =>
      new Promise<void>((resolve) => {
        waiters.push({ text, resolve });
        look();
      });
    return { child, finished, seen };
  }

  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const { child, finished } = this.start(args, env);
    child.stdin?.end();
    return await finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
