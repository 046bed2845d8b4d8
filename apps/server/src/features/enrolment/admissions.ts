import { inTransaction, newId, notify, type Base, type Tx } from "../../platform/context.ts";
import { recordAll } from "../audit/audit.ts";
import { insertAgents, setAgent, type AgentRow, type NewAgent } from "../fleet/agents.ts";
import { enrolmentCtx } from "./enrolment.ts";
import { InGroupsBy } from "./in-groups.ts";
import type { Contact, InstanceVerdict } from "./instances.ts";
import { countUses, lockAgentsByUid, lockToken } from "./store.ts";
import { noteTokenAttempts, tokenProblem, type TokenAttempt, type TokenRow } from "./tokens.ts";

/** Instances that one transaction judges. */
const GROUP_MAX = 500;
/** Instances that may wait at one token; beyond that they are told to come later. */
const WAITING_MAX = 20_000;

const UNIQUE_VIOLATION = "23505";

/**
 * Instances that show an enrolment token at each connection. A new one enrols as a collector and costs a use; a known one of
 * the same token comes back for as long as the token is not revoked.
 *
 * Everybody who shows a token needs the token's row, whose lock is held until the commit, and the organization's audit chain. A fleet that
 * comes with one token would wait for the two agent by agent, in all connections to the database that there are;
 * so those who come at once are judged by one transaction, in the order they came.
 */
export class Admissions {
  readonly #groups: InGroupsBy<TokenRow, Contact, InstanceVerdict>;

  constructor(base: Base) {
    this.#groups = new InGroupsBy((token, contacts) => admitAll(base, token, contacts), {
      groupMax: GROUP_MAX,
      waitingMax: WAITING_MAX,
    });
  }

  admit(token: TokenRow, contact: Contact): Promise<InstanceVerdict> {
    return this.#groups.ask(token, contact);
  }
}

async function admitAll(
  base: Base,
  token: TokenRow,
  contacts: readonly Contact[],
): Promise<InstanceVerdict[]> {
  const [first] = contacts;
  if (first === undefined) return [];
  const ctx = enrolmentCtx(base, token, first);
  const attempt = () => inTransaction(ctx, (ctx) => judge(ctx, token.id, contacts));
  return attempt().catch((error: unknown) => {
    // Two first messages of one instance met under two tokens; the other one is stored by now.
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return attempt();
    throw error;
  });
}

async function judge(ctx: Tx, tokenId: string, contacts: readonly Contact[]): Promise<InstanceVerdict[]> {
  const token = await lockToken(ctx.db, tokenId);
  if (token === undefined)
    return contacts.map(() => ({
      ok: false,
      problem: "The enrolment token was deleted. Create a new one.",
    }));
  const uids = [...new Set(contacts.map(({ instanceUid }) => instanceUid))];
  const agents = await lockAgentsByUid(ctx.db, token.organization_id, uids);
  const newcomers = new Map<string, NewAgent>();
  const steps: Step[] = [];
  let uses = 0;
  for (const contact of contacts) {
    const uid = contact.instanceUid;
    const known = agents.get(uid);
    const isNew = known === undefined && !newcomers.has(uid);
    const step = isNew
      ? judgeNew({ ...token, uses: token.uses + uses }, ctx.now())
      : known === undefined
        ? ({ kind: "returns" } as const)
        : judgeKnown(known, { ...token, uses: token.uses + uses }, contact, ctx.now());
    steps.push(step);
    if (step.kind !== "enters") continue;
    uses += 1;
    if (known === undefined) newcomers.set(uid, newcomer(ctx, token, uid));
    else agents.set(uid, await readmit(ctx, known, token));
  }
  if (uses > 0) await countUses(ctx.db, token.id, uses);
  for (const row of await insertAgents(ctx.db, [...newcomers.values()]))
    if (row.instance_uid !== null) agents.set(row.instance_uid, row);

  const judged = contacts.map((contact, index) => ({
    contact,
    step: steps[index] as Step,
    agent: agents.get(contact.instanceUid),
  }));
  const entered = judged.filter(({ step }) => step.kind === "enters");
  recordAll(
    ctx,
    entered.flatMap(({ contact: { instanceUid, requestId, remoteAddress }, agent }) =>
      agent === undefined
        ? []
        : {
            action: "agent.enrol",
            target_type: "agent",
            target_id: agent.id,
            metadata: { instance_uid: instanceUid, enrolment_token_id: token.id, approval: agent.approval },
            requestId,
            remoteAddress,
          },
    ),
  );
  await noteTokenAttempts(
    ctx,
    token,
    judged.map(({ contact, step, agent }) => ({
      ...attemptOf(step, agent),
      remote_address: contact.remoteAddress,
    })),
  );
  for (const { agent } of entered) if (agent !== undefined) notify(ctx, { topic: "agent", id: agent.id });
  return judged.map(({ step, agent }): InstanceVerdict => {
    if (step.kind === "refused") return { ok: false, problem: step.problem };
    if (agent === undefined) throw new Error("an instance was let in and is no agent");
    return { ok: true, agent };
  });
}

