/** States and rules of the domain as the dashboard shows them: which word, which tone, what may be done now. */
import {
  isTerminal,
  type Agent,
  type AgentState,
  type EnrolmentToken,
  type Run,
  type RunState,
} from "@flowplane/contract";

export type Tone = "ok" | "busy" | "attention" | "bad" | "off";
interface Look {
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

export const KIND_WORD: Readonly<Record<Agent["kind"], string>> = {
  site: "Site agent",
  collector: "Collector",
  gateway: "Gateway",
};

/** An agent that is connected and says that something in it is broken wants attention, not a green dot. */
export function agentLook(agent: Pick<Agent, "state" | "healthy">): Look {
  if (agent.state === "connected" && agent.healthy === false) return { word: "Unhealthy", tone: "attention" };
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
