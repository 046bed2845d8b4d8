import { sql } from "kysely";
import {
  agentStateFromJson,
  isMovedTo,
  isOwned,
  newAgentState,
  type AgentState,
  type AgentStateJson,
  type CustomMessageOut,
  type Ownership,
} from "@flowplane/opamp";
import { emptyDelivery, type DeliveryState } from "@flowplane/link";
import type { Base } from "../../platform/context.ts";
import { Admissions } from "../enrolment/admissions.ts";
import { bindInstance } from "../enrolment/instances.ts";
import type { AgentIdentity } from "./agent-http.ts";
import { BatchLoader } from "./batch-loader.ts";
import type { Credential } from "./credentials.ts";
import type { Inbox } from "./inbox.ts";
import { PollRhythm } from "./poll-rhythm.ts";
import type { KnownInstance } from "./relay.ts";
import type { HeldSpool } from "./spools.ts";
import type { Wanted } from "./wanted.ts";
import type { StatusWriter } from "./writer.ts";

/** One agent that is connected to this process, or polls it. Its truth is in the database; this is the working copy. */
export interface AgentSession {
  identity: AgentIdentity;
  /** The enrolment token it may speak by; null when it has another credential. */
  tokenId: string | null;
  /** By which of its credentials it spoke last; "" before it has. */
  proof: string;
  /** Where it reached us when it spoke last, as it named it; null when that is not known. */
  reachedUrl: string | null;
  isApproved: boolean;
  state: AgentState;
  ownership: Ownership | null;
  readonly polls: PollRhythm;
  /** The heartbeat interval last written for it, ms; null: the default. */
  heartbeatMs: number | null;
  /** Stands for its polls as a socket's id stands for its messages. */
  readonly httpConnectionId: string;
  /** The connection last written as the agent's; null when it has to be written anew. */
  writtenConnectionId: string | null;
  heardAt: number;
  /** Link messages and the restart command that wait to be sent. */
  outbox: CustomMessageOut[];
  restart: { readonly id: string } | null;
  /** What is offered to it (desired.ts), and the parts of it by who wants them. */
  desired: Wanted;
  readonly wanted: Map<string, Wanted>;
  /** The look-up that `desired` is of, and whether another is due because one failed. */
  desiredBatch: number;
  mustLoadDesired: boolean;
  /** The configuration it last said it has, the message at hand included; "" when it has none. Lower-case hex. */
  reportedConfigHash: string;
  /** The same of the set of packages it was last offered. */
  reportedPackagesHash: string;
  delivery: DeliveryState;
  /** The connection that the link protocol speaks with now. */
  linkedTo: string | null;
  /** The spool that connection has proven to have; null before, and for agents that do not say. */
  spool: HeldSpool | null;
  /** A certificate request that waits for the agent's approval. */
  pendingRequest: Uint8Array | null;
  /** Link messages from the agent on their way to storage; null before the first. */
  inbox: Inbox | null;
  isLoadingIntents: boolean;
  mustLoadIntents: boolean;
}

export type Admission = { ok: true; session: AgentSession } | { ok: false; problem: string };

interface SessionRow {
  key: string;
  id: string;
  organization_id: string;
  site_id: string;
  name: string;
  approval: "expected" | "pending" | "approved";
  instance_uid: string | null;
  next_instance_uid: string | null;
  enrolment_token_id: string | null;
  sequence_num: number | null;
  message_digest: number | null;
  session: AgentStateJson | null;
}

/** Where a first message comes from. */
export interface Origin {
  readonly credential: Credential;
  readonly remoteAddress: string | null;
  readonly requestId: string;
}

/** The agents this process serves now, by id and by instance_uid. */
export class Sessions {
  readonly #base: Base;
  readonly #writer: StatusWriter;
  readonly #byAgent = new Map<string, AgentSession>();
  readonly #byUid = new Map<string, AgentSession>();
  readonly #admissions: Admissions;
  readonly #loader: BatchLoader<SessionRow>;
  readonly #newId: () => string;

