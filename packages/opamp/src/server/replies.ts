// Messages the server can send without knowing an agent's state: refusals, new identities, certificates.

import { clone, create } from "@bufbuild/protobuf";
import {
  ConnectionSettingsOffersSchema,
  OpAMPConnectionSettingsSchema,
  ServerErrorResponseType,
  ServerToAgentSchema,
  TLSCertificateSchema,
  type OpAMPConnectionSettings,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { uidFromString } from "../uid.ts";
import { opampOfferProblems } from "./offers.ts";

const NO_UID = new Uint8Array();
const NANOSECONDS_PER_MS = 1_000_000n;

/** Malformed or impossible request: the agent must not send it again. `instanceUid` is null when unknown. */
export function badRequestReply(instanceUid: Uint8Array | null, message: string): ServerToAgent {
  return create(ServerToAgentSchema, {
    instanceUid: instanceUid ?? NO_UID,
    errorResponse: {
      type: ServerErrorResponseType.ServerErrorResponseType_BadRequest,
      errorMessage: message,
    },
  });
}

/**
 * The server cannot serve now; the agent should disconnect and come back after `retryAfterMs`. Close the
 * socket as well: widely used clients do not act on this message.
 */
export function unavailableReply(
  instanceUid: Uint8Array | null,
  message: string,
  retryAfterMs: number,
): ServerToAgent {
  return create(ServerToAgentSchema, {
    instanceUid: instanceUid ?? NO_UID,
    errorResponse: {
      type: ServerErrorResponseType.ServerErrorResponseType_Unavailable,
      errorMessage: message,
      details: {
        case: "retryInfo",
        value: { retryAfterNanoseconds: BigInt(Math.ceil(retryAfterMs)) * NANOSECONDS_PER_MS },
      },
    },
  });
}

/** Tells the agent `uid` that it is `newUid` from now on. */
export function identificationFor(uid: string, newUid: string): ServerToAgent {
  return create(ServerToAgentSchema, {
    instanceUid: uidBytes(uid),
    agentIdentification: { newInstanceUid: uidBytes(newUid) },
  });
}

export type CertificateAnswer =
  | {
      kind: "issued";
      /** PEM of the leaf, intermediates after it. */
      certificate: Uint8Array;
      /** PEM of what the agent shall trust as issuer of the server's certificate. */
      caCertificates: Uint8Array;
      /** Endpoint, headers and heartbeat of the complete settings; its certificate is replaced. */
      settings: OpAMPConnectionSettings;
      /** Over all settings; another one for each certificate. */
      hash: Uint8Array;
    }
  /** Somebody must approve first: an ordinary reply now, this function again on an empty one later. */
  | { kind: "pending" }
  | { kind: "refused"; reason: string };

/**
 * `reply` with the answer to the agent's certificate request. Throws when `settings` are incomplete, which
 * is a mistake of ours.
 */
export function answerCertificateRequest(reply: ServerToAgent, answer: CertificateAnswer): ServerToAgent {
  switch (answer.kind) {
    case "pending":
      return reply;
    case "refused":
      return badRequestReply(reply.instanceUid, answer.reason);
    case "issued": {
      const { certificate, caCertificates, settings, hash } = answer;
      const opamp = clone(OpAMPConnectionSettingsSchema, settings);
      // Never a private key: the agent's stays with it.
      opamp.certificate = create(TLSCertificateSchema, { cert: certificate, caCert: caCertificates });
      const problems = opampOfferProblems(opamp);
      if (hash.length === 0) problems.push("hash is empty");
      if (problems.length > 0) throw new Error(`incomplete connection settings: ${problems.join("; ")}`);
      const answered = clone(ServerToAgentSchema, reply);
      answered.connectionSettings ??= create(ConnectionSettingsOffersSchema);
      answered.connectionSettings.hash = hash;
      answered.connectionSettings.opamp = opamp;
      return answered;
    }
  }
}

/** The 16 bytes of a uid that came from bytes or from `newUid`. */
export function uidBytes(uid: string): Uint8Array {
  const bytes = uidFromString(uid);
  if (!bytes) throw new Error(`not an instance uid: ${uid}`);
  return bytes;
}
