import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { aborted, backoffMs, wait, type Clock, type Random } from "@flowplane/runtime";

export interface KeepRunning {
  readonly spawn: () => ChildProcess;
  /** Exit codes after which another try would end the same way. */
  readonly finalExitCodes: readonly number[];
  /** Told how it ended and what follows: milliseconds until the next try, or null for none. */
  readonly onExit: (how: string, restartInMs: number | null) => void;
  /** Milliseconds between SIGTERM and SIGKILL when it is stopped. */
  readonly stopLimitMs: number;
  readonly now: Clock;
  readonly random: Random;
}

/** A process that lived this long did work; its next end is the first again. */
const STEADY_MS = 60_000;
const BACKOFF = { baseMs: 500, maxMs: 30_000 };

/**
 * Keeps one child process running until `signal` aborts, starting it again after a jittered wait when it ends. Resolves
 * after the child is gone, or when it ended with a final exit code and `signal` has aborted.
 */
export async function keepRunning(options: KeepRunning, signal: AbortSignal): Promise<void> {
  const { spawn, finalExitCodes, onExit, now, random } = options;
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = now();
    const child = spawn();
    const end = endOf(child);
    await Promise.race([end, aborted(signal)]);
    if (signal.aborted) return await stop(child, end, options.stopLimitMs);
    const { how, code } = await end;
    if (code !== null && finalExitCodes.includes(code)) {
      onExit(how, null);
      return await aborted(signal);
    }
    failures = now() - startedAt >= STEADY_MS ? 1 : failures + 1;
    const restartInMs = backoffMs(failures, random, BACKOFF);
    onExit(how, restartInMs);
    await wait(restartInMs, signal);
  }
}

interface End {
  readonly how: string;
  readonly code: number | null;
}

async function endOf(child: ChildProcess): Promise<End> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return { how: signal === null ? `exited with ${code}` : `was ended by ${signal}`, code };
  } catch (error) {
    return {
      how: `could not be started: ${error instanceof Error ? error.message : String(error)}`,
      code: null,
    };
  }
}

async function stop(child: ChildProcess, end: Promise<End>, limitMs: number): Promise<void> {
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  await end;
  clearTimeout(limit);
}
