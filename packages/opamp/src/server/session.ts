// The server's session with one agent: `receiveFromAgent` turns bytes into a message or a refusal, `stepServer` takes the
// message into the agent's state and makes the one reply it gets, `pushToAgent` makes what the server wants to
// say unasked. Sequence numbers decide: a message numbered one more than the last is the next one; the
// same number with the same bytes is a retry, answered and not processed; anything else means that
// something was missed, and the agent is asked, once, to report everything.

import { create } from "@bufbuild/protobuf";
import { SERVER_CAPABILITIES_ALL } from "../capabilities.ts";
import { decodeAgentToServer, type DecodeIssue } from "../codec.ts";
import { ServerToAgentSchema, type AgentToServer, type ServerToAgent } from "../gen/opamp_pb.ts";
import { AGENT_MESSAGE_LIMITS, HASH_BYTES_MAX, type MessageLimits } from "../limits.ts";
import { INSTANCE_UID_BYTES, newUid, uidToString } from "../uid.ts";
import { absorb } from "./absorb.ts";
import { judgeArrival, recordArrival } from "./arrival.ts";
import { addAnnouncements, addDesired, addFlags, addIdentification, requestsIn } from "./compose.ts";
import type { ServerToAgentInit } from "./offers.ts";
import { claim, release, type Ownership } from "./ownership.ts";
import { badRequestReply, identificationFor, uidBytes } from "./replies.ts";
import { newAgentState } from "./state.ts";
import { followStreams, withMoved } from "./streams.ts";
import type {
  AgentState,
  Changes,
  Connection,
  Effect,
  Incoming,
  PushResult,
  StepContext,
  StepResult,
} from "./types.ts";

/** A wrong instance_uid is sent back with the refusal up to this size. */
const ECHOED_UID_BYTES_MAX = 64;

export type ReceiveIssue = Omit<DecodeIssue, "code"> & { code: DecodeIssue["code"] | "bad_instance_uid" };

export type Received =
  | { ok: true; incoming: Incoming }
  | { ok: false; issue: ReceiveIssue; reply: ServerToAgent };

/** Decodes a message (without WebSocket header); what cannot be processed comes with the refusal to send. */
export function receiveFromAgent(data: Uint8Array, limits: MessageLimits = AGENT_MESSAGE_LIMITS): Received {
  const decoded = decodeAgentToServer(data, limits);
  if (!decoded.ok) return refused(decoded.issue);
  const { message, digest } = decoded;
  const { instanceUid } = message;
  if (instanceUid.length !== INSTANCE_UID_BYTES) {
    const text = `instance_uid: must have ${INSTANCE_UID_BYTES} bytes, not ${instanceUid.length}`;
    const echoed = instanceUid.length <= ECHOED_UID_BYTES_MAX ? instanceUid : null;
    return refused({ code: "bad_instance_uid", field: "instance_uid", message: text, instanceUid: echoed });
  }
  const longHash = hashTooLong(message);
  if (longHash !== null) {
    const text = `${longHash}: a hash has more than ${HASH_BYTES_MAX} bytes`;
    return refused({ code: "too_large", field: longHash, message: text, instanceUid });
  }
  return { ok: true, incoming: { uid: uidToString(instanceUid), message, digest } };
}

// These are kept in memory for as long as the agent is known, so a hostile one must not grow them.
function hashTooLong(message: AgentToServer): string | null {
  const { availableComponents, remoteConfigStatus, connectionSettingsStatus, packageStatuses } = message;
  if (isLong(availableComponents?.hash)) return "available_components";
  if (isLong(remoteConfigStatus?.lastRemoteConfigHash)) return "remote_config_status";
  if (isLong(connectionSettingsStatus?.lastConnectionSettingsHash)) return "connection_settings_status";
  return isLong(packageStatuses?.serverProvidedAllPackagesHash) ? "package_statuses" : null;
}

function isLong(hash: Uint8Array | undefined): boolean {
  return hash !== undefined && hash.length > HASH_BYTES_MAX;
}

