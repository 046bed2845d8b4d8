import type { EnrolRequest, EnrolResponse } from "@flowplane/link";
import { newId, notify, timestamp, type Tx } from "../../platform/context.ts";
import type { ErrorCode } from "../../platform/errors.ts";
import { recordAll } from "../audit/audit.ts";
import { insertAgents, setAgent, type AgentRow, type NewAgent } from "../fleet/agents.ts";
import { certificateProblems } from "./certificates.ts";
import type { JudgedRequest, RequestVerdict } from "./csr.ts";
import { countUses, lockAgentsByUid, lockToken } from "./store.ts";
import { noteTokenAttempts, tokenProblem, type TokenAttempt, type TokenRow } from "./tokens.ts";

/** How long a waiting agent is asked to wait before it asks again. */
export const PENDING_RETRY_SECONDS = 5;

/** An agent that shows a token and asks for a certificate. */
export interface Asked {
  readonly body: EnrolRequest;
  readonly verdict: RequestVerdict;
  readonly requestId: string;
  readonly remoteAddress: string | null;
}

export interface Refusal {
  readonly state: "refused";
  readonly code: ErrorCode;
  readonly detail: string;
  readonly agent_id: string | null;
}

/** `approved`: it is let in and may have a certificate. */
export type LetIn =
  | Refusal
  | Extract<EnrolResponse, { state: "pending" }>
  | { readonly state: "approved"; readonly agent: AgentRow; readonly request: JudgedRequest };

export function refused(code: ErrorCode, detail: string, agentId: string | null = null): Refusal {
  return { state: "refused", code, detail, agent_id: agentId };
}

/**
 * Says of each of a group, in its order, whether a token lets it in, and makes it an agent where it does. What is not approved is noted at
 * the token here; the others are when they have their certificates.
 */
export async function letIn(ctx: Tx, tokenId: string, group: readonly Asked[]): Promise<LetIn[]> {
  const token = await lockToken(ctx.db, tokenId);
  if (token === undefined) {
    const gone = refused("unauthenticated", "The enrolment token was deleted. Create a new one.");
    return group.map(() => gone);
  }
  const steps = new Map<Asked, LetIn>();
  const able: Applicant[] = [];
  for (const asked of group)
    if (asked.verdict.ok) able.push({ asked, body: asked.body, request: asked.verdict.request });
    else steps.set(asked, refused("invalid_input", asked.verdict.problem));
  let uses = 0;
  for (const round of roundsOf(able))
    uses += await letInRound(ctx, { ...token, uses: token.uses + uses }, round, steps);
  if (uses > 0) await countUses(ctx.db, token.id, uses);
  await refuseTooMany(ctx, steps);
  await noteOutcomes(ctx, token, [...steps]);
  return group.map((asked) => {
    const step = steps.get(asked);
    if (step === undefined) throw new Error("an agent asked and nothing was decided");
    return step;
  });
}

interface Applicant {
  readonly asked: Asked;
  readonly body: EnrolRequest;
  readonly request: JudgedRequest;
}

/** No instance is twice in a round: one that asks again is judged by what came of the first time. */
function roundsOf(applicants: readonly Applicant[]): Applicant[][] {
  const rounds: Applicant[][] = [];
  const asked = new Map<string, number>();
  for (const applicant of applicants) {
    const round = asked.get(applicant.body.instance_uid) ?? 0;
    asked.set(applicant.body.instance_uid, round + 1);
    (rounds[round] ??= []).push(applicant);
  }
  return rounds;
}

