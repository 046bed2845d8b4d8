import { inTransaction, notify, type Base, type Ctx, type Tx } from "../../platform/context.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { agentActor } from "../gateway/agent-http.ts";
import { record } from "../audit/audit.ts";
import { setAgent, type AgentRow } from "../fleet/agents.ts";
import { lockAgent } from "./store.ts";

/** Whether an OpAMP instance may speak as an agent, judged at its first message on a connection. */
export type InstanceVerdict = { ok: true; agent: AgentRow } | { ok: false; problem: string };

/** A first message of an instance on a connection. */
export interface Contact {
  readonly instanceUid: string;
  readonly remoteAddress: string | null;
  readonly requestId: string;
  /** Whether an agent is connected over a WebSocket now. */
  readonly isLive: (agentId: string) => boolean;
}

const UNIQUE_VIOLATION = "23505";

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
