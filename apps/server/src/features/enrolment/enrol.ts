import type { EnrolRequest, EnrolResponse } from "@flowplane/link";
import { inTransaction, newId, notify, timestamp, type Base, type Tx } from "../../platform/context.ts";
import { AppError, type ErrorCode } from "../../platform/errors.ts";
import { record } from "../audit/audit.ts";
import { certificateProblem, issueCertificate } from "./certificates.ts";
import { judgeRequest, type JudgedRequest } from "./csr.ts";
import { enrolmentCtx, opampUrl, type Enrolment } from "./enrolment.ts";
import { setAgent, insertAgent, type AgentRow } from "../fleet/agents.ts";
import { countUses, lockAgentByUid, lockToken } from "./store.ts";
import { noteTokenAttempt, recogniseToken, tokenProblem, type TokenRow } from "./tokens.ts";

/** How long a waiting agent is asked to wait before it asks again. */
export const PENDING_RETRY_SECONDS = 5;
interface Refusal {
  readonly state: "refused";
  readonly code: ErrorCode;
  readonly detail: string;
  readonly agent_id: string | null;
}

interface Applicant {
  readonly body: EnrolRequest;
  readonly request: JudgedRequest;
}

const UNIQUE_VIOLATION = "23505";

/**
 * Lets an agent in that shows an enrolment token: issues its certificate, or keeps it waiting for approval. The same call
 * again (same token, instance and key) gets the same answer and costs no second use. Throws `unauthenticated` for a token
 * that lets nobody in, `invalid_input` for a request that cannot be signed, `conflict` for an instance that is somebody else.
 */
export async function enrol(
  base: Base,
  enrolment: Enrolment,
  credential: string,
  body: EnrolRequest,
  request: { requestId: string; remoteAddress: string | null },
): Promise<EnrolResponse> {
  const token = await recogniseToken(base, credential);
  if (token === null) {
    throw new AppError(
      "unauthenticated",
      "This enrolment token is unknown here. Copy it again, or create a new one.",
    );
  }
  const ctx = enrolmentCtx(base, token, request);
  const verdict = await judgeRequest(body.csr, body.instance_uid);
  const attempt = () =>
    inTransaction(ctx, async (ctx) => {
      const outcome: EnrolResponse | Refusal = verdict.ok
        ? await decide(ctx, enrolment, token.id, { body, request: verdict.request })
        : { state: "refused", code: "invalid_input", detail: verdict.problem, agent_id: null };
      await noteTokenAttempt(ctx, token, {
        ...describe(outcome),
        agent_id: outcome.agent_id,
        hostname: body.hostname,
      });
      return outcome;
    });
  const outcome = await attempt().catch((error: unknown) => {
    // Two calls for one new instance under two tokens met: the other one is stored by now, so look again.
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return attempt();
    throw error;
  });
  if (outcome.state === "refused") throw new AppError(outcome.code, outcome.detail);
  return outcome;
}

async function decide(
  ctx: Tx,
  enrolment: Enrolment,
  tokenId: string,
  applicant: Applicant,
): Promise<EnrolResponse | Refusal> {
  const token = await lockToken(ctx.db, tokenId);
  if (token === undefined)
    return refused("unauthenticated", "The enrolment token was deleted. Create a new one.");
  const known = await lockAgentByUid(ctx.db, token.organization_id, applicant.body.instance_uid);
  const standing = known === undefined ? "new" : standingOf(known, token, applicant.request);
  if (typeof standing !== "string") return standing;
  if (standing !== "returning" || token.revoked_at !== null) {
    const problem = tokenProblem(token, ctx.now());
    if (problem !== null) return refused("unauthenticated", problem, known?.id);
  }
  if (known !== undefined && standing === "returning") return answer(ctx, enrolment, known, applicant);

  await countUses(ctx.db, token.id, 1);
  const agent =
    known === undefined ? await welcome(ctx, token, applicant) : await readmit(ctx, known, token, applicant);
  record(ctx, {
    action: "agent.enrol",
    target_type: "agent",
    target_id: agent.id,
    metadata: {
      name: agent.name,
      enrolment_token_id: token.id,
      approval: agent.approval,
      hostname: agent.hostname,
      version: agent.version,
      evidence: applicant.body.evidence ?? {},
    },
  });
  return answer(ctx, enrolment, agent, applicant);
}