function refused(issue: ReceiveIssue): Received {
  return { ok: false, issue, reply: badRequestReply(issue.instanceUid, issue.message) };
}

/**
 * Processes one message. `known` is the state found by `instanceUid` or `nextUid`, null for an agent never
 * heard of. The reply must be sent in any case.
 */
export function stepServer(known: AgentState | null, incoming: Incoming, context: StepContext): StepResult {
  const { uid } = incoming;
  const { connection, ownership } = context;
  const movedTo = connection.agents.get(uid)?.movedTo;
  if (movedTo) {
    return unprocessed(known, uid, connection, ownership, identificationFor(uid, movedTo));
  }
  // It may be the first reply on its connection, processed or not.
  const capabilities = context.server.capabilities & SERVER_CAPABILITIES_ALL;
  // One request is not a live connection: HTTP agents neither own nor supersede.
  if (connection.transport === "http") return stepPoll(known, incoming, context);
  const { id: connectionId, credential, openedAt, agents } = connection;
  const isShared = agents.size > 1;
  const claimed = claim(ownership, { connectionId, credential, openedAt, isShared }, context.now);
  switch (claimed.kind) {
    case "owner":
      return processed(known, incoming, context, claimed.ownership, []);
    case "owner_was_clone": {
      const newcomer = newUid(context.now, context.random);
      const cloneId = claimed.cloneConnectionId;
      const effect: Effect = { kind: "duplicate_uid", uid, newUid: newcomer, connectionId: cloneId };
      return processed(known, incoming, context, claimed.ownership, [effect]);
    }
    case "late": {
      const reply = create(ServerToAgentSchema, { instanceUid: incoming.message.instanceUid, capabilities });
      return unprocessed(known, uid, connection, claimed.ownership, reply);
    }
    case "newcomer_is_clone": {
      const newcomer = newUid(context.now, context.random);
      const moved = tellToMove(connection, uid, newcomer);
      const effect: Effect = { kind: "duplicate_uid", uid, newUid: newcomer, connectionId: connection.id };
      const reply = { ...moved.message, capabilities };
      return unprocessed(known, uid, moved.connection, claimed.ownership, reply, [effect]);
    }
  }
}

/** A poll: processed, unless it was received before or comes from a second agent under the same uid. */
function stepPoll(known: AgentState | null, incoming: Incoming, context: StepContext): StepResult {
  const { uid, message } = incoming;
  const { connection, ownership, now } = context;
  if (known === null || known.instanceUid !== uid) return processed(known, incoming, context, ownership, []);
  const followed = followStreams(known, incoming, now);
  switch (followed.kind) {
    case "one":
      return processed(followed.state, incoming, context, ownership, []);
    case "duplicate": {
      const reply = create(ServerToAgentSchema, { instanceUid: message.instanceUid });
      return unprocessed(followed.state, uid, connection, ownership, reply);
    }
    case "moved":
      return unprocessed(followed.state, uid, connection, ownership, identificationFor(uid, followed.uid));
    case "clone": {
      const newcomer = newUid(now, context.random);
      const state = withMoved(followed, known, message.sequenceNum, newcomer, now);
      const effect: Effect = { kind: "duplicate_uid", uid, newUid: newcomer, connectionId: connection.id };
      const reply = identificationFor(uid, newcomer);
      return unprocessed(state, uid, connection, ownership, reply, [effect]);
    }
  }
}

/** Moves the second agent using `uid` on this connection to `newUid`; `message` is to be sent on it. */
export function tellToMove(
  connection: Connection,
  uid: string,
  newUid: string,
): { connection: Connection; message: ServerToAgent } {
  const agents = new Map(connection.agents).set(uid, { movedTo: newUid });
  return { connection: { ...connection, agents }, message: identificationFor(uid, newUid) };
}

/**
 * What is outstanding for an agent on its open WebSocket, for when the desired state changed: offers, then
 * custom messages one each, or the restart command. Nothing before its first message was answered.
 */
