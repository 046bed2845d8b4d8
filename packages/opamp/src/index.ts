// OpAMP: bytes to messages, and the state machines of both ends. No sockets, files, timers or randomness:
// whoever runs a machine passes `now` and `random` and performs the effects it gets back.
//
//   framing, codec     bytes ↔ messages; malformed input is an answer, never an exception
//   capabilities, uid  names of bits, forms of identifiers
//   projections        what agents report, as plain JSON for storing
//   redact             any message as JSON for people, without its secrets
//   server/            one agent as the server sees it: stepServer(state, message, context)
//   agent/             our own agent's side of the link: stepAgent(state, event, now, random)

export * from "./gen/opamp_pb.ts";
export * from "./attributes.ts";
export * from "./bytes.ts";
export * from "./capabilities.ts";
export * from "./codec.ts";
export * from "./digest.ts";
export * from "./framing.ts";
export * from "./limits.ts";
export * from "./projections.ts";
export * from "./redact.ts";
export * from "./uid.ts";
export * from "./server/liveness.ts";
export * from "./server/overload.ts";
export * from "./server/ownership.ts";
export * from "./server/replies.ts";
export { pushToAgent, receiveFromAgent, stepServer, tellToMove } from "./server/session.ts";
export { configInterruptedIn, FULL_STATE_REASK_MS } from "./server/arrival.ts";
export type { Received, ReceiveIssue } from "./server/session.ts";
export { isMovedTo } from "./server/streams.ts";
export { opampOfferProblems } from "./server/offers.ts";
export { agentStateFromJson, agentStateToJson, newAgentState, newConnection } from "./server/state.ts";
export type { AgentStateJson } from "./server/state.ts";
export type * from "./server/types.ts";
export type * from "./agent/types.ts";
export * from "./agent/backoff.ts";
export {
  CONNECT_TIMEOUT_MS,
  HEARTBEAT_MS_DEFAULT,
  newAgentSession,
  nextWakeAt,
  stepAgent,
} from "./agent/session.ts";
export { HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN } from "./agent/incoming.ts";
export {
  CUSTOM_MESSAGE_BYTES_MAX,
  OUTBOX_BYTES_MAX,
  OUTBOX_MESSAGES_MAX,
  REPLY_TIMEOUT_MS,
} from "./agent/outgoing.ts";
