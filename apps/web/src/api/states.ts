/** States and rules of the domain as the dashboard shows them: which word, which tone, what may be done now. */
import {
  isTerminal,
  type Agent,
  type AgentState,
  type ConnectionChange,
  type EnrolmentToken,
  type HealthLevel,
  type Incident,
  type Job,
  type PolicyMode,
  type Run,
  type RunState,
} from "@flowplane/contract";

export type Tone = "ok" | "busy" | "attention" | "bad" | "off";
export interface Look {
  readonly word: string;
  readonly tone: Tone;
}

export const AGENT_LOOK: Readonly<Record<AgentState, Look>> = {
  connected: { word: "Connected", tone: "ok" },
  stale: { word: "Stale", tone: "attention" },
  pending: { word: "Waits for approval", tone: "attention" },
  offline: { word: "Offline", tone: "bad" },
  expected: { word: "Expected", tone: "off" },
  revoked: { word: "Revoked", tone: "off" },
};

export const HEALTH_LOOK: Readonly<Record<HealthLevel, Look>> = {
  healthy: { word: "Healthy", tone: "ok" },
  warning: { word: "Warning", tone: "attention" },
  unhealthy: { word: "Unhealthy", tone: "bad" },
  offline: { word: "Offline", tone: "off" },
  unknown: { word: "Unknown", tone: "off" },
};

export const RUN_LOOK: Readonly<Record<RunState, Look>> = {
  QUEUED: { word: "Queued", tone: "off" },
  STARTING: { word: "Starting", tone: "busy" },
  RUNNING: { word: "Running", tone: "busy" },
  STOPPING: { word: "Stopping", tone: "attention" },
  SUCCEEDED: { word: "Succeeded", tone: "ok" },
  FAILED: { word: "Failed", tone: "bad" },
  STOPPED: { word: "Stopped", tone: "off" },
  TIMED_OUT: { word: "Timed out", tone: "bad" },
  FAILED_STOP: { word: "Stop failed", tone: "bad" },
  LOST: { word: "Lost", tone: "bad" },
};

export const TOKEN_LOOK: Readonly<Record<EnrolmentToken["state"], Look>> = {
  usable: { word: "Usable", tone: "ok" },
  expired: { word: "Expired", tone: "off" },
  used_up: { word: "Used up", tone: "off" },
  revoked: { word: "Revoked", tone: "off" },
};

/** A colour says how bad it is only as long as nobody looks after it. */
export function incidentLook(incident: Pick<Incident, "state" | "severity">): Look {
  if (incident.state === "closed") return { word: "Closed", tone: "off" };
  if (incident.state === "acknowledged") return { word: "Acknowledged", tone: "busy" };
  return { word: "Open", tone: incident.severity === "critical" ? "bad" : "attention" };
}

export const CATEGORY_WORD: Readonly<Record<Incident["category"], string>> = {
  loop: "Loop",
  stall: "Stall",
  retry_storm: "Retry storm",
  runaway: "Runaway",
  agent_loop: "Agent in circles",
  failed_stop: "Stop failed",
};

export const SEVERITY_LOOK: Readonly<Record<Incident["severity"], Look>> = {
  critical: { word: "Critical", tone: "bad" },
  warning: { word: "Warning", tone: "attention" },
  info: { word: "Info", tone: "off" },
};

export const ACTION_WORD: Readonly<Record<Incident["interventions"][number]["action"], string>> = {
  notify: "Tell",
  freeze: "Freeze",
  stop: "Stop",
  restart: "Restart",
  stop_for_good: "Stop for good",
};

export const OUTCOME_LOOK: Readonly<Record<Incident["interventions"][number]["outcome"], Look>> = {
  done: { word: "Done", tone: "ok" },
  under_way: { word: "Under way", tone: "busy" },
  withheld: { word: "Withheld", tone: "off" },
  failed: { word: "Failed", tone: "bad" },
};

export const MODE_LOOK: Readonly<Record<PolicyMode, Look>> = {
  shadow: { word: "Shadow", tone: "off" },
  canary: { word: "Canary", tone: "busy" },
  enforce: { word: "Enforce", tone: "ok" },
};

export const JOB_LOOK: Readonly<Record<Job["status"], Look>> = {
  CREATED: { word: "Active", tone: "ok" },
  PAUSED: { word: "Paused", tone: "attention" },
  ARCHIVED: { word: "Archived", tone: "off" },
};

export const KIND_WORD: Readonly<Record<Agent["kind"], string>> = {
  site: "Site agent",
  collector: "Collector",
  gateway: "Gateway",
};

