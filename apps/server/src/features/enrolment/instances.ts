import { inTransaction, newId, notify, type Base, type Ctx, type Tx } from "../../platform/context.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { agentActor } from "../gateway/agent-http.ts";
import { record } from "../audit/audit.ts";
import { enrolmentCtx } from "./enrolment.ts";
import { setAgent, insertAgent, type AgentRow } from "../fleet/agents.ts";
import { countUse, lockAgent, lockAgentByUid, lockToken } from "./store.ts";
import { noteTokenAttempt, tokenProblem, type TokenRow } from "./tokens.ts";

/** Whether an OpAMP instance may speak as an agent, judged at its first message on a connection. */
export type InstanceVerdict = { ok: true; agent: AgentRow } | { ok: false; problem: string };

interface Contact {
  readonly instanceUid: string;
  readonly remoteAddress: string | null;
  readonly requestId: string;
  /** Whether an agent is connected over a WebSocket now. */
  readonly isLive: (agentId: string) => boolean;
}

const UNIQUE_VIOLATION = "23505";

/** The name of an agent that has not described itself; `writeAgents` knows it again by this form. */
function placeholderName(id: string): string {
  return `agent-${id.slice(-8)}`;
}

/**
 * An instance that shows an enrolment token at each connection. A new one enrols as a collector and costs a use; a known
 * one of the same token comes back for as long as the token is not revoked.
 */
export async function admitByToken(base: Base, token: TokenRow, contact: Contact): Promise<InstanceVerdict> {
  const ctx = enrolmentCtx(base, token, contact);
  const attempt = () => inTransaction(ctx, (ctx) => judge(ctx, token.id, contact));
  return attempt().catch((error: unknown) => {
    // Two first messages of one instance met under two tokens; the other one is stored by now.
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return attempt();
    throw error;
  });
}

async function judge(ctx: Tx, tokenId: string, contact: Contact): Promise<InstanceVerdict> {
  const token = await lockToken(ctx.db, tokenId);
  if (token === undefined)
    return { ok: false, problem: "The enrolment token was deleted. Create a new one." };
  const known = await lockAgentByUid(ctx.db, token.organization_id, contact.instanceUid);
  const problem = known === undefined ? null : knownProblem(known, token, contact);
  const returns = known !== undefined && known.enrolment_token_id === token.id && known.revoked_at === null;
  const refusal = problem ?? (returns && token.revoked_at === null ? null : tokenProblem(token, ctx.now()));
  if (refusal !== null) {
    await noteTokenAttempt(ctx, token, {
      outcome: "refused",
      detail: refusal,
      agent_id: known?.id ?? null,
      hostname: known?.hostname ?? null,
    });
    return { ok: false, problem: refusal };
  }
  if (known !== undefined && returns) {
    const detail = known.approval === "pending" ? "Connected; waits for approval by a person." : "Connected.";
    const outcome = known.approval === "pending" ? "pending" : "connected";
    await noteTokenAttempt(ctx, token, { outcome, detail, agent_id: known.id, hostname: known.hostname });
    return { ok: true, agent: known };
  }
  await countUse(ctx.db, token.id);
  const agent =
    known === undefined ? await welcome(ctx, token, contact.instanceUid) : await readmit(ctx, known, token);
  record(ctx, {
    action: "agent.enrol",
    target_type: "agent",
    target_id: agent.id,
    metadata: { instance_uid: contact.instanceUid, enrolment_token_id: token.id, approval: agent.approval },
  });
  await noteTokenAttempt(ctx, token, {
    outcome: agent.approval === "pending" ? "pending" : "enrolled",
    detail:
      agent.approval === "pending"
        ? "Came for the first time; waits for approval by a person."
        : "Enrolled over OpAMP.",
    agent_id: agent.id,
    hostname: null,
  });
  notify(ctx, { topic: "agent", id: agent.id });
  return { ok: true, agent };
}

function knownProblem(known: AgentRow, token: TokenRow, { isLive }: Contact): string | null {
  if (known.revoked_at !== null) {
    if (token.created_at > known.revoked_at) return null;
    return `The agent ${known.name} was revoked. To let it in again, give it a token made after that.`;
  }
  if (known.enrolment_token_id === token.id) return null;
  if (known.public_key_hash !== null || known.credential === "bearer")
    return `This instance_uid belongs to the agent ${known.name}, which proves itself by another credential.`;
  return isLive(known.id)
    ? `This instance_uid belongs to the agent ${known.name}, which is connected by another token.`
    : null;
}

function welcome(ctx: Tx, token: TokenRow, instanceUid: string): Promise<AgentRow> {
  const id = newId();
  return insertAgent(ctx.db, {
    id,
    organization_id: token.organization_id,
    site_id: token.site_id,
    kind: "collector",
    name: placeholderName(id),
    instance_uid: instanceUid,
    approval: token.approval === "automatic" ? "approved" : "pending",
    labels: JSON.stringify(token.labels),
    enrolment_token_id: token.id,
    created_at: new Date(ctx.now()),
  });
}

function readmit(ctx: Tx, known: AgentRow, token: TokenRow): Promise<AgentRow> {
  return setAgent(ctx.db, known.id, {
    approval: known.revoked_at !== null && token.approval === "manual" ? "pending" : known.approval,
    revoked_at: null,
    revoked_reason: null,
    enrolment_token_id: token.id,
  });
}

/**
 * An instance that proved to be one agent, by certificate or bearer, under a uid the agent does not have yet: its first
 * contact, or a program that makes up a new uid at each start. While the agent is connected under its uid, the other is a copy.
 */
export async function bindInstance(
  base: Base,
  identity: AgentIdentity,
  contact: Contact,
): Promise<InstanceVerdict> {
  const ctx: Ctx = {
    ...base,
    actor: agentActor(identity),
    requestId: contact.requestId,
    remoteAddress: contact.remoteAddress,
  };
  try {
    return await inTransaction(ctx, (ctx) => bind(ctx, identity, contact));
  } catch (error) {
    if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error;
    return { ok: false, problem: "This instance_uid belongs to another agent. Give this one its own." };
  }
}

async function bind(ctx: Tx, identity: AgentIdentity, contact: Contact): Promise<InstanceVerdict> {
  const agent = await lockAgent(ctx.db, identity.agent_id);
  if (agent === undefined) return { ok: false, problem: "The agent was deleted." };
  if (agent.revoked_at !== null) return { ok: false, problem: "The agent was revoked." };
  if (agent.instance_uid === contact.instanceUid || agent.next_instance_uid === contact.instanceUid)
    return { ok: true, agent };
  if (agent.instance_uid !== null && contact.isLive(agent.id)) {
    const problem = `This ${identity.credential} belongs to the agent ${agent.name}, which is connected as ${agent.instance_uid}. Give this one a credential of its own.`;
    return { ok: false, problem };
  }
  const bound = await setAgent(ctx.db, agent.id, {
    instance_uid: contact.instanceUid,
    next_instance_uid: null,
    // Another process: nothing of the former one's session is true of it.
    sequence_num: null,
    message_digest: null,
    approval: agent.approval === "expected" ? "approved" : agent.approval,
  });
  record(ctx, {
    action: agent.instance_uid === null ? "agent.first_contact" : "agent.new_instance",
    target_type: "agent",
    target_id: agent.id,
    metadata: { from: agent.instance_uid, to: contact.instanceUid },
  });
  notify(ctx, { topic: "agent", id: agent.id });
  return { ok: true, agent: bound };
}
