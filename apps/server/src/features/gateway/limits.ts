import { AGENT_MESSAGE_LIMITS, type MessageLimits } from "@flowplane/opamp";

/**
 * Everything the gateway bounds, in one place. Tests pass smaller ones.
 *
 * A message may have 16 MiB. The specification recommends 64, but no agent we know comes near: the largest
 * effective configurations are a few hundred KiB, and with thousands of sockets on one process what a single
 * peer may make us hold counts.
 */
export interface GatewayLimits {
  /** Of one OpAMP message, after decompression; received and sent alike. */
  readonly messageBytesMax: number;
  /** New sockets let in per second, and how many may come at once after a quiet time. */
  readonly admissionsPerSecond: number;
  readonly admissionBurst: number;
  readonly pollsPerSecond: number;
  readonly pollBurst: number;
  /** Sockets on this process. */
  readonly socketsMax: number;
  /** Messages of one socket that wait while an earlier one is worked on. */
  readonly queuedMessagesMax: number;
  readonly queuedBytesMax: number;
  /** Malformed messages a socket may send before it is closed. */
  readonly malformedMax: number;
  /** What a slow reader may leave unread in our memory before its socket is cut. */
  readonly unreadBytesMax: number;
  /** Sockets are pinged this often, and cut when nothing at all was heard for `idleMs`. */
  readonly pingIntervalMs: number;
  readonly idleMs: number;
  /** Longest spread of the Close frames at shutdown. */
  readonly drainMs: number;
  /** An agent with a `connection_id` unheard for this long is marked as disconnected, whichever process held it. */
  readonly lostAfterMs: number;
  readonly writeIntervalMs: number;
  /** An event loop that stands still for longer lets handshakes time out: agents count as not heard then. */
  readonly stalledAfterMs: number;
}

const MIB = 1024 * 1024;

export const GATEWAY_LIMITS: GatewayLimits = {
  messageBytesMax: 16 * MIB,
  admissionsPerSecond: 400,
  admissionBurst: 800,
  pollsPerSecond: 2_000,
  pollBurst: 4_000,
  socketsMax: 50_000,
  queuedMessagesMax: 64,
  queuedBytesMax: 32 * MIB,
  malformedMax: 8,
  unreadBytesMax: 32 * MIB,
  pingIntervalMs: 30_000,
  idleMs: 75_000,
  drainMs: 4_000,
  lostAfterMs: 100_000,
  writeIntervalMs: 250,
  stalledAfterMs: 2_000,
};

export function messageLimits(limits: GatewayLimits): MessageLimits {
  return { ...AGENT_MESSAGE_LIMITS, messageBytesMax: limits.messageBytesMax };
}
