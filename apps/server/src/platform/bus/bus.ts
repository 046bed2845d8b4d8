/**
 * The bus carries notices between the roles of the control plane. It is a nudge, never the truth:
 * whoever misses a message finds the same news in the database at the next look.
 */
export interface Bus {
  /**
   * Sends to all subscribers of a subject, in order. Never throws for want of subscribers.
   * With `retain: false` nobody can resume over the message: for what is bulky, such as log lines.
   */
  publish(subject: string, data: unknown, options?: { retain?: boolean }): void;
  /**
   * Calls back for each message on a subject; `*` as last token matches one token, `>` any number.
   * With `after`, messages retained since that id come first; `reset` is called instead of them when some are gone.
   */
  subscribe(
    pattern: string,
    listener: (message: BusMessage) => void,
    options?: { after?: string; reset?: () => void },
  ): Subscription;
  close(): Promise<void>;
}

export interface BusMessage {
  readonly subject: string;
  /** Opaque, ordered per bus, usable as an SSE event id. */
  readonly id: string;
  readonly data: unknown;
}

export interface Subscription {
  close(): void;
}

/** Messages kept for those who resume. */
export const RETAINED_MESSAGES_MAX = 10_000;

/** What `credentialsChanged` carries. */
export interface CredentialsChanged {
  readonly actor_id: string;
}

/** What `agentsDesired` carries: at most `DESIRED_AGENTS_MAX` ids; more go in several messages. */
export interface AgentsDesired {
  readonly agent_ids: readonly string[];
}

/** What `agentRevoked` carries: which credentials, by bearer, token or serial number; absent: the agent itself, and all it has. */
export interface AgentRevoked {
  readonly proofs?: readonly string[];
}

export const DESIRED_AGENTS_MAX = 1_000;

/** Subjects, in one place. Ids are checked to be `[A-Za-z0-9_-]+` before they come here. */
export const subjects = {
  /** Change notices of an organization for its dashboards. */
  changes: (organizationId: string) => `org.${organizationId}.changes`,
  /** Log lines of a watched run, as they are framed. */
  tail: (runId: string) => `run.${runId}.tail`,
  /** Nudges the gateway that holds an agent's socket: new intents, a changed desire. */
  agentNudge: (agentId: string) => `agent.${agentId}.nudge`,
  /** Asks the gateway to watch or leave a run's log: `{ run_id, agent_id, from_seq, ttl_ms }`. */
  agentWatch: (agentId: string) => `agent.${agentId}.watch`,
  /** An identity was revoked, or some of its credentials (`AgentRevoked`): every gateway ends the sockets by them now. */
  agentRevoked: (agentId: string) => `agent.${agentId}.revoked`,
  /** What is wanted of agents changed (`AgentsDesired`): gateways read it again and offer it. */
  agentsDesired: "agents.desired",
  /** A person's or token's rights were changed or taken: `{ actor_id }`. What is remembered of them is forgotten now. */
  credentialsChanged: "identity.credentials_changed",
  /** Nudges who finds agents for runs: a run waits, or one ended and left room, or an agent came. */
  runsWaiting: "runs.waiting",
  /** Nudges who starts what is due: a schedule was changed. */
  jobsDue: "jobs.due",
  /** Asks the gateway that holds an agent to send it the restart command, once. */
  agentRestart: (agentId: string) => `agent.${agentId}.restart`,
} as const;

/** Tells gateways that what is wanted of these agents changed. Nobody resumes over it: the database has it. */
export function nudgeDesired(bus: Bus, agentIds: readonly string[]): void {
  for (let at = 0; at < agentIds.length; at += DESIRED_AGENTS_MAX)
    bus.publish(
      subjects.agentsDesired,
      { agent_ids: agentIds.slice(at, at + DESIRED_AGENTS_MAX) } satisfies AgentsDesired,
      { retain: false },
    );
}
