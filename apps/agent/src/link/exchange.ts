// The shell around the link machines on the agent's side: intents into the spool, events out of it.

import { createHash, randomUUID } from "node:crypto";
import {
  awayGreeting,
  decodeDown,
  encodeLink,
  EVENTS_PER_MESSAGE_MAX,
  greetingWakeAt,
  isOwnHistory,
  LINK_CAPABILITY,
  MESSAGE_BYTES_MAX,
  openOutbox,
  outboxWakeAt,
  packBySize,
  PRINT_CHARS,
  printText,
  stepGreeting,
  stepOutbox,
  takeIntents,
} from "@flowplane/link";
import type {
  DownMessage,
  GreetingInput,
  GreetingState,
  LinkEvent,
  OutboxInput,
  OutboxState,
  UpMessage,
} from "@flowplane/link";
import type { CustomMessageIn } from "@flowplane/opamp";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { forgetEvents, readEvents, readOutbox, renewSpool } from "../spool/events.ts";
import { isKnownIntent, storeIntents } from "../spool/intents.ts";
import { readHello, storeToken } from "../spool/tenure.ts";
import { readBootId } from "../supervisor/proc.ts";

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
  #greeting: GreetingState = awayGreeting;
  #isGreeted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#outbox = reopen(options.db);
  }

  /** The control plane understands us on a new connection. `isGreeted`: it has to be told first which spool this is. */
  connected(isGreeted: boolean): void {
    this.#isGreeted = isGreeted;
    if (isGreeted) this.#greet({ kind: "connected" });
    else this.#step({ kind: "connected" });
  }

  disconnected(): void {
    this.#greet({ kind: "disconnected" });
    this.#step({ kind: "disconnected" });
  }

  /** The control plane found that another agent has what this one came by. */
  copied(): void {
    if (this.#isGreeted) this.#greet({ kind: "copy" });
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
      case "greet":
        return this.#greet({ kind: "greet" });
      case "token":
      case "token_kept":
      case "spool_copied":
        // An answer to a hello of before the spool was renamed.
        if (message.body.spool_id !== this.#outbox.spoolId) return undefined;
        if (message.type === "token") {
          const { token, up_to: upTo, print } = message.body;
          return this.#greet({ kind: "offered", token, isOurs: this.#isOurs(upTo, print) });
        }
        return this.#greet({ kind: message.type === "token_kept" ? "kept" : "copy" });
    }
  }

  #isOurs(upTo: number, print: string | null): boolean {
    const isSame = () => {
      const [event] = readEvents(this.#options.db, upTo, upTo);
      return event !== undefined && (print === null || printOf(event) === print);
    };
    return isOwnHistory(this.#outbox, upTo, isSame);
  }

  #greet(input: GreetingInput): void {
    const { db, steady, log } = this.#options;
    const { state, effects } = stepGreeting(this.#greeting, input, steady());
    this.#greeting = state;
    for (const effect of effects) {
      switch (effect.kind) {
        case "say_hello":
          this.#send({ type: "hello", body: readHello(db, readBootId()) });
          break;
        case "take":
          storeToken(db, effect.token);
          this.#send({
            type: "token_stored",
            body: { spool_id: this.#outbox.spoolId, token: effect.token },
          });
          break;
        case "hold":
          this.#step({ kind: "connected" });
          break;
        case "let_go":
          this.#step({ kind: "disconnected" });
          break;
        case "become_copy":
          log.warn(
            "another host has this agent's identity and spool; this one goes on under a spool of its own. Enrol it anew: `flowplane agent enroll --again`",
          );
          renewSpool(db, true);
          this.#outbox = reopen(db);
          break;
      }
    }
    this.#sleep();
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
          if (this.#isGreeted) this.#greet({ kind: "greet" });
          else this.#step({ kind: "connected" });
          break;
      }
    }
    this.#sleep();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const wakeAt = Math.min(outboxWakeAt(this.#outbox), greetingWakeAt(this.#greeting));
    if (wakeAt === Infinity) return;
    const wake = () => {
      this.#greet({ kind: "tick" });
      this.#step({ kind: "tick" });
    };
    this.#timer = setTimeout(wake, Math.max(0, wakeAt - this.#options.steady()));
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

/** As the control plane makes it. */
function printOf(event: LinkEvent): string {
  return createHash("sha256").update(printText(event)).digest("base64url").slice(0, PRINT_CHARS);
}

function reopen(db: SpoolDatabase): OutboxState {
  const { spool_id: spoolId, acked_up_to: ackedUpTo, last_seq: lastSeq } = readOutbox(db);
  return openOutbox(spoolId, ackedUpTo, lastSeq);
}
