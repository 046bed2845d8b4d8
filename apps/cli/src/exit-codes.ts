/** What an exit code of `flowplane` says. Fixed: scripts rely on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notAllowed: 4,
  notFound: 5,
  conflict: 6,
  notEqual: 7,
  tampered: 8,
  rolledBack: 9,
  paused: 10,
  timedOut: 124,
  noExitCode: 125,
  interrupted: 130,
  outputClosed: 141,
} as const;

/** The same for people; the reference is generated from it. */
export const EXIT_MEANINGS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "done"],
  [
    "1",
    "failed: the control plane or this machine could not do it, the audit chain is broken, `configs lint` found problems, `configs diff` differences, `rollouts plan` something that keeps it from being started",
  ],
  ["2", "usage: an unknown command or option, or input that was refused as invalid"],
  ["3", "the control plane cannot be reached"],
  ["4", "not signed in, or not allowed"],
  ["5", "no such run, agent, token …"],
  ["6", "not possible in its present state (already ended, several agents match …)"],
  ["7", "`replay`: a decision did not come out as it was recorded"],
  ["8", "`replay`: the evidence was changed after the agent wrote it"],
  ["9", "`rollouts watch`, `configs apply --wait`: the rollout was taken back or aborted"],
  ["10", "`rollouts watch`, `configs apply --wait`: the rollout is paused and waits for a person"],
  [
    "124",
    "`run` and `logs -f`: the run reached its maximum runtime; `rollouts watch` and `configs apply --wait`: the rollout did not end within --timeout, and goes on",
  ],
  [
    "125",
    "`run` and `logs -f`: the run ended without an exit code (never started, lost, could not be stopped)",
  ],
  [
    "128 + n",
    "`run` and `logs -f`: the run was ended by signal n; 143 also for a run that was stopped and then exited with 0",
  ],
  ["130", "interrupted with Ctrl-C"],
  ["141", "the reader of the output went away (`… | head`)"],
];
