// Bytes to messages and back. Decoding returns a message or an issue and never throws: what arrives was
// written by somebody else's program. Bytes in a decoded message are views into the input; whoever keeps
// one copies it.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { digestBytes } from "./digest.ts";
import {
  AgentToServerSchema,
  ServerToAgentSchema,
  type AgentToServer,
  type ServerToAgent,
} from "./gen/opamp_pb.ts";
import type { MessageLimits } from "./limits.ts";
import { AGENT_MESSAGE_LIMITS, SERVER_MESSAGE_LIMITS } from "./limits.ts";
import { messageShape } from "./wire-shape.ts";
import { scanMessage, type ScanIssue } from "./wire-scan.ts";

export type DecodeIssue = {
  code: ScanIssue["code"] | "bad_utf8";
  message: string;
  /** The sub-message it is about, by its name in the specification; null for the message itself. */
  field: string | null;
  /** The 16 bytes the sender gave as instance_uid, when they could be read: the refusal is addressed to it. */
  instanceUid: Uint8Array | null;
};

/** `digest` fingerprints the bytes: it tells a message sent twice from two messages of one number. */
export type DecodedFromAgent =
  | { ok: true; message: AgentToServer; digest: number }
  | { ok: false; issue: DecodeIssue };
export type DecodedFromServer = { ok: true; message: ServerToAgent } | { ok: false; issue: DecodeIssue };

const agentShape = messageShape(AgentToServerSchema);
const serverShape = messageShape(ServerToAgentSchema);

// Fields and enum values from a later specification are dropped, not refused and not kept.
const READ_OPTIONS = { readUnknownFields: false };

/** Decodes what an agent sent, without the WebSocket header. */
export function decodeAgentToServer(
  bytes: Uint8Array,
  limits: MessageLimits = AGENT_MESSAGE_LIMITS,
): DecodedFromAgent {
  const data = plainView(bytes);
  const found = scanMessage(data, agentShape, limits);
  if (found) return { ok: false, issue: { ...found, instanceUid: peekInstanceUid(data) } };
  try {
    const message = fromBinary(AgentToServerSchema, data, READ_OPTIONS);
    return { ok: true, message, digest: digestBytes(data) };
  } catch (error) {
    return { ok: false, issue: decodeIssue(error, data) };
  }
}

/** Decodes what a server sent, without the WebSocket header. */
export function decodeServerToAgent(
  bytes: Uint8Array,
  limits: MessageLimits = SERVER_MESSAGE_LIMITS,
): DecodedFromServer {
  const data = plainView(bytes);
  const found = scanMessage(data, serverShape, limits);
  if (found) return { ok: false, issue: { ...found, instanceUid: peekInstanceUid(data) } };
  try {
    return { ok: true, message: fromBinary(ServerToAgentSchema, data, READ_OPTIONS) };
  } catch (error) {
    return { ok: false, issue: decodeIssue(error, data) };
  }
}

/** The protobuf bytes, without the WebSocket header. Throws only on text that is not valid Unicode. */
export function encodeAgentToServer(message: AgentToServer): Uint8Array<ArrayBuffer> {
  return toBinary(AgentToServerSchema, message);
}

/** The protobuf bytes, without the WebSocket header. Throws only on text that is not valid Unicode. */
export function encodeServerToAgent(message: ServerToAgent): Uint8Array<ArrayBuffer> {
  return toBinary(ServerToAgentSchema, message);
}

// `ws` hands over Node Buffers, whose slices would be Buffers again; the rest of the package sees plain arrays.
function plainView(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// The scan has accepted the structure, so text that is not UTF-8 is what is left to fail.
function decodeIssue(error: unknown, data: Uint8Array): DecodeIssue {
  const instanceUid = peekInstanceUid(data);
  if (error instanceof TypeError) {
    return { code: "bad_utf8", message: "a text is not valid UTF-8", field: null, instanceUid };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "malformed", message, field: null, instanceUid };
}

// Every encoder writes fields in order, so the uid is the first field of even a broken message.
function peekInstanceUid(data: Uint8Array): Uint8Array | null {
  if (data[0] !== 0x0a || data[1] !== 16 || data.length < 18) return null;
  return data.slice(2, 18);
}