const CONNECTION_CHANGE_LOOK: Readonly<Record<ConnectionChange["state"], Look>> = {
  reconnecting: { word: "Reconnecting", tone: "busy" },
  kept_old: { word: "Kept old connection", tone: "attention" },
  unknown_since_offer: { word: "Unknown since offer", tone: "off" },
};

/**
 * An agent that is connected and says that something in it is broken wants attention, not a green dot; nor has one a green dot
 * that is between two connections. What it says of its health since an offer may be the offer's echo.
 */
export function agentLook(
  agent: Pick<Agent, "state" | "healthy"> & { readonly connection_change?: ConnectionChange | null },
): Look {
  const change = agent.connection_change?.state;
  if (agent.state === "connected" && change === "unknown_since_offer") return CONNECTION_CHANGE_LOOK[change];
  if (agent.state === "connected" && agent.healthy === false) return { word: "Unhealthy", tone: "attention" };
  if (agent.state === "connected" && change !== undefined) return CONNECTION_CHANGE_LOOK[change];
  return AGENT_LOOK[agent.state];
}

// Each rule below returns why something cannot be done now, or undefined when it can.

export function cannotRevoke(agent: Pick<Agent, "state">): string | undefined {
  return agent.state === "revoked" ? "This agent's identity is revoked already." : undefined;
}

export function cannotForget(agent: Pick<Agent, "state">): string | undefined {
  return agent.state === "revoked" || agent.state === "expected" || agent.state === "offline"
    ? undefined
    : "Only an agent that is revoked, expected or offline can be forgotten.";
}

export function cannotRestartAgent(
  agent: Pick<Agent, "state"> & {
    capabilities: readonly { name: string; present: boolean; why_not: string | null }[];
  },
): string | undefined {
  const capability = agent.capabilities.find(({ name }) => /restart/i.test(name));
  if (capability?.present !== true) {
    return capability?.why_not ?? "The agent does not accept restart commands over OpAMP.";
  }
  return agent.state === "connected" ? undefined : "The agent is not connected.";
}

export function cannotReconnect(
  agent: Pick<Agent, "kind" | "state"> & {
    capabilities: readonly { name: string; present: boolean; why_not: string | null }[];
  },
): string | undefined {
  if (agent.kind !== "collector") return "It looks after its credential by itself.";
  if (agent.state === "revoked") return "This agent's identity is revoked.";
  const capability = agent.capabilities.find(({ name }) => name === "AcceptsOpAMPConnectionSettings");
  return capability?.present === true
    ? undefined
    : (capability?.why_not ?? "The agent does not accept connection settings over OpAMP.");
}

export function cannotLaunchOn(agent: Pick<Agent, "kind" | "state">): string | undefined {
  if (agent.kind !== "site") return "Only site agents run commands.";
  if (agent.state === "revoked") return "This agent's identity is revoked.";
  return agent.state === "pending" || agent.state === "expected"
    ? "This agent is not let in yet."
    : undefined;
}

export function cannotStop(run: Pick<Run, "state">): string | undefined {
  if (isTerminal(run.state)) return "The run has ended.";
  return run.state === "STOPPING" ? "It is being stopped already; kill ends it at once." : undefined;
}

export function cannotKill(run: Pick<Run, "state">): string | undefined {
  return isTerminal(run.state) ? "The run has ended." : undefined;
}

export function cannotRestartRun(run: Pick<Run, "state">): string | undefined {
  return isTerminal(run.state) ? undefined : "It still runs. Stop it first, or launch another run.";
}

export function cannotFreeze(run: Pick<Run, "state" | "frozen_since">): string | undefined {
  if (isTerminal(run.state)) return "The run has ended.";
  if (run.frozen_since !== null) return "It is frozen already.";
  return run.state === "RUNNING" ? undefined : "Only a run whose processes run can be frozen.";
}

/** What keeps a job as it is: a file that somebody else reads. */
export function cannotChangeJob(job: Pick<Job, "managed_by" | "archived_at">): string | undefined {
  if (job.archived_at !== null) return "The job is archived.";
  return job.managed_by === null ? undefined : `It is kept in ${job.managed_by}; change it there.`;
}

const AGENT_STATE_ORDER: readonly AgentState[] = [
  "connected",
  "stale",
  "pending",
  "offline",
  "expected",
  "revoked",
];

/** Counts by state in the order they are always shown, empty ones left out. */
export function agentStatesOf(
  counts: readonly { state: AgentState; count: number }[],
): { state: AgentState; count: number }[] {
  return AGENT_STATE_ORDER.map((state) => ({
    state,
    count: counts.find((entry) => entry.state === state)?.count ?? 0,
  })).filter(({ count }) => count > 0);
}