  constructor(base: Base, writer: StatusWriter, newId: () => string) {
    this.#base = base;
    this.#writer = writer;
    this.#newId = newId;
    this.#admissions = new Admissions(base);
    this.#loader = new BatchLoader((ids) => this.#load(ids));
  }

  get size(): number {
    return this.#byAgent.size;
  }

  all(): IterableIterator<AgentSession> {
    return this.#byAgent.values();
  }

  ofAgent(agentId: string): AgentSession | undefined {
    return this.#byAgent.get(agentId);
  }

  /** The session an instance speaks for by this credential, when it is here already. */
  find(credential: Credential, uid: string): AgentSession | undefined {
    if (credential.kind === "token") {
      const session = this.#byUid.get(`${credential.token.organization_id}/${uid}`);
      return session?.tokenId === credential.token.id ? session : undefined;
    }
    const session = this.#byAgent.get(credential.identity.agent_id);
    return session?.state.instanceUid === uid || session?.state.nextUid === uid ? session : undefined;
  }

  /** The agent of an organization that an instance_uid is known as. */
  async whoHas(organizationId: string, uid: string): Promise<KnownInstance | undefined> {
    const row = await this.#base.storage.system
      .selectFrom("agents")
      .select(["id", "enrolment_token_id"])
      .where("organization_id", "=", organizationId)
      .where((eb) => eb.or([eb("instance_uid", "=", uid), eb("next_instance_uid", "=", uid)]))
      .executeTakeFirst();
    return row === undefined ? undefined : { agentId: row.id, enrolmentTokenId: row.enrolment_token_id };
  }

