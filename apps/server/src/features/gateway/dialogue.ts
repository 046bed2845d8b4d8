import { create } from "@bufbuild/protobuf";
import {
  configInterruptedIn,
  badRequestReply,
  isOwned,
  pushToAgent,
  receiveFromAgent,
  release,
  ServerToAgentSchema,
  stepServer,
  tellToMove,
  toHex,
  uidBytes,
  type Effect,
  type MessageLimits,
  type ServerToAgent,
  type StepContext,
} from "@flowplane/opamp";
import { LINK_CAPABILITY } from "@flowplane/link";
import { newId, type Base } from "../../platform/context.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { attemptsOf } from "./attempts.ts";
import { answerWithCertificate } from "./certificate-answer.ts";
import type { Components } from "./components.ts";
import { proofOf, type Credential, type Credentials } from "./credentials.ts";
import type { DesiredStates } from "./desired.ts";
import { opampMessages } from "./figures.ts";
import { connectionIdOf, connectionOf, credentialOf, organizationOf, type Line } from "./line.ts";
import { ServerProfiles } from "./profiles.ts";
import { isSessionChanged } from "./projection.ts";
import type { WireRecorder } from "./recorder.ts";
import { judgeConnect } from "./relay-judge.ts";
import {
  connectIn,
  connectReply,
  connectResult,
  nameOf,
  readConnect,
  RELAY_CAPABILITY,
  type ConnectRequest,
} from "./relay.ts";
import type { AgentSession, Sessions } from "./sessions.ts";
import { arrivalOf, StatusTeller } from "./status-news.ts";
import type { StatusWriter } from "./writer.ts";

/** Answers to a gateway that wait; the gateway itself gives up after half a minute. */
const RELAY_ANSWERS_MAX = 1_000;

/** What the dialogue hands to the link protocol (link.ts). */
export interface LinkEnd {
  onConnected(session: AgentSession): void;
  onDisconnected(session: AgentSession): void;
  onMessage(session: AgentSession, lineId: string, type: string, data: Uint8Array): void;
}

export interface DialogueOptions {
  readonly base: Base;
  readonly enrolment: Enrolment;
  readonly sessions: Sessions;
  readonly writer: StatusWriter;
  readonly recorder: WireRecorder;
  readonly components: Components;
  readonly credentials: Pick<Credentials, "ofHeader">;
  readonly desired: DesiredStates;
  readonly limits: MessageLimits;
  readonly random: () => number;
}

/** A reply, and the agent it is for where that is known. */
export interface Reply {
  readonly message: ServerToAgent;
  readonly agentId: string | null;
  readonly isMalformed: boolean;
}

/**
 * Runs the pure session machine: finds the agent's state, steps it, carries out what the step asks for, and hands the
 * changes to the writer. It knows nothing of sockets and requests.
 */
export class Dialogue {
  readonly #options: DialogueOptions;
  readonly #lines = new Map<string, Line>();
  readonly #profiles: ServerProfiles;
  readonly #status: StatusTeller;
  #link: LinkEnd | undefined;
  #draining = false;

  constructor(options: DialogueOptions) {
    this.#options = options;
    const { base, components, desired, writer } = options;
    this.#profiles = new ServerProfiles(desired.capabilities, components);
    this.#status = new StatusTeller(writer, components, base.now);
  }

  /** The link protocol needs the dialogue to send, and the dialogue the link to receive. */
  set link(link: LinkEnd) {
    this.#link = link;
  }

  /** From now on a closed socket is our doing: it says nothing about its agents, who come back elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  open(line: Line): void {
    this.#lines.set(line.id, line);
  }

  /** A socket is gone: its agents are disconnected, unless another socket speaks for them by now. */
  closed(line: Line): void {
    this.#lines.delete(line.id);
    const { sessions } = this.#options;
    for (const uid of line.connection.agents.keys()) {
      const session = sessions.find(credentialOf(line, uid), uid);
      if (session === undefined) continue;
      const { ownership, wasOwner } = release(session.ownership, line.id);
      session.ownership = ownership;
      if (wasOwner) this.#disconnected(session, line.id);
      if (ownership === null) sessions.evict(session.identity.agent_id);
    }
  }

