// The shell around the link machines on the agent's side: intents into the spool, events out of it.

import { randomUUID } from "node:crypto";
import {
  decodeDown,
  encodeLink,
  EVENTS_PER_MESSAGE_MAX,
  LINK_CAPABILITY,
  MESSAGE_BYTES_MAX,
  openOutbox,
  outboxWakeAt,
  packBySize,
  stepOutbox,
  takeIntents,
} from "@flowplane/link";
import type { DownMessage, OutboxInput, OutboxState, UpMessage } from "@flowplane/link";
import type { CustomMessageIn } from "@flowplane/opamp";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { forgetEvents, readEvents, readOutbox, renewSpool } from "../spool/events.ts";
import { isKnownIntent, storeIntents } from "../spool/intents.ts";

/** Room left in a message for what is around the events. */
const ENVELOPE_BYTES = 1024;

export type ExchangeOptions = {
  db: SpoolDatabase;
  clock: Clock;
  /** For when something is to be sent again. */
  steady: Clock;
  log: Logger;
  /** Hands a message to the session, which queues it within its own limits. */
  send: (message: CustomMessageIn) => void;
  /** Intents were stored and wait to be carried out. */
  onIntents: () => void;
  /** The control plane has stored more of our events. */
  onAcked: () => void;
  onWatch: (runId: string, fromSeq: number, ttlMs: number) => void;
  onUnwatch: (runId: string) => void;
};

export class Exchange {
  readonly #options: ExchangeOptions;
  #outbox: OutboxState;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#outbox = reopen(options.db);
  }

  /** The control plane understands us on a new connection. */
  connected(): void {
    this.#step({ kind: "connected" });
  }

  disconnected(): void {
    this.#step({ kind: "disconnected" });
  }

  /** Events were added to the spool, and the transaction that did so is committed. */
  stored(): void {
    if (this.#options.db.isInTransaction) throw new Error("an event is sent only after it is stored");
    this.#step({ kind: "stored", upTo: readOutbox(this.#options.db).last_seq });
  }

  /** A message of ours arrived; what cannot be understood is logged and left. */
  received(type: string, data: Uint8Array): void {
    const decoded = decodeDown({ type, data });
    if (decoded.ok) this.#take(decoded.value);
    else this.#options.log.warn({ issue: decoded.issue }, "link message not understood");
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #take(message: DownMessage): void {
    const { db, clock, onIntents, onWatch, onUnwatch } = this.#options;
    switch (message.type) {
      case "intents": {
        const { store, ack } = takeIntents(message.body.intents, (id) => isKnownIntent(db, id));
        // Throws when the disk is full: then nothing is acknowledged, and the control plane tries again.
        if (store.length > 0) storeIntents(db, store, clock());
        this.#send({ type: "intents_ack", body: { ids: ack } });
        if (store.length > 0) onIntents();
        return;
      }
      case "events_ack":
        return this.#step({ kind: "acked", spoolId: message.body.spool_id, upTo: message.body.up_to });
      case "watch":
        return onWatch(message.body.run_id, message.body.from_seq, message.body.ttl_ms);
      case "unwatch":
        return onUnwatch(message.body.run_id);
    }
  }

  #step(input: OutboxInput): void {
    const { db, steady, log } = this.#options;
    const { state, effects } = stepOutbox(this.#outbox, input, steady());
    this.#outbox = state;
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          this.#sendEvents(effect.from, effect.to);
          break;
        case "forget":
          forgetEvents(db, effect.upTo);
          this.#options.onAcked();
          break;
        case "renew_spool":
          log.warn("the control plane knows more of this spool than is in it; the spool gets a new name");
          renewSpool(db);
          this.#outbox = reopen(db);
          this.#step({ kind: "connected" });
          break;
      }
    }
    clearTimeout(this.#timer);
    const wakeAt = outboxWakeAt(this.#outbox);
    if (wakeAt !== Infinity)
      this.#timer = setTimeout(() => this.#step({ kind: "tick" }), Math.max(0, wakeAt - steady()));
  }

  #sendEvents(from: number, to: number): void {
    const sized = readEvents(this.#options.db, from, to).map((event) => ({
      event,
      bytes: Buffer.byteLength(JSON.stringify(event)) + 1,
    }));
    for (const pack of packBySize(
      sized,
      ({ bytes }) => bytes,
      MESSAGE_BYTES_MAX - ENVELOPE_BYTES,
      EVENTS_PER_MESSAGE_MAX,
    )) {
      this.#send({
        type: "events",
        body: { spool_id: this.#outbox.spoolId, events: pack.map(({ event }) => event) },
      });
    }
  }

  #send(message: UpMessage): void {
    this.#options.send({ id: randomUUID(), capability: LINK_CAPABILITY, ...encodeLink(message) });
  }
}

function reopen(db: SpoolDatabase): OutboxState {
  const { spool_id: spoolId, acked_up_to: ackedUpTo, last_seq: lastSeq } = readOutbox(db);
  return openOutbox(spoolId, ackedUpTo, lastSeq);
}
