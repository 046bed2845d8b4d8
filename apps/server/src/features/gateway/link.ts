import { sql } from "kysely";
import { z } from "zod";
import {
  decodeUp,
  deliveryWakeAt,
  emptyDelivery,
  encodeLink,
  INTENT_WINDOW,
  INTENTS_PER_MESSAGE_MAX,
  LINK_CAPABILITY,
  MESSAGE_BYTES_MAX,
  packBySize,
  stepDelivery,
  takeEvents,
  TENURE_CAPABILITY,
  WATCH_TTL_MS_MAX,
  type DeliveryInput,
  type DownMessage,
  type Intent,
  type LinkEvent,
  type UpMessage,
} from "@flowplane/link";
import { inTransaction, newId, type Base, type Ctx, type Tx } from "../../platform/context.ts";
import { agentActor, type AgentIdentity } from "./agent-http.ts";
import type { LinkEnd } from "./dialogue.ts";
import { eventsStored, intentsDelivered } from "./figures.ts";
import { Inbox, type Arrived } from "./inbox.ts";
import { claimIntents } from "./intents.ts";
import type { AgentSession } from "./sessions.ts";
import { greetSpool, keepToken, lockSpool, noteStored, type EventSource } from "./spools.ts";

/** Stores an agent's events, in the transaction that also moves its high-water mark: each event takes effect once. */
export type ApplyEvents = (
  ctx: Tx,
  identity: AgentIdentity,
  events: readonly LinkEvent[],
  source: EventSource,
) => Promise<void>;

/** Messages that wait to be sent to one agent; an intent beyond that is sent again later, a lease is renewed. */
const OUTBOX_MAX = 1_000;

/** What `subjects.agentWatch` carries. `ttl_ms` of 0 ends the lease. */
const Watch = z.object({
  run_id: z.string(),
  from_seq: z.number().int().min(1).default(1),
  ttl_ms: z.number().int(),
});

export interface LinkOptions {
  readonly base: Base;
  readonly applyEvents: ApplyEvents;
  /** Sends what is in a session's outbox. */
  readonly push: (session: AgentSession) => void;
  readonly random: () => number;
}

/**
 * The control plane's end of our own protocol inside OpAMP: intents go down until the agent has stored them, events come
 * up and are stored once. Both ends' rules are the pure machines of packages/link.
 */
export class Link implements LinkEnd {
  readonly #options: LinkOptions;
  /** Sessions with intents under way, whose resend time has to be watched. */
  readonly #delivering = new Set<AgentSession>();
  readonly #stop = new AbortController();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Another connection speaks for the agent: nothing that was under way to the former one is for this one. */
  onConnected(session: AgentSession): void {
    this.#letGo(session);
    if (session.state.customCapabilities.includes(TENURE_CAPABILITY))
      this.#send(session, { type: "greet", body: {} });
    else this.#open(session);
  }

  onDisconnected(session: AgentSession): void {
    this.#letGo(session);
  }