  /**
   * Takes one message (without WebSocket header) and gives the one reply it gets; at once where nothing has to be waited
   * for. Rejects when the database is needed and away.
   */
  receive(line: Line, data: Uint8Array): Reply | Promise<Reply> {
    const received = receiveFromAgent(data, this.#options.limits);
    if (!received.ok) {
      const isOfNobody =
        received.issue.code === "bad_instance_uid" && received.issue.instanceUid?.length === 0;
      const connect = isOfNobody && line.transport === "ws" ? connectIn(data) : undefined;
      if (connect?.ok === true) return this.#connectAgent(line, connect.request);
      if (connect?.ok === false)
        return { message: badRequestReply(null, connect.problem), agentId: null, isMalformed: true };
      opampMessages.inc({ direction: "received", transport: line.transport, outcome: "malformed" });
      return { message: received.reply, agentId: null, isMalformed: true };
    }
    const { incoming } = received;
    // A second agent under a first one's uid is told its new one again, whatever it says under the old.
    const session = this.#options.sessions.find(credentialOf(line, incoming.uid), incoming.uid);
    if (session === undefined) return this.#admit(line, incoming, data.byteLength);
    noteProof(session, credentialOf(line, incoming.uid));
    session.reachedUrl = line.reachedUrl;
    noteReported(session, incoming);
    if (this.#options.desired.isOutdated(session))
      return this.#options.desired
        .load(session)
        .then(() => this.#step(line, session, incoming, data.byteLength));
    return this.#step(line, session, incoming, data.byteLength);
  }

  /** Sends what waits for an agent, as far as its line can carry it. HTTP agents get it with their next poll. */
  push(session: AgentSession): void {
    const line = this.#ownerLine(session);
    if (line === undefined || !hasSomethingFor(session)) return;
    const before = session.state;
    const { state, messages, effects } = pushToAgent(session.state, this.#context(line, session));
    session.state = state;
    this.#settle(session, effects);
    const offered = messages.find(({ remoteConfig }) => remoteConfig !== undefined);
    const attempts = attemptsOf(before, state, {}, offeredHash(offered), this.#options.base.now());
    if (attempts !== null || isSessionChanged(before, state))
      this.#status.tell(session, { before, changes: {}, connectionId: line.id, arrival: {}, attempts });
    for (const message of messages) this.#send(line, message, session.identity.agent_id);
  }

  /** As `push`, after a reply went out: what could not go before the agent's first message can now. */
  pushAfter(agentId: string): void {
    const session = this.#options.sessions.ofAgent(agentId);
    if (session !== undefined && session.outbox.length > 0) this.push(session);
  }

  /** Approval or another desire may have changed: what waited for it goes on. */
  async reconsider(session: AgentSession): Promise<void> {
    if (session.isApproved) return;
    await this.#options.sessions.refresh(session);
    if (!session.isApproved) return;
    const line = this.#ownerLine(session);
    if (line === undefined) return;
    if (this.#speaksLink(session)) this.#linkTo(session, connectionIdOf(line, session));
    await this.redesire(session);
    const request = session.pendingRequest;
    if (request === null) return;
    session.pendingRequest = null;
    const empty = create(ServerToAgentSchema, { instanceUid: uidBytes(session.state.instanceUid) });
    this.#send(line, await this.#certificate(session, request, empty), session.identity.agent_id);
  }

  /** What is wanted of an agent may have changed: reads it, and sends at once what a socket can carry. */
  async redesire(session: AgentSession): Promise<void> {
    await this.#options.desired.load(session);
    this.push(session);
  }

  /**
   * Ends what an agent had open at `revokedAt`: what was opened since has been judged since. With `proofs` only what it had
   * open by these, because what it proves itself by otherwise is good still.
   */
  cutOff(agentId: string, revokedAt: number, reason: string, proofs?: readonly string[]): void {
    const session = this.#options.sessions.ofAgent(agentId);
    for (const line of this.#lines.values()) {
      if (line.connection.openedAt > revokedAt) continue;
      const shown = session === undefined ? line.credential : credentialOf(line, session.state.instanceUid);
      if (proofs !== undefined && !proofs.includes(proofOf(shown))) continue;
      const isItsOwn = line.credential.kind === "agent" && line.credential.identity.agent_id === agentId;
      line.vouchers?.forget(agentId);
      const carriesIt =
        session !== undefined &&
        (line.credential.kind === "token" || line.vouchers !== undefined) &&
        line.connection.agents.has(session.state.instanceUid);
      // A shared socket is closed as well: the others on it come back, and each is judged anew.
      if (isItsOwn || carriesIt) line.close(1008, reason);
    }
    if (session === undefined || (proofs !== undefined && !proofs.includes(session.proof))) return;
    const owner = session.ownership?.connectionId ?? null;
    if ((session.ownership?.openedAt ?? 0) > revokedAt) return;
    if (owner !== null) this.#disconnected(session, owner);
    session.ownership = null;
    this.#options.sessions.evict(agentId);
  }

  async #admit(line: Line, incoming: Incoming, bytes: number): Promise<Reply> {
    const { sessions, components } = this.#options;
    const organizationId = organizationOf(line.credential);
    await components.open(organizationId);
    const credential =
      line.vouchers?.choose(await sessions.whoHas(organizationId, incoming.uid)) ?? line.credential;
    const { remoteAddress, requestId } = line;
    const admission = await sessions.admit({ credential, remoteAddress, requestId }, incoming.uid);
    if (!admission.ok) {
      opampMessages.inc({ direction: "received", transport: line.transport, outcome: "refused" });
      const message = badRequestReply(uidBytes(incoming.uid), admission.problem);
      return { message, agentId: null, isMalformed: true };
    }
    if (credential !== line.credential) line.vouchers?.claim(incoming.uid, credential);
    const { session } = admission;
    noteProof(session, credential);
    session.reachedUrl = line.reachedUrl;
    noteReported(session, incoming);
    // An offer belongs into the first reply: agents that poll get no other for a while.
    if (session.isApproved) await this.#options.desired.load(session);
    const reply = await this.#step(line, session, incoming, bytes);
    // Its socket may have closed while the database was asked; then it was not there yet to be disconnected.
    if (line.transport === "ws" && !this.#lines.has(line.id)) this.closed(line);
    return reply;
  }

  #step(line: Line, session: AgentSession, incoming: Incoming, bytes: number): Reply | Promise<Reply> {
    const { base, recorder } = this.#options;
    const now = base.now();
    const before = session.state;
    const result = stepServer(session.state, incoming, this.#context(line, session));
    session.state = result.state;
    session.ownership = result.ownership;
    session.heardAt = now;
    line.connection =
      line.vouchers === undefined
        ? result.connection
        : { ...result.connection, credential: nameOf(line.credential) };
    this.#options.sessions.reindex(session, before);
    this.#options.desired.afterStep(session);
    const { agent_id } = session.identity;
    recorder.received(agent_id, incoming.message, bytes, now);
    opampMessages.inc({ direction: "received", transport: line.transport, outcome: "ok" });

    const left = result.effects.some(({ kind }) => kind === "agent_disconnected");
    const owns =
      line.transport === "http" ? !isOwned(result.ownership) : result.ownership?.connectionId === line.id;
    if (owns || left)
      this.#status.tell(session, {
        before,
        changes: result.changes,
        connectionId: connectionIdOf(line, session),
        arrival: arrivalOf(line, session, left, now),
        attempts: attemptsOf(before, result.state, result.changes, offeredHash(result.reply), now),
      });
    if (left) session.writtenConnectionId = null;
    this.#settle(session, result.effects);
    const speaker = connectionIdOf(line, session);
    if (owns && session.linkedTo !== speaker && session.isApproved && this.#speaksLink(session))
      this.#linkTo(session, speaker);
    if (left) this.#unlink(session);

    let request: Uint8Array | undefined;
    for (const effect of result.effects) {
      if (effect.kind === "sign_certificate") request = effect.csr;
      else if (effect.kind === "custom_message" && effect.capability === RELAY_CAPABILITY)
        this.#onRelay(line, session, effect);
      else if (effect.kind === "custom_message" && session.isApproved)
        this.#link?.onMessage(session, speaker, effect.type, effect.data);
      else if (effect.kind === "duplicate_uid") this.#separate(line, effect);
    }
    if (request === undefined && session.pendingRequest !== null && session.isApproved) {
      request = session.pendingRequest;
      session.pendingRequest = null;
    }
    const reply = (message: ServerToAgent): Reply => ({ message, agentId: agent_id, isMalformed: false });
    return request === undefined
      ? reply(result.reply)
      : this.#certificate(session, request, result.reply).then(reply);
  }

  /** A gateway asks, in its own name, whether an agent may come in. */
  async #connectAgent(line: Line, request: ConnectRequest): Promise<Reply> {
    const isFirst = line.vouchers === undefined;
    const verdict = await judgeConnect(line, request, this.#options.credentials);
    const announced = isFirst ? this.#profiles.of(organizationOf(line.credential)) : undefined;
    return {
      message: connectReply(request.requestUid, verdict, announced),
      agentId: null,
      isMalformed: false,
    };
  }

  /** The same, of a gateway that is an agent itself and lists the capability: the answer goes the way of its messages. */
  #onRelay(line: Line, session: AgentSession, { type, data }: { type: string; data: Uint8Array }): void {
    const connect = readConnect(type, data);
    if (!connect.ok || line.transport !== "ws") return;
    const { request } = connect;
    judgeConnect(line, request, this.#options.credentials)
      .then((verdict) => {
        session.outbox = [
          ...session.outbox,
          { id: newId(), ...connectResult(request.requestUid, verdict) },
        ].slice(-RELAY_ANSWERS_MAX);
        this.push(session);
      })
      .catch((error: unknown) =>
        this.#options.base.log.warn({ err: error }, "a gateway's question was not answered"),
      );
  }

  #context(line: Line, session: AgentSession): StepContext {
    const { base, random } = this.#options;
    return {
      now: base.now(),
      random,
      connection: connectionOf(line, session.state.instanceUid),
      ownership: session.ownership,
      desired: session.isApproved
        ? {
            ...session.desired,
            customMessages: session.outbox,
            ...(session.restart === null ? {} : { restart: session.restart }),
          }
        : {},
      server: this.#profiles.of(session.identity.organization_id),
    };
  }

  /** Strikes off what was sent or refused. */
  #settle(session: AgentSession, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "custom_message_sent":
        case "custom_message_refused":
          session.outbox = session.outbox.filter(({ id }) => id !== effect.id);
          break;
        case "restart_sent":
        case "restart_refused":
          session.restart = null;
          break;
        case "offer_refused":
          this.#options.base.log.error(
            { agent_id: session.identity.agent_id, ...effect },
            "an offer was held back",
          );
          break;
        case "sign_certificate":
        case "custom_message":
        case "full_state_asked":
        case "agent_disconnected":
        case "agent_rekeyed":
        case "duplicate_uid":
          break;
      }
    }
  }

