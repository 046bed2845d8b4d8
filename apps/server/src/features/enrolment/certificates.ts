import { inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import type { CertificateAuthority, IssuedCertificate } from "./authority.ts";
import { judgeRequest, type JudgedRequest } from "./csr.ts";
import type { Enrolment } from "./enrolment.ts";
import { setCertified, type AgentRow } from "../fleet/agents.ts";
import { countCertificatesSince, insertCertificates, listRevokedCertificates, lockAgent } from "./store.ts";

/** More certificates than this for one agent in an hour are a loop, not a need. */
export const CERTIFICATES_PER_HOUR_MAX = 30;
const HOUR_MS = 3_600_000;

export type Renewal = { ok: true; certificatePem: string; caPem: string } | { ok: false; problem: string };

/** Why an agent may not have one more certificate; a sentence for it. */
export interface CertificateProblem {
  readonly code: "conflict" | "rate_limited";
  readonly detail: string;
}

/**
 * What keeps these agents, as they are now, from having one more certificate, in their order; null for those that may. One that stands
 * there twice would have two; undefined is one that was deleted.
 */
export async function certificateProblems(
  ctx: Tx,
  agents: readonly (AgentRow | undefined)[],
): Promise<(CertificateProblem | null)[]> {
  const counts = await countCertificatesSince(
    ctx.db,
    agents.flatMap((agent) => agent?.id ?? []),
    new Date(ctx.now() - HOUR_MS),
  );
  const conflict = (detail: string) => ({ code: "conflict", detail }) as const;
  return agents.map((agent) => {
    if (agent === undefined) return conflict("The agent was deleted.");
    const { id, revoked_at, approval } = agent;
    if (revoked_at !== null) return conflict("The agent was revoked.");
    if (approval !== "approved")
      return conflict("The agent waits for approval; ask again once it is approved.");
    const count = counts.get(id) ?? 0;
    counts.set(id, count + 1);
    if (count < CERTIFICATES_PER_HOUR_MAX) return null;
    const detail = `The agent was issued ${count} certificates within the hour; wait before asking for another.`;
    return { code: "rate_limited", detail };
  });
}

export function signCertificate(
  authority: CertificateAuthority,
  agent: AgentRow,
  { publicKey }: JudgedRequest,
  now: number,
): Promise<IssuedCertificate> {
  return authority.issueAgentCertificate({
    agentId: agent.id,
    organizationId: agent.organization_id,
    publicKey,
    now,
  });
}

/** What an agent was given, and for which request. */
export interface Given {
  readonly agent: AgentRow;
  readonly request: JudgedRequest;
  readonly issued: IssuedCertificate;
}

/** Stores signed certificates, in the transaction that has seen that the agents may have them. */
export async function storeCertificates(ctx: Tx, given: readonly Given[]): Promise<void> {
  await insertCertificates(
    ctx.db,
    given.map(({ agent, issued }) => ({
      serial: issued.serial,
      organization_id: agent.organization_id,
      agent_id: agent.id,
      fingerprint: issued.fingerprint,
      not_before: new Date(issued.notBefore),
      not_after: new Date(issued.notAfter),
      revoked_at: null,
      revoked_reason: null,
    })),
    ctx.now(),
  );
  // The last counts for one that was given two.
  const last = new Map(given.map((one) => [one.agent.id, one]));
  await setCertified(
    ctx.db,
    [...last].map(([id, { request, issued }]) => ({
      id,
      public_key_hash: request.publicKeyHash,
      certificate_expires_at: new Date(issued.notAfter),
    })),
  );
  for (const id of last.keys()) notify(ctx, { topic: "agent", id });
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
    const [problem] = await certificateProblems(ctx, [agent]);
    if (agent === undefined || problem != null) return { ok: false, problem: problem?.detail ?? "" };
    const issued = await signCertificate(authority, agent, verdict.request, ctx.now());
    await storeCertificates(ctx, [{ agent, request: verdict.request, issued }]);
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
