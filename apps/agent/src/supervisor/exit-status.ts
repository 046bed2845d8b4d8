// What the wrapper's exit file means.
//
// A shell's $? alone cannot tell `exit 137` from a death by SIGKILL. But a shell reports on its stderr when a job it
// waited for in the foreground was killed, and says nothing about an exit. The wrapper keeps that stderr apart, so a
// report proves a signal. No report proves an exit, save for the two signals that shells pass over in silence: SIGINT and
// SIGPIPE. For those the code is kept, and the signal is named only when the agent itself sent it.

import { constants } from "node:os";

export type ExitStatus = {
  /** As a shell counts: the exit code, or 128 + the signal's number. */
  code: number;
  /** The signal that ended the process; null when it exited by itself, or when that cannot be known. */
  signal: NodeJS.Signals | null;
  /** Why it ended so, when more is known than the code. */
  why?: string;
  /** The kernel ended it because memory was out. */
  oomKilled?: boolean;
};

const SILENT_SIGNALS: ReadonlySet<string> = new Set(["SIGINT", "SIGPIPE"]);

/** The text of the exit file; null when it is not one. `sent` holds the signals the agent has sent to this job. */
export function parseExitFile(text: string, sent: ReadonlySet<string>): ExitStatus | null {
  const match = /^(\d{1,3}) ([01])\n$/.exec(text);
  if (!match) return null;
  const code = Number(match[1]);
  if (code > 255) return null;
  const name = code > 128 ? signalName(code - 128) : null;
  const isKnown = name !== null && (match[2] === "1" || (SILENT_SIGNALS.has(name) && sent.has(name)));
  return { code, signal: isKnown ? name : null };
}

function signalName(number: number): NodeJS.Signals | null {
  for (const [name, value] of Object.entries(constants.signals)) {
    if (value === number) return name as NodeJS.Signals; // The keys of os.constants.signals are signal names.
  }
  return null;
}
