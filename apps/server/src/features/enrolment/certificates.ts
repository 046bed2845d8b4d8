import { inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import type { CertificateAuthority, IssuedCertificate } from "./authority.ts";
import { judgeRequest, type JudgedRequest } from "./csr.ts";
import type { Enrolment } from "./enrolment.ts";
import { setAgent, type AgentRow } from "../fleet/agents.ts";
import { countCertificatesSince, insertCertificate, listRevokedCertificates, lockAgent } from "./store.ts";

/** More certificates than this for one agent in an hour are a loop, not a need. */
export const CERTIFICATES_PER_HOUR_MAX = 30;
const HOUR_MS = 3_600_000;

export type Renewal = { ok: true; certificatePem: string; caPem: string } | { ok: false; problem: string };

/** Whether this agent may have one more certificate now; the reason when not. */
export async function certificateProblem(ctx: Tx, agent: AgentRow): Promise<string | null> {
  if (agent.revoked_at !== null) return "The agent was revoked.";
  if (agent.approval !== "approved") return "The agent waits for approval; ask again once it is approved.";
  const count = await countCertificatesSince(ctx.db, agent.id, new Date(ctx.now() - HOUR_MS));
  if (count < CERTIFICATES_PER_HOUR_MAX) return null;
  return `The agent was issued ${count} certificates within the hour; wait before asking for another.`;
}

/** Issues a certificate in the transaction of whatever lets the agent have it. */
export async function issueCertificate(
  ctx: Tx,
  authority: CertificateAuthority,
  agent: AgentRow,
  request: JudgedRequest,
): Promise<IssuedCertificate> {
  const now = ctx.now();
  const issued = await authority.issueAgentCertificate({
    agentId: agent.id,
    organizationId: agent.organization_id,
    publicKey: request.publicKey,
    now,
  });
  await insertCertificate(
    ctx.db,
    {
      serial: issued.serial,
      organization_id: agent.organization_id,
      agent_id: agent.id,
      fingerprint: issued.fingerprint,
      not_before: new Date(issued.notBefore),
      not_after: new Date(issued.notAfter),
      revoked_at: null,
      revoked_reason: null,
    },
    now,
  );
  await setAgent(ctx.db, agent.id, {
    public_key_hash: request.publicKeyHash,
    certificate_expires_at: new Date(issued.notAfter),
  });
  notify(ctx, { topic: "agent", id: agent.id });
  return issued;
}

/**
 * Answers an agent's request for its next certificate over OpAMP. The key may be another one; the old certificate
 * stays good until it expires. A refusal is a sentence for the agent.
 */
export async function renewCertificate(
  ctx: Ctx,
  { authority }: Enrolment,
  agentId: string,
  instanceUid: string,
  csrPem: string,
): Promise<Renewal> {
  const verdict = await judgeRequest(csrPem, instanceUid);
  if (!verdict.ok) return verdict;
  return inTransaction(ctx, async (ctx) => {
    const agent = await lockAgent(ctx.db, agentId);
    if (agent === undefined) return { ok: false, problem: "The agent was deleted." };
    const problem = await certificateProblem(ctx, agent);
    if (problem !== null) return { ok: false, problem };
    const issued = await issueCertificate(ctx, authority, agent, verdict.request);
    record(ctx, {
      action: "agent.certificate",
      target_type: "agent",
      target_id: agent.id,
      metadata: { serial: issued.serial, not_after: timestamp(new Date(issued.notAfter)) },
    });
    return { ok: true, certificatePem: issued.pem, caPem: authority.certificatePem };
  });
}

/** The authority as the API shows it. */
export async function readAuthority(ctx: Ctx, { authority }: Enrolment) {
  const now = ctx.now();
  const revoked = await listRevokedCertificates(ctx.storage.system, new Date(now));
  return {
    certificate: authority.certificatePem,
    fingerprint: authority.fingerprint,
    not_after: timestamp(new Date(authority.notAfter)),
    crl: await authority.revocationList(
      revoked.map(({ serial, revoked_at }) => ({ serial, revokedAt: revoked_at })),
      now,
    ),
  };
}
