import { newConnection, type Connection, type ServerToAgent, type Transport } from "@flowplane/opamp";
import type { Credential } from "./credentials.ts";
import { nameOf, type Vouchers } from "./relay.ts";
import type { AgentSession, Origin } from "./sessions.ts";

/** One way to and from agents: a WebSocket, or a single HTTP request. */
export interface Line extends Origin {
  readonly id: string;
  /** Where the peer reached us, as it named it; null when it did not. */
  readonly reachedUrl: string | null;
  readonly transport: Transport;
  connection: Connection;
  /** What agents behind this socket have shown, where it is a gateway's. */
  vouchers?: Vouchers;
  /** Sends unasked; does nothing on HTTP. */
  send(message: ServerToAgent, agentId: string): void;
  /** Ends the line, for good reason given to the peer. */
  close(code: number, reason: string): void;
}

/** A fresh line's connection. */
export function connectionFor(
  id: string,
  transport: Transport,
  credential: Credential,
  openedAt: number,
): Connection {
  return newConnection(id, transport, nameOf(credential), openedAt);
}

/** The line's connection as it is to one instance on it: who authenticated may differ from one to the next. */
export function connectionOf(line: Line, uid: string): Connection {
  return line.vouchers === undefined
    ? line.connection
    : { ...line.connection, credential: nameOf(credentialOf(line, uid)) };
}

/** Whose word an instance's messages on this line are taken on. */
export function credentialOf(line: Line, uid: string): Credential {
  return line.vouchers?.of(uid) ?? line.credential;
}

export function organizationOf(credential: Credential): string {
  return credential.kind === "token" ? credential.token.organization_id : credential.identity.organization_id;
}

/** What a session's messages on this line are written under: a socket's own id, or one that stands for all its polls. */
export function connectionIdOf(line: Line, session: AgentSession): string {
  return line.transport === "ws" ? line.id : session.httpConnectionId;
}
