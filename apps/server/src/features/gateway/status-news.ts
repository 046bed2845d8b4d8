import type { AgentState, Changes } from "@flowplane/opamp";
import type { AgentColumns, AgentStatus } from "../fleet/status.ts";
import type { Components } from "./components.ts";
import { HEARTBEAT_SECONDS } from "./heartbeat.ts";
import { connectionIdOf, type Line } from "./line.ts";
import { columnsOf, isSessionChanged, reportOf } from "./projection.ts";
import type { AgentSession } from "./sessions.ts";
import type { StatusWriter } from "./writer.ts";

/** What an agent's message, or the loss of its connection, means for the database. */
export interface StatusNews {
  readonly before: AgentState;
  readonly changes: Changes;
  readonly connectionId: string;
  /** What of its row changes because it came or went. */
  readonly arrival: AgentColumns;
  readonly attempts: AgentStatus["attempts"];
}

/** Turns what the session machine says has changed into what the writer stores. */
export class StatusTeller {
  readonly #writer: StatusWriter;
  readonly #components: Components;
  readonly #now: () => number;

  constructor(writer: StatusWriter, components: Components, now: () => number) {
    this.#writer = writer;
    this.#components = components;
    this.#now = now;
  }

  /** The connection is the one its agent is written under from now on. */
  tell(session: AgentSession, { before, changes, connectionId, arrival, attempts }: StatusNews): void {
    const { state, identity } = session;
    const now = this.#now();
    const changed = columnsOf(changes, before, state, now);
    const report = reportOf(changes, now);
    const hasReport = Object.keys(report).length > 0;
    const isReport = hasReport || Object.keys(changed).length > 0;
    const columns = { ...arrival, ...changed, ...paceOf(session, connectionId, now, isReport) };
    if (changes.availableComponents !== undefined)
      this.#components.store(identity.organization_id, changes.availableComponents);
    this.#writer.put({
      agentId: identity.agent_id,
      organizationId: identity.organization_id,
      connectionId,
      takesOver: session.writtenConnectionId !== connectionId,
      lastSeenAt: now,
      sequenceNum: safeNumber(state.sequenceNum),
      messageDigest: state.messageDigest,
      columns: Object.keys(columns).length === 0 ? null : columns,
      report: hasReport ? report : null,
      session: isSessionChanged(before, state) ? state : null,
      reportBytes: hasReport ? JSON.stringify(report).length : 0,
      attempts,
      packages: changes.packageStatuses === undefined ? null : [changes.packageStatuses],
    });
    session.writtenConnectionId = connectionId;
  }

  /** There is no message to tell of: the agent was heard, or is gone. */
  tellWithoutMessage(session: AgentSession, connectionId: string, arrival: AgentColumns = {}): void {
    this.tell(session, { before: session.state, changes: {}, connectionId, arrival, attempts: null });
  }
}

/** What of an agent's row changes because it speaks on this line, for the first time or, having `left`, for the last. */
export function arrivalOf(line: Line, session: AgentSession, left: boolean, at: number): AgentColumns {
  const now = new Date(at).toISOString();
  const arrived: AgentColumns =
    session.writtenConnectionId === connectionIdOf(line, session)
      ? {}
      : {
          transport: line.transport === "ws" ? "websocket" : "http",
          credential: session.identity.credential,
          remote_address: line.remoteAddress,
          reached_url: line.reachedUrl,
          connected_at: now,
          // The pace of one that polls is kept over our restarts; that of a socket is what we offer.
          ...(line.transport === "ws" ? { heartbeat_ms: HEARTBEAT_SECONDS * 1_000 } : {}),
        };
  return left ? { ...arrived, disconnected_at: now } : arrived;
}

/** The interval of an agent that polls, when it has become known or has changed. */
function paceOf(session: AgentSession, connectionId: string, now: number, isReport: boolean): AgentColumns {
  if (connectionId !== session.httpConnectionId) return {};
  const intervalMs = session.polls.note(now, isReport);
  if (intervalMs === undefined || intervalMs === session.heartbeatMs) return {};
  session.heartbeatMs = intervalMs;
  return { heartbeat_ms: intervalMs };
}

/** Counters beyond what the database holds are not stored: the next message then looks like a gap, which heals itself. */
function safeNumber(value: bigint | null): number | null {
  return value === null || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
}