  #certificate(session: AgentSession, request: Uint8Array, reply: ServerToAgent): Promise<ServerToAgent> {
    const { base, enrolment } = this.#options;
    return answerWithCertificate(base, enrolment, session, request, reply);
  }

  #separate(line: Line, { uid, newUid, connectionId }: Extract<Effect, { kind: "duplicate_uid" }>): void {
    this.#options.base.log.warn(
      { instance_uid: uid, new_instance_uid: newUid },
      "two agents use one instance_uid; one gets a new one",
    );
    // The newcomer on this very line has the news in its reply.
    if (connectionId === line.id) return;
    const other = this.#lines.get(connectionId);
    if (other === undefined) return;
    const moved = tellToMove(other.connection, uid, newUid);
    other.connection = moved.connection;
    other.send(moved.message, "");
  }

  /** The agent is heard without a message: its socket answered a ping. */
  heard(line: Line): void {
    for (const uid of line.connection.agents.keys()) {
      const session = this.#options.sessions.find(credentialOf(line, uid), uid);
      if (session?.ownership?.connectionId === line.id) this.#status.tellWithoutMessage(session, line.id);
    }
  }

  #disconnected(session: AgentSession, connectionId: string): void {
    const at = new Date(this.#options.base.now()).toISOString();
    // A superseded connection may be written still; the goodbye is for the one that was the owner.
    if (session.writtenConnectionId === connectionId && !this.#draining)
      this.#status.tellWithoutMessage(session, connectionId, { disconnected_at: at });
    session.writtenConnectionId = null;
    this.#unlink(session);
  }

  #linkTo(session: AgentSession, connectionId: string): void {
    session.linkedTo = connectionId;
    this.#link?.onConnected(session);
  }

  #unlink(session: AgentSession): void {
    session.linkedTo = null;
    this.#link?.onDisconnected(session);
  }

  #speaksLink(session: AgentSession): boolean {
    return session.state.customCapabilities.includes(LINK_CAPABILITY);
  }

  #ownerLine(session: AgentSession): Line | undefined {
    const owner = session.ownership?.connectionId ?? null;
    return owner === null ? undefined : this.#lines.get(owner);
  }

  #send(line: Line, message: ServerToAgent, agentId: string): void {
    line.send(message, agentId);
  }
}

