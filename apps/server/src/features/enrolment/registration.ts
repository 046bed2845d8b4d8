import { TOKEN_LIFETIME_SECONDS_MAX } from "@flowplane/contract";
import { newId, notify, timestamp, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { insertAgent, setAgent, type AgentRow } from "../fleet/agents.ts";
import { issueBearer } from "./bearers.ts";
import { countUses, lockAgent, lockToken } from "./store.ts";
import { noteTokenAttempt, tokenProblem, type TokenRow } from "./tokens.ts";

/** An agent that asks for a bearer by an enrolment token, in one request. */
export interface Applicant {
  readonly name: string;
  readonly hostname: string | null;
  readonly version: string | null;
  /** Bits of OpAMP's agent capabilities, as a number. */
  readonly capabilities: number;
  /** Its OpAMP instance_uid where it has one already. */
  readonly instanceUid: string | null;
  /** The agent that has been known under this name of its own, if any. */
  readonly knownAgentId: string | null;
}

/** `token`: it lets nobody in. `taken`: the applicant is somebody else already. */
export type Registration =
  | { readonly ok: true; readonly agent: AgentRow; readonly secret: string }
  | { readonly ok: false; readonly reason: "token" | "taken"; readonly problem: string };

/**
 * Lets an agent in by a token and issues its bearer. A known agent is let in again only after it was revoked, and then by
 * a token made since: a token is for newcomers, not for taking over who is there. What came of it is noted at the token
 * either way, so the caller commits a refusal too.
 */
export async function register(ctx: Tx, tokenId: string, applicant: Applicant): Promise<Registration> {
  const token = await lockToken(ctx.db, tokenId);
  if (token === undefined)
    return { ok: false, reason: "token", problem: "The enrolment token was deleted. Create a new one." };
  const known = applicant.knownAgentId === null ? undefined : await lockAgent(ctx.db, applicant.knownAgentId);
  const problem = tokenProblem(token, ctx.now());
  const refusal =
    problem !== null
      ? ({ ok: false, reason: "token", problem } as const)
      : known !== undefined && !isReadmitted(known, token)
        ? ({ ok: false, reason: "taken", problem: takenProblem(known) } as const)
        : undefined;
  if (refusal !== undefined) {
    await noteTokenAttempt(ctx, token, {
      outcome: "refused",
      detail: refusal.problem,
      agent_id: known?.id ?? null,
      hostname: applicant.hostname,
    });
    return refusal;
  }
  await countUses(ctx.db, token.id, 1);
  const agent = await letIn(ctx, token, known, applicant);
  record(ctx, {
    action: "agent.enrol",
    target_type: "agent",
    target_id: agent.id,
    metadata: { name: agent.name, enrolment_token_id: token.id, approval: agent.approval },
  });
  const isPending = agent.approval === "pending";
  await noteTokenAttempt(ctx, token, {
    outcome: isPending ? "pending" : "enrolled",
    detail: isPending ? "Registered; waits for approval by a person." : "Registered over the gateway API.",
    agent_id: agent.id,
    hostname: applicant.hostname,
  });
  notify(ctx, { topic: "agent", id: agent.id });
  const { secret } = await issueBearer(ctx, agent, TOKEN_LIFETIME_SECONDS_MAX);
  return { ok: true, agent, secret };
}

function letIn(
  ctx: Tx,
  token: TokenRow,
  known: AgentRow | undefined,
  { name, hostname, version, capabilities, instanceUid }: Applicant,
): Promise<AgentRow> {
  const described = { name, hostname, version, capabilities, enrolment_token_id: token.id };
  const approval = token.approval === "automatic" ? "approved" : "pending";
  if (known !== undefined)
    return setAgent(ctx.db, known.id, { ...described, approval, revoked_at: null, revoked_reason: null });
  return insertAgent(ctx.db, {
    ...described,
    id: newId(),
    organization_id: token.organization_id,
    site_id: token.site_id,
    kind: "gateway",
    instance_uid: instanceUid,
    approval,
    labels: JSON.stringify(token.labels),
    created_at: new Date(ctx.now()),
  });
}

function isReadmitted(known: AgentRow, token: TokenRow): boolean {
  return known.revoked_at !== null && token.created_at > known.revoked_at;
}

function takenProblem(known: AgentRow): string {
  return known.revoked_at === null
    ? `It is registered already, as the agent ${known.name}. If that one lost its token, revoke it and register with a token made after that; if this is another one, give it an instance_id of its own.`
    : `The agent ${known.name} was revoked at ${timestamp(known.revoked_at)}. To let it in again, register it with a token made after that.`;
}