/** What an instance is to a token: let in anew, which costs a use; one of those it let in; or neither. */
type Step =
  | { readonly kind: "enters" }
  | { readonly kind: "returns" }
  | { readonly kind: "refused"; readonly problem: string };

function judgeNew(token: TokenRow, now: number): Step {
  const problem = tokenProblem(token, now);
  return problem === null ? { kind: "enters" } : { kind: "refused", problem };
}

function judgeKnown(known: AgentRow, token: TokenRow, contact: Contact, now: number): Step {
  const problem = knownProblem(known, token, contact);
  if (problem !== null) return { kind: "refused", problem };
  const isOurs = known.enrolment_token_id === token.id && known.revoked_at === null;
  if (isOurs && token.revoked_at === null) return { kind: "returns" };
  const refusal = tokenProblem(token, now);
  if (refusal !== null) return { kind: "refused", problem: refusal };
  return { kind: isOurs ? "returns" : "enters" };
}

function knownProblem(known: AgentRow, token: TokenRow, { isLive }: Contact): string | null {
  if (known.revoked_at !== null) {
    if (token.created_at > known.revoked_at) return null;
    return `The agent ${known.name} was revoked. To let it in again, give it a token made after that.`;
  }
  if (known.token_retired_at !== null)
    return `The agent ${known.name} was given a credential of its own at ${known.token_retired_at.toISOString()}, and no token lets it in any more. Give it a bearer.`;
  if (known.enrolment_token_id === token.id) return null;
  if (known.public_key_hash !== null || known.credential === "bearer")
    return `This instance_uid belongs to the agent ${known.name}, which proves itself by another credential.`;
  return isLive(known.id)
    ? `This instance_uid belongs to the agent ${known.name}, which is connected by another token.`
    : null;
}

function attemptOf(step: Step, agent: AgentRow | undefined): TokenAttempt {
  const whom = { agent_id: agent?.id ?? null, hostname: agent?.hostname ?? null };
  if (step.kind === "refused") return { ...whom, outcome: "refused", detail: step.problem };
  const isPending = agent?.approval === "pending";
  if (step.kind === "returns")
    return isPending
      ? { ...whom, outcome: "pending", detail: "Connected; waits for approval by a person." }
      : { ...whom, outcome: "connected", detail: "Connected." };
  return isPending
    ? {
        ...whom,
        hostname: null,
        outcome: "pending",
        detail: "Came for the first time; waits for approval by a person.",
      }
    : { ...whom, hostname: null, outcome: "enrolled", detail: "Enrolled over OpAMP." };
}

function newcomer(ctx: Tx, token: TokenRow, instanceUid: string): NewAgent {
  const id = newId();
  return {
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
  };
}

/** The name of an agent that has not described itself; `writeAgents` knows it again by this form. */
function placeholderName(id: string): string {
  return `agent-${id.slice(-8)}`;
}

function readmit(ctx: Tx, known: AgentRow, token: TokenRow): Promise<AgentRow> {
  return setAgent(ctx.db, known.id, {
    approval: known.revoked_at !== null && token.approval === "manual" ? "pending" : known.approval,
    revoked_at: null,
    revoked_reason: null,
    enrolment_token_id: token.id,
    token_retired_at: null,
  });
}