  /** Loads the session of an instance, letting it in first when it is new. A refusal is a sentence for the agent. */
  async admit({ credential, ...contact }: Origin, instanceUid: string): Promise<Admission> {
    const judged = {
      ...contact,
      instanceUid,
      // A copy of the agent's host speaks for it only as long as the original does not.
      isLive: (id: string) => {
        const live = this.#byAgent.get(id);
        // The second of two that poll under one uid, with the uid it was given and the credential of the first.
        if (live !== undefined && isMovedTo(live.state, instanceUid)) return true;
        return isOwned(live?.ownership ?? null) && live?.spool?.isCopy !== true;
      },
    };
    if (credential.kind === "token") {
      const verdict = await this.#admissions.admit(credential.token, judged);
      if (!verdict.ok) return verdict;
      const { agent } = verdict;
      return this.#open(agent.id, instanceUid, {
        agent_id: agent.id,
        organization_id: agent.organization_id,
        site_id: agent.site_id,
        name: agent.name,
        credential: "token",
      });
    }
    const row = await this.#loader.load(credential.identity.agent_id);
    if (row?.instance_uid === instanceUid || row?.next_instance_uid === instanceUid)
      return this.#adopt(row, instanceUid, credential.identity);
    const verdict = await bindInstance(this.#base, credential.identity, judged);
    if (!verdict.ok) return verdict;
    this.evict(credential.identity.agent_id);
    return this.#open(credential.identity.agent_id, instanceUid, credential.identity);
  }

  /** Reads again whether the agent may do more than report. */
  async refresh(session: AgentSession): Promise<void> {
    const row = await this.#loader.load(session.identity.agent_id);
    if (row !== undefined) session.isApproved = row.approval === "approved";
  }

  /** To be called after each step: an agent may have got another uid, or the promise of one. */
  reindex(session: AgentSession, before: AgentState): void {
    const { state } = session;
    if (state.instanceUid === before.instanceUid && state.nextUid === before.nextUid) return;
    for (const uid of [before.instanceUid, before.nextUid])
      if (uid !== null) this.#byUid.delete(this.#key(session, uid));
    this.#index(session);
  }

  /** The agent's stored report was lost: its next message counts as one from an unknown agent, who is asked for everything. */
  startOver(agentId: string): void {
    const session = this.#byAgent.get(agentId);
    if (session !== undefined)
      session.state = { ...newAgentState(session.state.instanceUid), nextUid: session.state.nextUid };
  }

  /** Forgets agents without a socket that have not polled since `before`; the database remembers them. */
  forgetPolls(before: number): void {
    for (const [agentId, session] of this.#byAgent) {
      if (!isOwned(session.ownership) && session.heardAt < before) this.evict(agentId);
    }
  }

  evict(agentId: string): void {
    const session = this.#byAgent.get(agentId);
    if (session === undefined) return;
    this.#byAgent.delete(agentId);
    for (const uid of [session.state.instanceUid, session.state.nextUid]) {
      if (uid !== null && this.#byUid.get(this.#key(session, uid)) === session)
        this.#byUid.delete(this.#key(session, uid));
    }
  }

  async #open(agentId: string, uid: string, identity: AgentIdentity): Promise<Admission> {
    const row = await this.#loader.load(agentId);
    return row === undefined
      ? { ok: false, problem: "The agent was deleted." }
      : this.#adopt(row, uid, identity);
  }

  #adopt(row: SessionRow, uid: string, identity: AgentIdentity): Admission {
    // Another message of the same agent may have been quicker.
    const present = this.#byAgent.get(row.id);
    if (present?.tokenId === row.enrolment_token_id) return { ok: true, session: present };
    this.evict(row.id);
    const session: AgentSession = {
      identity,
      tokenId: row.enrolment_token_id,
      proof: "",
      reachedUrl: null,
      isApproved: row.approval === "approved",
      state: this.#stateOf(row, uid),
      ownership: null,
      polls: new PollRhythm(),
      heartbeatMs: null,
      httpConnectionId: this.#newId(),
      writtenConnectionId: null,
      heardAt: this.#base.now(),
      outbox: [],
      restart: null,
      desired: {},
      wanted: new Map(),
      desiredBatch: 0,
      mustLoadDesired: false,
      reportedConfigHash: "",
      reportedPackagesHash: "",
      delivery: emptyDelivery,
      linkedTo: null,
      spool: null,
      pendingRequest: null,
      inbox: null,
      isLoadingIntents: false,
      mustLoadIntents: false,
    };
    const { remoteConfigStatus, interruptedConfig } = session.state;
    session.reportedConfigHash = interruptedConfig === null ? (remoteConfigStatus?.hash ?? "") : "";
    session.reportedPackagesHash = session.state.packagesHash ?? "";
    this.#byAgent.set(row.id, session);
    this.#index(session);
    return { ok: true, session };
  }

  #stateOf(row: SessionRow, uid: string): AgentState {
    const pending = this.#writer.pendingSession(row.id);
    const known = pending?.session ?? (row.session === null ? null : agentStateFromJson(row.session));
    if (known === null || (known.instanceUid !== uid && known.nextUid !== uid)) return newAgentState(uid);
    const sequence = pending?.sequenceNum ?? row.sequence_num;
    return {
      ...known,
      sequenceNum: sequence === null ? null : BigInt(sequence),
      messageDigest: pending?.messageDigest ?? row.message_digest,
    };
  }

  #index(session: AgentSession): void {
    for (const uid of [session.state.instanceUid, session.state.nextUid]) {
      if (uid !== null) this.#byUid.set(this.#key(session, uid), session);
    }
  }

  #key(session: AgentSession, uid: string): string {
    return `${session.identity.organization_id}/${uid}`;
  }

  async #load(ids: readonly string[]): Promise<Map<string, SessionRow>> {
    const { rows } = await sql<SessionRow>`
      select a.id as key, a.id, a.organization_id, a.site_id, a.name, a.approval, a.instance_uid, a.next_instance_uid,
        case when a.token_retired_at is null then a.enrolment_token_id end as enrolment_token_id, a.sequence_num, a.message_digest, r.session
      from agents a left join agent_reports r on r.agent_id = a.id
      where a.id = any(${ids}::uuid[])`.execute(this.#base.storage.system);
    return new Map(rows.map((row) => [row.key, row]));
  }
}
