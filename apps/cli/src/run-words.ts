import { constants } from "node:os";
import type { AgentState, Run, RunState } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import type { Style } from "./output.ts";

/** How a run looks and ends, for people and for scripts. */

const RUN_STYLES: Readonly<Record<RunState, Style>> = {
  QUEUED: "gray",
  STARTING: "blue",
  RUNNING: "blue",
  STOPPING: "yellow",
  SUCCEEDED: "green",
  FAILED: "red",
  STOPPED: "yellow",
  TIMED_OUT: "red",
  FAILED_STOP: "red",
  LOST: "red",
};

export function runStyle(state: RunState): Style {
  return RUN_STYLES[state];
}

const AGENT_STYLES: Readonly<Record<AgentState, Style>> = {
  expected: "gray",
  pending: "yellow",
  connected: "green",
  stale: "yellow",
  offline: "red",
  revoked: "gray",
};

export function agentStyle(state: AgentState): Style {
  return AGENT_STYLES[state];
}

/** `0`, `3`, `SIGTERM`, or `-` when there is neither. */
export function exitWord(run: Pick<Run, "exit_code" | "signal">): string {
  return run.signal ?? run.exit_code?.toString() ?? "-";
}

/** The exit code a shell would have seen; the documented ones for ends without one. */
export function exitCodeOf(run: Pick<Run, "state" | "exit_code" | "signal">): number {
  switch (run.state) {
    case "SUCCEEDED":
      return EXIT.ok;
    case "FAILED":
      return signalCode(run.signal) ?? run.exit_code ?? EXIT.noExitCode;
    case "STOPPED":
      return signalCode(run.signal) ?? (run.exit_code || SIGTERM_CODE);
    case "TIMED_OUT":
      return EXIT.timedOut;
    case "QUEUED":
    case "STARTING":
    case "RUNNING":
    case "STOPPING":
    case "FAILED_STOP":
    case "LOST":
      return EXIT.noExitCode;
  }
}

const SIGTERM_CODE = 128 + constants.signals.SIGTERM;

function signalCode(signal: string | null): number | null {
  if (signal === null) return null;
  const number = (constants.signals as Readonly<Record<string, number>>)[signal];
  return number === undefined ? EXIT.noExitCode : 128 + number;
}