/** Adds a step for each; returns how many uses of the token that cost. */
async function letInRound(
  ctx: Tx,
  token: TokenRow,
  round: readonly Applicant[],
  steps: Map<Asked, LetIn>,
): Promise<number> {
  const agents = await lockAgentsByUid(
    ctx.db,
    token.organization_id,
    round.map(({ body }) => body.instance_uid),
  );
  const newcomers: NewAgent[] = [];
  const entering: Applicant[] = [];
  const admitted: Applicant[] = [];
  for (const applicant of round) {
    const known = agents.get(applicant.body.instance_uid);
    const standing = known === undefined ? "new" : standingOf(known, token, applicant.request);
    if (typeof standing !== "string") {
      steps.set(applicant.asked, standing);
      continue;
    }
    const isReturning = standing === "returning";
    const problem =
      isReturning && token.revoked_at === null
        ? null
        : tokenProblem({ ...token, uses: token.uses + entering.length }, ctx.now());
    if (problem !== null) {
      steps.set(applicant.asked, refused("unauthenticated", problem, known?.id));
      continue;
    }
    admitted.push(applicant);
    if (isReturning) continue;
    entering.push(applicant);
    if (known === undefined) newcomers.push(newcomer(ctx, token, applicant));
    else agents.set(applicant.body.instance_uid, await readmit(ctx, known, token, applicant));
  }
  for (const row of await insertAgents(ctx.db, newcomers))
    if (row.instance_uid !== null) agents.set(row.instance_uid, row);
  const agentOf = ({ body }: Applicant) => {
    const agent = agents.get(body.instance_uid);
    if (agent === undefined) throw new Error("an instance was let in and is no agent");
    return agent;
  };
  recordAll(
    ctx,
    entering.map((applicant) => enrolEvent(token, applicant, agentOf(applicant))),
  );
  for (const applicant of admitted) {
    const agent = agentOf(applicant);
    notify(ctx, { topic: "agent", id: agent.id });
    steps.set(
      applicant.asked,
      agent.approval === "approved"
        ? { state: "approved", agent, request: applicant.request }
        : { state: "pending", agent_id: agent.id, retry_after_seconds: PENDING_RETRY_SECONDS },
    );
  }
  return entering.length;
}

function enrolEvent(token: TokenRow, { asked, body }: Applicant, agent: AgentRow) {
  return {
    action: "agent.enrol",
    target_type: "agent",
    target_id: agent.id,
    metadata: {
      name: agent.name,
      enrolment_token_id: token.id,
      approval: agent.approval,
      hostname: agent.hostname,
      version: agent.version,
      evidence: body.evidence ?? {},
    },
    requestId: asked.requestId,
    remoteAddress: asked.remoteAddress,
  };
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

function newcomer(ctx: Tx, token: TokenRow, { body, request }: Applicant): NewAgent {
  return {
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
  };
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

/** Takes back what would be one certificate too many. */
async function refuseTooMany(ctx: Tx, steps: Map<Asked, LetIn>): Promise<void> {
  const approved = [...steps].flatMap(([asked, step]) =>
    step.state === "approved" ? { asked, agent: step.agent } : [],
  );
  if (approved.length === 0) return;
  const problems = await certificateProblems(
    ctx,
    approved.map(({ agent }) => agent),
  );
  for (const [index, { asked, agent }] of approved.entries()) {
    const problem = problems[index] ?? null;
    if (problem !== null) steps.set(asked, refused(problem.code, problem.detail, agent.id));
  }
}

/** Notes what came of showing a token; of those that are approved nothing came yet. */
export async function noteOutcomes(
  ctx: Tx,
  token: TokenRow,
  outcomes: readonly (readonly [Asked, LetIn | Certified])[],
): Promise<void> {
  const attempts = outcomes.flatMap(([{ body, remoteAddress }, outcome]) =>
    outcome.state === "approved"
      ? []
      : {
          ...describe(outcome),
          agent_id: outcome.agent_id,
          hostname: body.hostname,
          remote_address: remoteAddress,
        },
  );
  if (attempts.length > 0) await noteTokenAttempts(ctx, token, attempts);
}

interface Certified {
  readonly state: "certified";
  readonly agent_id: string;
}

function describe(
  outcome: Exclude<LetIn, { state: "approved" }> | Certified,
): Pick<TokenAttempt, "outcome" | "detail"> {
  switch (outcome.state) {
    case "certified":
      return { outcome: "enrolled", detail: "Enrolled; a certificate was issued." };
    case "pending":
      return { outcome: "pending", detail: "Waits for approval by a person." };
    case "refused":
      return { outcome: "refused", detail: outcome.detail };
  }
}