export function pushToAgent(state: AgentState, context: StepContext): PushResult {
  const messages: ServerToAgent[] = [];
  const effects: Effect[] = [];
  if (!context.connection.agents.has(state.instanceUid) || !state.present)
    return { state, messages, effects };
  const instanceUid = uidBytes(state.instanceUid);
  let desired = context.desired;
  let next = state;
  for (;;) {
    const init: ServerToAgentInit = { instanceUid };
    next = addDesired(init, effects, next, { ...context, desired });
    if (Object.keys(init).length === 1) return { state: next, messages, effects };
    messages.push(create(ServerToAgentSchema, init));
    if (init.command) return { state: next, messages, effects }; // the rest is for the restarted agent
    desired = { customMessages: withoutFinished(desired.customMessages ?? [], effects) };
  }
}

function withoutFinished<T extends { readonly id: string }>(waiting: readonly T[], effects: Effect[]): T[] {
  const finished = new Set<string>();
  for (const effect of effects) {
    if (effect.kind === "custom_message_sent" || effect.kind === "custom_message_refused")
      finished.add(effect.id);
  }
  return waiting.filter(({ id }) => !finished.has(id));
}

function processed(
  known: AgentState | null,
  incoming: Incoming,
  given: StepContext,
  ownership: Ownership | null,
  effects: Effect[],
): StepResult {
  const { message, uid } = incoming;
  let context = given;
  let state = known ?? newAgentState(uid);
  if (state.instanceUid !== uid) {
    if (state.nextUid !== uid) throw new Error(`state of ${state.instanceUid} given for a message of ${uid}`);
    effects.push({ kind: "agent_rekeyed", from: state.instanceUid, to: uid });
    context = { ...given, connection: renamed(given.connection, state.instanceUid, uid) };
    state = { ...state, instanceUid: uid, nextUid: null };
  }
  const arrival = judgeArrival(state, incoming, context);
  let changes: Changes = {};
  if (arrival.kind !== "retry") ({ state, changes } = absorb(state, message, context.server));
  state = recordArrival(state, incoming, arrival, context.now);

  const init: ServerToAgentInit = { instanceUid: message.instanceUid };
  state = addAnnouncements(init, state, arrival, context);
  state = addFlags(init, effects, state, message, arrival, context);
  state = addIdentification(init, state, message, context);
  effects.push(...requestsIn(message, arrival, context.server));

  const connection = withAgent(context.connection, uid);
  if (message.agentDisconnect) {
    effects.push({ kind: "agent_disconnected" });
    const released = release(ownership, connection.id).ownership;
    return {
      state,
      connection,
      ownership: released,
      reply: create(ServerToAgentSchema, init),
      changes,
      effects,
    };
  }
  const news = {
    configuration: arrival.isFirst || hashOf(state) !== hashOf(known),
    packages: arrival.isFirst || state.packagesHash !== (known?.packagesHash ?? null),
  };
  state = addDesired(init, effects, state, context, news);
  return { state, connection, ownership, reply: create(ServerToAgentSchema, init), changes, effects };
}

/** Of the configuration an agent last said it has; "" when it has none, or never said. */
function hashOf(state: AgentState | null): string {
  return state?.remoteConfigStatus?.hash ?? "";
}

function unprocessed(
  known: AgentState | null,
  uid: string,
  connection: Connection,
  ownership: Ownership | null,
  reply: ServerToAgent,
  effects: readonly Effect[] = [],
): StepResult {
  return { state: known ?? newAgentState(uid), connection, ownership, reply, changes: {}, effects };
}

function withAgent(connection: Connection, uid: string): Connection {
  if (connection.agents.has(uid)) return connection;
  return { ...connection, agents: new Map(connection.agents).set(uid, { movedTo: null }) };
}

function renamed(connection: Connection, from: string, to: string): Connection {
  const agents = new Map(connection.agents);
  if (agents.delete(from)) agents.set(to, { movedTo: null });
  return { ...connection, agents };
}