/**
 * What a known instance is to this token. It is returning with the key it enrolled with. After a revocation only a token
 * made since then lets it in again: that is somebody's decision, which an older token with uses left is not.
 */
function standingOf(
  known: AgentRow,
  token: TokenRow,
  request: JudgedRequest,
): "returning" | "readmitted" | Refusal {
  if (known.revoked_at !== null) {
    if (token.created_at > known.revoked_at) return "readmitted";
    return refused(
      "conflict",
      `The agent ${known.name} was revoked at ${timestamp(known.revoked_at)}. To let it in again, enrol it with a token made after that.`,
      known.id,
    );
  }
  const sameKey = known.public_key_hash?.equals(request.publicKeyHash) ?? false;
  if (known.enrolment_token_id === token.id && (sameKey || known.public_key_hash === null))
    return "returning";
  if (sameKey) return "readmitted";
  return refused(
    "conflict",
    `The instance ${known.instance_uid} is enrolled as the agent ${known.name} with another key. If this machine lost its key or is a copy, give it a new instance_uid, or revoke or delete ${known.name} first.`,
    known.id,
  );
}

function welcome(ctx: Tx, token: TokenRow, { body, request }: Applicant): Promise<AgentRow> {
  return insertAgent(ctx.db, {
    id: newId(),
    organization_id: token.organization_id,
    site_id: token.site_id,
    kind: "site",
    name: body.name ?? body.hostname,
    instance_uid: body.instance_uid,
    approval: token.approval === "automatic" ? "approved" : "pending",
    // The token's labels were set by a person; an agent cannot speak over them.
    labels: JSON.stringify({ ...body.labels, ...token.labels }),
    version: body.version || null,
    os: body.os || null,
    hostname: body.hostname,
    enrolment_token_id: token.id,
    public_key_hash: request.publicKeyHash,
    created_at: new Date(ctx.now()),
  });
}

function readmit(ctx: Tx, known: AgentRow, token: TokenRow, { body, request }: Applicant): Promise<AgentRow> {
  const wasRevoked = known.revoked_at !== null;
  return setAgent(ctx.db, known.id, {
    approval: wasRevoked && token.approval === "manual" ? "pending" : known.approval,
    revoked_at: null,
    revoked_reason: null,
    enrolment_token_id: token.id,
    public_key_hash: request.publicKeyHash,
    version: body.version || null,
    hostname: body.hostname,
  });
}

async function answer(
  ctx: Tx,
  { authority, addresses }: Enrolment,
  agent: AgentRow,
  { request }: Applicant,
): Promise<EnrolResponse | Refusal> {
  notify(ctx, { topic: "agent", id: agent.id });
  if (agent.approval !== "approved") {
    return { state: "pending", agent_id: agent.id, retry_after_seconds: PENDING_RETRY_SECONDS };
  }
  const problem = await certificateProblem(ctx, agent);
  if (problem !== null) return refused("rate_limited", problem, agent.id);
  const issued = await issueCertificate(ctx, authority, agent, request);
  const url = addresses.agentsUrl();
  return {
    state: "issued",
    agent_id: agent.id,
    organization_id: agent.organization_id,
    certificate: issued.pem,
    ca_certificates: [authority.certificatePem],
    opamp_url: opampUrl(url),
    bulk_url: url,
  };
}

function describe(outcome: EnrolResponse | Refusal) {
  switch (outcome.state) {
    case "issued":
      return { outcome: "enrolled", detail: "Enrolled; a certificate was issued." } as const;
    case "pending":
      return { outcome: "pending", detail: "Waits for approval by a person." } as const;
    case "refused":
      return { outcome: "refused", detail: outcome.detail } as const;
  }
}

function refused(code: ErrorCode, detail: string, agentId: string | null = null): Refusal {
  return { state: "refused", code, detail, agent_id: agentId };
}