type Incoming = Parameters<typeof stepServer>[1];

function offeredHash(message: ServerToAgent | undefined): string | null {
  return message?.remoteConfig === undefined ? null : toHex(message.remoteConfig.configHash);
}

/** By what it spoke last. Another credential is another arrival, also where the session is the same. */
function noteProof(session: AgentSession, shown: Credential): void {
  const proof = proofOf(shown);
  if (session.proof === proof) return;
  session.proof = proof;
  const credential = shown.kind === "token" ? "token" : shown.identity.credential;
  if (session.identity.credential === credential) return;
  session.identity = { ...session.identity, credential };
  session.writtenConnectionId = null;
}

function noteReported(session: AgentSession, { message }: Incoming): void {
  if (message.remoteConfigStatus !== undefined)
    session.reportedConfigHash =
      configInterruptedIn(message) === null ? toHex(message.remoteConfigStatus.lastRemoteConfigHash) : "";
  if (message.packageStatuses !== undefined)
    session.reportedPackagesHash = toHex(message.packageStatuses.serverProvidedAllPackagesHash);
}

function hasSomethingFor({ outbox, restart, desired }: AgentSession): boolean {
  return (
    outbox.length > 0 ||
    restart !== null ||
    desired.remoteConfig !== undefined ||
    desired.connectionSettings !== undefined ||
    desired.packages !== undefined
  );
}