  #letGo(session: AgentSession): void {
    session.spool = null;
    session.delivery = emptyDelivery;
    session.outbox = [];
    this.#delivering.delete(session);
  }

  #open(session: AgentSession): void {
    this.#deliver(session, { kind: "connected" });
    this.loadIntents(session);
  }

  onMessage(session: AgentSession, lineId: string, type: string, data: Uint8Array): void {
    session.inbox ??= new Inbox({
      store: (message) => this.#store(session, message),
      onFailure: (error, failures) =>
        this.#options.base.log.error(
          { err: error, agent_id: session.identity.agent_id, failures },
          "storing what an agent sent failed",
        ),
      random: this.#options.random,
      signal: this.#stop.signal,
    });
    session.inbox.put({ lineId, type, data });
  }

  /** Nothing that could not be stored is tried again. */
  close(): void {
    this.#stop.abort();
  }

  /** Sends intents whose acknowledgement is overdue again. */
  tick(now: number): void {
    for (const session of this.#delivering) {
      if (deliveryWakeAt(session.delivery) <= now) this.#deliver(session, { kind: "tick" });
    }
  }

  /** Forwards a lease on a run's live log. What does not fit the message's form is ignored. */
  watch(session: AgentSession, data: unknown): void {
    const watch = Watch.safeParse(data);
    if (!watch.success) return;
    const { run_id, from_seq, ttl_ms } = watch.data;
    this.#send(
      session,
      ttl_ms <= 0
        ? { type: "unwatch", body: { run_id } }
        : { type: "watch", body: { run_id, from_seq, ttl_ms: Math.min(ttl_ms, WATCH_TTL_MS_MAX) } },
    );
  }

  /** Looks for outstanding intents now; asked while it looks, it looks once more. */
  loadIntents(session: AgentSession): void {
    if (!session.delivery.connected) return;
    if (session.isLoadingIntents) {
      session.mustLoadIntents = true;
      return;
    }
    session.isLoadingIntents = true;
    void this.#loadIntents(session);
  }

  async #loadIntents(session: AgentSession): Promise<void> {
    try {
      do {
        session.mustLoadIntents = false;
        const { spool } = session;
        const intents = await claimIntents(
          this.#options.base,
          session.identity.agent_id,
          spool,
          INTENT_WINDOW,
        );
        // Claimed for a connection that is not the agent's any more: whoever has that spool gets them when it is back.
        if (session.spool !== spool || !session.delivery.connected) continue;
        this.#forgetWithdrawn(session, intents);
        if (intents.length > 0) this.#deliver(session, { kind: "created", intents });
      } while (session.mustLoadIntents);
    } catch (error) {
      this.#options.base.log.warn(
        { err: error, agent_id: session.identity.agent_id },
        "reading intents failed; they go out at the next nudge or reconnect",
      );
    } finally {
      session.isLoadingIntents = false;
    }
  }

  /** What is under way and has no row any more was withdrawn, or confirmed to another process. */
  #forgetWithdrawn(session: AgentSession, intents: readonly Intent[]): void {
    if (intents.length >= INTENT_WINDOW) return;
    const there = new Set(intents.map(({ id }) => id));
    const ids = [...session.delivery.outstanding.keys()].filter((id) => !there.has(id));
    if (ids.length > 0) this.#deliver(session, { kind: "acked", ids });
  }

  #deliver(session: AgentSession, input: DeliveryInput): void {
    const { state, effects } = stepDelivery(session.delivery, input, this.#options.base.now());
    session.delivery = state;
    if (state.outstanding.size > 0) this.#delivering.add(session);
    else this.#delivering.delete(session);
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          for (const intents of packBySize(
            effect.intents,
            intentBytes,
            MESSAGE_BYTES_MAX - 1_024,
            INTENTS_PER_MESSAGE_MAX,
          ))
            this.#send(session, { type: "intents", body: { intents } });
          break;
        case "delivered":
          // The rows were marked before the machine was told.
          break;
      }
    }
  }

  #send(session: AgentSession, message: DownMessage): void {
    if (session.outbox.length >= OUTBOX_MAX) return;
    const { type, data } = encodeLink(message);
    session.outbox.push({ id: newId(), capability: LINK_CAPABILITY, type, data });
    this.#options.push(session);
  }

  async #store(session: AgentSession, { lineId, ...arrived }: Arrived): Promise<void> {
    const decoded = decodeUp(arrived);
    if (!decoded.ok) {
      this.#options.base.log.warn(
        { agent_id: session.identity.agent_id, issue: decoded.issue },
        "a link message cannot be read",
      );
      return undefined;
    }
    const message = decoded.value;
    if (message.type === "intents_ack") return this.#acknowledged(session, message.body.ids);
    // An answer goes to whoever speaks for the agent now: to a question of another it would be wrong.
    if (lineId !== session.linkedTo) return undefined;
    switch (message.type) {
      case "hello":
        return this.#greet(session, lineId, message.body);
      case "token_stored":
        return this.#keep(session, lineId, message.body.spool_id, message.body.token);
      case "events":
        return this.#storeEvents(session, lineId, message.body.spool_id, message.body.events);
    }
  }

  async #greet(session: AgentSession, lineId: string, hello: HelloBody): Promise<void> {
    const { spool_id, boot_id, tokens, from } = hello;
    session.spool = null;
    const offer = await greetSpool(this.#ctx(session, spool_id), session.identity.agent_id, {
      spoolId: spool_id,
      bootId: boot_id,
      tokens,
      from: from && { spoolId: from.spool_id, isCopy: from.is_copy, inheritedUpTo: from.inherited_up_to },
    });
    if (offer === null)
      this.#options.base.log.warn(
        { agent_id: session.identity.agent_id, spool_id },
        "an agent came with the copy of a spool; it is told to go on under one of its own",
      );
    this.#reply(
      session,
      lineId,
      offer === null
        ? { type: "spool_copied", body: { spool_id } }
        : { type: "token", body: { spool_id, ...offer } },
    );
  }

  async #keep(session: AgentSession, lineId: string, spoolId: string, token: string): Promise<void> {
    const held = await keepToken(this.#ctx(session, spoolId), session.identity.agent_id, spoolId, token);
    // Not the last token: the agent says hello again when it hears nothing.
    if (held === undefined || lineId !== session.linkedTo) return;
    session.spool = held;
    this.#send(session, { type: "token_kept", body: { spool_id: spoolId } });
    this.#open(session);
  }

  async #acknowledged(session: AgentSession, ids: readonly string[]): Promise<void> {
    const { base } = this.#options;
    const { numAffectedRows } = await sql`
      update intents set acknowledged_at = ${new Date(base.now())}
      where agent_id = ${session.identity.agent_id} and id::text = any(${ids}::text[]) and acknowledged_at is null`.execute(
      base.storage.system,
    );
    intentsDelivered.inc(Number(numAffectedRows ?? 0));
    this.#deliver(session, { kind: "acked", ids });
    // There may be more than one window of them.
    if (session.delivery.outstanding.size === 0) this.loadIntents(session);
  }

  async #storeEvents(
    session: AgentSession,
    lineId: string,
    spoolId: string,
    events: readonly LinkEvent[],
  ): Promise<void> {
    const { identity } = session;
    const isHeld = session.spool?.spoolId === spoolId;
    if (session.state.customCapabilities.includes(TENURE_CAPABILITY) && !isHeld) return;
    const { ackUpTo, applied } = await inTransaction(this.#ctx(session, spoolId), async (ctx) => {
      const { eventsUpTo, source } = await lockSpool(ctx, identity.agent_id, spoolId);
      const { apply, ackUpTo } = takeEvents(eventsUpTo, events);
      const last = apply.at(-1);
      if (last !== undefined) {
        await this.#options.applyEvents(ctx, identity, apply, source);
        await noteStored(ctx, identity.agent_id, spoolId, last);
      }
      return { ackUpTo, applied: apply.length };
    });
    eventsStored.inc(applied);
    this.#reply(session, lineId, { type: "events_ack", body: { spool_id: spoolId, up_to: ackUpTo } });
  }

  /** To the connection that asked, as long as it speaks for the agent. */
  #reply(session: AgentSession, lineId: string, message: DownMessage): void {
    if (lineId === session.linkedTo) this.#send(session, message);
  }

  #ctx({ identity }: AgentSession, spoolId: string): Ctx {
    return {
      ...this.#options.base,
      actor: agentActor(identity),
      requestId: `spool-${spoolId}`,
      remoteAddress: null,
    };
  }
}

type HelloBody = Extract<UpMessage, { type: "hello" }>["body"];

function intentBytes(intent: Intent): number {
  return Buffer.byteLength(JSON.stringify(intent)) + 1;
}
