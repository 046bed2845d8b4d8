import { isTerminal, type RunState } from "@flowplane/contract";

/**
 * The one table of how a run's state may change. Pure; everything that changes a state asks it.
 *
 * The rule of evidence. An end is either *proven*: the agent said that the processes are gone, and how; or
 * *presumed*: the control plane stopped waiting (a deadline passed, the agent was revoked, the order was taken back
 * before anybody confirmed it). A proven end is final, whatever comes later. A presumed end is what we know until the
 * agent reports otherwise: then its report wins, be it a sign of life or the real end. So a run has at most one proven
 * end, and a presumed one can only be left through a report of the run's own agent.
 *
 * A QUEUED run without an agent is WAITING: nobody has an order for it, so nobody can report, and an end there is certain.
 */
export type Standing = "WAITING" | "QUEUED" | "STARTING" | "RUNNING" | "STOPPING" | "PRESUMED" | "ENDED";

export const STANDINGS = [
  "WAITING",
  "QUEUED",
  "STARTING",
  "RUNNING",
  "STOPPING",
  "PRESUMED",
  "ENDED",
] as const satisfies readonly Standing[];

/** What can happen to a run. The first four are reports of its agent, the only ones that count as evidence. */
export type RunInput =
  | "starting"
  | "running"
  | "stopping"
  | "ended"
  /** An agent that fits was found: it is given the order. */
  | "place"
  /** It can be launched nowhere: a secret is missing, the site forbids it, its agent is gone. */
  | "unlaunchable"
  /** A person asks for the end: the agent is told. */
  | "stop"
  /** The order to start is taken back before the agent confirmed that it has it. */
  | "withdraw"
  /** It should have started, or have ended after a stop, by now. */
  | "start_overdue"
  | "stop_overdue"
  /** The agent was revoked or deleted: nobody will report any more. */
  | "agent_gone"
  /** The host that has it, or was given the order, is not the agent's any more. */
  | "holder_gone";

export const RUN_INPUTS = [
  "starting",
  "running",
  "stopping",
  "ended",
  "place",
  "unlaunchable",
  "stop",
  "withdraw",
  "start_overdue",
  "stop_overdue",
  "agent_gone",
  "holder_gone",
] as const satisfies readonly RunInput[];

export type Outcome =
  | { readonly to: RunState }
  /** A sign of life of a run presumed ended: `to`, or STOPPING when somebody wanted it stopped. */
  | { readonly revivedTo: RunState }
  /** To the end that the agent states. */
  | "as_reported"
  /** The state stays; the facts in the report are taken. */
  | "stay"
  /** Says nothing that is not known better: kept in the timeline, nothing else. */
  | "stale"
  /** Cannot be done in this state. */
  | "refuse";

const TABLE: Readonly<Record<Standing, Readonly<Record<RunInput, Outcome>>>> = {
  WAITING: {
    starting: "stale",
    running: "stale",
    stopping: "stale",
    ended: "stale",
    place: { to: "QUEUED" },
    unlaunchable: { to: "FAILED" },
    stop: { to: "STOPPED" },
    withdraw: { to: "STOPPED" },
    start_overdue: "refuse",
    stop_overdue: "refuse",
    agent_gone: "refuse",
    holder_gone: "refuse",
  },
  QUEUED: {
    starting: { to: "STARTING" },
    running: { to: "RUNNING" },
    stopping: { to: "STOPPING" },
    ended: "as_reported",
    place: "refuse",
    unlaunchable: "refuse",
    stop: { to: "STOPPING" },
    withdraw: { to: "STOPPED" },
    start_overdue: { to: "LOST" },
    stop_overdue: "refuse",
    agent_gone: { to: "FAILED" },
    holder_gone: { to: "LOST" },
  },
  STARTING: {
    starting: "stay",
    running: { to: "RUNNING" },
    stopping: { to: "STOPPING" },
    ended: "as_reported",
    place: "refuse",
    unlaunchable: "refuse",
    stop: { to: "STOPPING" },
    withdraw: "refuse",
    start_overdue: { to: "LOST" },
    stop_overdue: "refuse",
    agent_gone: { to: "LOST" },
    holder_gone: { to: "LOST" },
  },
  RUNNING: {
    starting: "stale",
    running: "stale",
    stopping: { to: "STOPPING" },
    ended: "as_reported",
    place: "refuse",
    unlaunchable: "refuse",
    stop: { to: "STOPPING" },
    withdraw: "refuse",
    start_overdue: "refuse",
    stop_overdue: "refuse",
    agent_gone: { to: "LOST" },
    holder_gone: { to: "LOST" },
  },
  STOPPING: {
    // The stop was asked for while the start was on its way: what was started is still worth knowing.
    starting: "stay",
    running: "stay",
    stopping: "stay",
    ended: "as_reported",
    place: "refuse",
    unlaunchable: "refuse",
    stop: "stay",
    withdraw: { to: "STOPPED" },
    start_overdue: "refuse",
    stop_overdue: { to: "FAILED_STOP" },
    agent_gone: { to: "LOST" },
    holder_gone: { to: "LOST" },
  },
  PRESUMED: {
    starting: { revivedTo: "STARTING" },
    running: { revivedTo: "RUNNING" },
    stopping: { to: "STOPPING" },
    ended: "as_reported",
    place: "refuse",
    unlaunchable: "refuse",
    stop: "refuse",
    withdraw: "refuse",
    start_overdue: "refuse",
    stop_overdue: "refuse",
    agent_gone: "refuse",
    holder_gone: "refuse",
  },
  ENDED: {
    starting: "stale",
    running: "stale",
    stopping: "stale",
    ended: "stale",
    place: "refuse",
    unlaunchable: "refuse",
    stop: "refuse",
    withdraw: "refuse",
    start_overdue: "refuse",
    stop_overdue: "refuse",
    agent_gone: "refuse",
    holder_gone: "refuse",
  },
};

/** What the table needs to know of a run. */
export interface RunStanding {
  readonly state: RunState;
  /** Null while it waits for an agent, and for ever when it ended without one. */
  readonly agent_id: string | null;
  /** Last line of the log: the agent says it with the end, so it is null until the end is proven. */
  readonly log_last_seq: number | null;
  readonly stop: unknown;
}

export function standingOf(run: RunStanding): Standing {
  switch (run.state) {
    case "QUEUED":
      return run.agent_id === null ? "WAITING" : "QUEUED";
    case "STARTING":
    case "RUNNING":
    case "STOPPING":
      return run.state;
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
    case "FAILED_STOP":
    case "LOST":
      return run.log_last_seq === null && run.agent_id !== null ? "PRESUMED" : "ENDED";
  }
}

export type Step =
  | { readonly kind: "move"; readonly to: RunState }
  | { readonly kind: "stay" }
  | { readonly kind: "stale" }
  | { readonly kind: "refuse" };

/** Looks the step up. `reported` is the end that the agent states, needed with `ended` alone. */
export function transition(run: RunStanding, input: RunInput, reported: RunState = "LOST"): Step {
  const outcome = TABLE[standingOf(run)][input];
  switch (outcome) {
    case "as_reported":
      if (!isTerminal(reported)) throw new Error(`${reported} is no end`);
      return { kind: "move", to: reported };
    case "stay":
    case "stale":
    case "refuse":
      return { kind: outcome };
  }
  if ("revivedTo" in outcome) return { kind: "move", to: run.stop === null ? outcome.revivedTo : "STOPPING" };
  return { kind: "move", to: outcome.to };
}
