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
  WATCH_TTL_MS_MAX,
  type DeliveryInput,
  type DownMessage,
  type Intent,
  type LinkEvent,
} from "@flowplane/link";
import { inTransaction, newId, type Base, type Ctx, type Tx } from "../../platform/context.ts";
import { agentActor, type AgentIdentity } from "./agent-http.ts";
import type { LinkEnd } from "./dialogue.ts";
import { eventsStored, intentsDelivered } from "./figures.ts";
import { Inbox, type Arrived } from "./inbox.ts";
import { INTENT_SECRET } from "./intents.ts";
import type { AgentSession } from "./sessions.ts";

/** Stores an agent's events, in the transaction that also moves its high-water mark: each event takes effect once. */
export type ApplyEvents = (ctx: Tx, identity: AgentIdentity, events: readonly LinkEvent[]) => Promise<void>;

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

  onConnected(session: AgentSession): void {
    this.#deliver(session, { kind: "connected" });
    this.loadIntents(session);
  }

  onDisconnected(session: AgentSession): void {
    session.delivery = emptyDelivery;
    session.outbox = [];
    this.#delivering.delete(session);
  }

  onMessage(session: AgentSession, type: string, data: Uint8Array): void {
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
    session.inbox.put({ type, data });
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
        const intents = await this.#outstanding(session.identity.agent_id);
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

  async #outstanding(agentId: string): Promise<Intent[]> {
    const { base } = this.#options;
    const { rows } = await sql<{ id: string; type: string; payload_sealed: Buffer; created_at: Date }>`
      select id, type, payload_sealed, created_at from intents
      where agent_id = ${agentId} and acknowledged_at is null order by id limit ${INTENT_WINDOW}`.execute(
      base.storage.system,
    );
    return rows.map((row) => ({
      id: row.id,
      type: row.type,
      payload: JSON.parse(base.secrets.open(INTENT_SECRET, row.payload_sealed).toString("utf8")) as Record<
        string,
        unknown
      >, // written by addIntent
      created_at: row.created_at.toISOString(),
    }));
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

  async #store(session: AgentSession, arrived: Arrived): Promise<void> {
    const decoded = decodeUp(arrived);
    if (!decoded.ok) {
      this.#options.base.log.warn(
        { agent_id: session.identity.agent_id, issue: decoded.issue },
        "a link message cannot be read",
      );
      return;
    }
    const message = decoded.value;
    if (message.type === "events")
      await this.#storeEvents(session, message.body.spool_id, message.body.events);
    else await this.#acknowledged(session, message.body.ids);
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

  async #storeEvents(session: AgentSession, spoolId: string, events: readonly LinkEvent[]): Promise<void> {
    const { base, applyEvents } = this.#options;
    const { identity } = session;
    const ctx: Ctx = {
      ...base,
      actor: agentActor(identity),
      requestId: `spool-${spoolId}`,
      remoteAddress: null,
    };
    const { ackUpTo, applied } = await inTransaction(ctx, async (ctx) => {
      const storedUpTo = await lockSpool(ctx, identity.agent_id, spoolId);
      const { apply, ackUpTo } = takeEvents(storedUpTo, events);
      if (apply.length > 0) {
        await applyEvents(ctx, identity, apply);
        await ctx.db
          .updateTable("agent_spools")
          .set({ spool_id: spoolId, events_up_to: ackUpTo })
          .where("agent_id", "=", identity.agent_id)
          .execute();
      }
      return { ackUpTo, applied: apply.length };
    });
    eventsStored.inc(applied);
    this.#send(session, { type: "events_ack", body: { spool_id: spoolId, up_to: ackUpTo } });
  }
}

/** How far this spool is stored. The row stays locked until the commit: events of one agent are stored one message at a time. */
async function lockSpool(ctx: Tx, agentId: string, spoolId: string): Promise<number> {
  await ctx.db
    .insertInto("agent_spools")
    .values({
      agent_id: agentId,
      organization_id: ctx.actor.organization_id,
      spool_id: spoolId,
      events_up_to: 0,
    })
    .onConflict((conflict) => conflict.column("agent_id").doNothing())
    .execute();
  const row = await ctx.db
    .selectFrom("agent_spools")
    .select(["spool_id", "events_up_to"])
    .where("agent_id", "=", agentId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.spool_id === spoolId ? row.events_up_to : 0;
}

function intentBytes(intent: Intent): number {
  return Buffer.byteLength(JSON.stringify(intent)) + 1;
}
