import { create } from "@bufbuild/protobuf";
import {
  answerCertificateRequest,
  OpAMPConnectionSettingsSchema,
  type ServerToAgent,
} from "@flowplane/opamp";
import type { Base, Ctx } from "../../platform/context.ts";
import { renewCertificate } from "../enrolment/certificates.ts";
import { opampUrl, type Enrolment } from "../enrolment/enrolment.ts";
import { agentActor } from "./agent-http.ts";
import { certificatesIssued } from "./figures.ts";
import { HEARTBEAT_SECONDS } from "./heartbeat.ts";
import type { AgentSession } from "./sessions.ts";

/**
 * Puts the answer to an agent's certificate request (PEM) into `reply`: a certificate, a refusal, or that it waits for the
 * agent's approval; then the request is kept with the session.
 */
export async function answerWithCertificate(
  base: Base,
  enrolment: Enrolment,
  session: AgentSession,
  request: Uint8Array,
  reply: ServerToAgent,
): Promise<ServerToAgent> {
  if (!session.isApproved) {
    session.pendingRequest = Uint8Array.from(request);
    return answerCertificateRequest(reply, { kind: "pending" });
  }
  const { identity, state } = session;
  const ctx: Ctx = {
    ...base,
    actor: agentActor(identity),
    requestId: `opamp-${state.instanceUid}`,
    remoteAddress: null,
  };
  const pem = Buffer.from(request).toString("utf8");
  const renewal = await renewCertificate(ctx, enrolment, identity.agent_id, state.instanceUid, pem);
  if (!renewal.ok) return answerCertificateRequest(reply, { kind: "refused", reason: renewal.problem });
  certificatesIssued.inc({ occasion: "renewal" });
  const certificate = Buffer.from(renewal.certificatePem);
  return answerCertificateRequest(reply, {
    kind: "issued",
    certificate,
    caCertificates: Buffer.from(renewal.caPem),
    settings: create(OpAMPConnectionSettingsSchema, {
      destinationEndpoint: opampUrl(enrolment.addresses.agentsUrl()),
      // The certificate is the credential from now on; an agent that came by a token needs it no more.
      headers: {},
      heartbeatIntervalSeconds: BigInt(HEARTBEAT_SECONDS),
      tls: { caPemContents: renewal.caPem },
    }),
    hash: new Uint8Array(await crypto.subtle.digest("SHA-256", certificate)),
  });
}
