import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { agentProgram } from "@flowplane/agent/program";
import type { Client } from "@flowplane/contract";
import { explain } from "../failure.ts";
import { formatDuration } from "../format.ts";
import { agentFolder, dataFolder } from "../places.ts";
import { keepRunning } from "./keep-running.ts";
import { ensureEnrolled, waitForConnection } from "./local-agent.ts";
import { openLogFile } from "./log-file.ts";

/** Its part of the ten seconds `flowplane up` may take to stop. */
const STOP_LIMIT_MS = 5_000;

/** The site agent beside a control plane: enrolled, started, started again when it ends, stopped. */
export class ChildAgent {
  readonly #env: NodeJS.ProcessEnv;
  readonly #note: (line: string) => void;
  readonly #folder: string;
  readonly #logFile: string;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #child: ChildProcess | undefined;

  constructor(env: NodeJS.ProcessEnv, note: (line: string) => void) {
    this.#env = withoutSecrets(env);
    this.#note = note;
    this.#folder = agentFolder(env, undefined);
    this.#logFile = join(dataFolder(env), "logs", "agent.log");
  }

  /** Starts it, and returns how that went, for people: an agent that cannot run is no reason not to start the rest. */
  async start(client: Client, signal: AbortSignal): Promise<string> {
    if (process.platform !== "linux") return "none: the site agent needs Linux";
    try {
      const agentId = await ensureEnrolled(client, this.#folder, this.#note, signal);
      this.#running = keepRunning(
        {
          spawn: () => (this.#child = this.#spawn()),
          finalExitCodes: [],
          onExit: (how, restartInMs) => this.#noteExit(how, restartInMs),
          stopLimitMs: STOP_LIMIT_MS,
          now: Date.now,
          random: Math.random,
        },
        this.#stop.signal,
      );
      const connected = await waitForConnection(
        client,
        agentId,
        AbortSignal.any([signal, this.#stop.signal]),
      );
      return connected ? "local, connected" : `local, not connected yet; see ${this.#logFile}`;
    } catch (error) {
      if (signal.aborted) return "none: stopping";
      return `none: ${explain(error, false).lines.join(" ")}`;
    }
  }

  /** Stops it in order; resolves when its process is gone. Its runs go on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Ends it at once. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /**
   * A session of its own, so that Ctrl-C reaches it through us and in order. Its stdin is a pipe to us, whose end tells it
   * that we are gone, however we went.
   */
  #spawn(): ChildProcess {
    const log = openLogFile(this.#logFile);
    try {
      return spawn(process.execPath, [...agentProgram(), "--data", this.#folder, "--until-stdin-ends"], {
        env: this.#env,
        detached: true,
        stdio: ["pipe", log, log],
      });
    } finally {
      closeSync(log);
    }
  }

  #noteExit(how: string, restartInMs: number | null): void {
    const why = lastWords(readFileSync(this.#logFile, "utf8"));
    const next = restartInMs === null ? "" : ` It is started again in ${formatDuration(restartInMs)}.`;
    this.#note(`The site agent ${how}${why === null ? "." : `: ${why}`}${next}`);
  }
}

/** Variables of the control plane and of people; an agent has no use for them, nor has anybody who looks at its process. */
const SECRETS = ["FLOWPLANE_MASTER_KEY", "FLOWPLANE_API_KEY", "FLOWPLANE_TOKEN", "DATABASE_URL", "SMTP_URL"];

function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.includes(name)));
}

const SENTENCE = "flowplane: ";
/** The sentence may have lines of advice after it. */
const LAST_LINES = 5;

/** The sentence with which a command ended, from its log; null when it left none. */
export function lastWords(log: string): string | null {
  const said = log
    .trimEnd()
    .split("\n")
    .slice(-LAST_LINES)
    .findLast((line) => line.startsWith(SENTENCE));
  return said?.slice(SENTENCE.length) ?? null;
}
