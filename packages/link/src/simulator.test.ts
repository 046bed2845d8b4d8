// Both ends and a bad network under one seed. The machines are joined the way the real shells join them: durable things
// survive a crash, machines and sockets do not, and a crash may fall between any two durable writes.

import { expect, test } from "vitest";
import { emptyDelivery, deliveryWakeAt, stepDelivery } from "./delivery.ts";
import type { DeliveryInput, DeliveryState } from "./delivery.ts";
import { takeIntents } from "./inbox.ts";
import { takeEvents } from "./intake.ts";
import type { DownMessage, Intent, LinkEvent, UpMessage } from "./messages.ts";
import { openOutbox, outboxWakeAt, stepOutbox } from "./outbox.ts";
import type { OutboxInput, OutboxState } from "./outbox.ts";

const SEEDS = 150;
const INTENTS = 40;
const STEPS = 600;
/** Steps without faults after which everything must have arrived. */
const CALM_STEPS = 4000;
const at = "2026-01-01T00:00:00.000Z";

class Simulation {
  now = 0;
  readonly random: () => number;
  chaos = true;
  #connection = 0;
  #packets: { connection: number; dueAt: number; toAgent: boolean; message: DownMessage | UpMessage }[] = [];

  // Durable: rows at either end.
  readonly intentRows: { intent: Intent; delivered: boolean }[] = [];
  readonly eventRows: { spoolId: string; seq: number; mark: string }[] = [];
  readonly marks = new Map<string, number>();
  readonly agent = {
    known: new Set<string>(),
    todo: [] as Intent[],
    applied: [] as string[],
    spool: { id: "spool-0", ackedUpTo: 0, events: [] as LinkEvent[], lastSeq: 0 },
    written: [] as string[],
  };

  // Volatile: gone with a crash.
  #delivery: DeliveryState = emptyDelivery;
  #outbox: OutboxState = openOutbox("spool-0", 0, 0);

  constructor(seed: number) {
    this.random = mulberry32(seed);
  }

  step(): void {
    this.now += Math.floor(this.random() * 400);
    const action = this.random();
    if (this.chaos && action < 0.03) this.#crashServer();
    else if (this.chaos && action < 0.06) this.#crashAgent();
    else if (this.chaos && action < 0.1) this.#disconnect();
    else if (action < 0.25) this.#createIntent();
    else if (action < 0.45) this.#applyIntent();
    else if (this.#connection % 2 === 0) this.#connect();
    this.#deliverPackets();
    if (this.now >= deliveryWakeAt(this.#delivery)) this.#server({ kind: "tick" });
    if (this.now >= outboxWakeAt(this.#outbox)) this.#agentOutbox({ kind: "tick" });
    this.#checkSafety();
  }

  isDone(): boolean {
    return (
      this.intentRows.length === INTENTS &&
      this.intentRows.every((row) => row.delivered) &&
      this.agent.applied.length === INTENTS &&
      this.agent.spool.events.length === 0
    );
  }

  checkLiveness(): void {
    expect(this.agent.applied.toSorted()).toEqual(this.intentRows.map((row) => row.intent.id).toSorted());
    expect(this.eventRows.map((row) => row.mark)).toEqual(this.agent.written);
  }

  /** Holds after every step, not only at the end. Plain comparisons: this runs some hundred thousand times. */
  #checkSafety(): void {
    const { applied, known, spool, written } = this.agent;
    hold(new Set(applied).size === applied.length, "an intent is applied once at most");
    const last = this.eventRows.length - 1;
    hold(
      last < written.length && this.eventRows[last]?.mark === written[last],
      "events are stored once and in order",
    );
    hold(
      this.intentRows.every((row) => !row.delivered || known.has(row.intent.id)),
      "no intent is acknowledged before it is stored",
    );
    hold(spool.ackedUpTo <= (this.marks.get(spool.id) ?? 0), "no event is acknowledged before it is stored");
  }

  #createIntent(): void {
    if (this.intentRows.length === INTENTS) return;
    const intent = { id: `i${this.intentRows.length}`, type: "run.start", payload: {}, created_at: at };
    this.intentRows.push({ intent, delivered: false });
    // The row is committed; the nudge to the gateway may be lost, and the next connection makes up for it.
    if (!this.chaos || this.random() < 0.7) this.#server({ kind: "created", intents: [intent] });
  }

  #applyIntent(): void {
    const intent = this.agent.todo.shift();
    if (!intent) return;
    // One transaction: the intent is done and its events are written.
    this.agent.applied.push(intent.id);
    for (const type of ["run.starting", "run.ended"]) {
      const seq = (this.agent.spool.lastSeq += 1);
      const mark = `${intent.id} ${type}`;
      this.agent.spool.events.push({ seq, type, at, payload: { mark } });
      this.agent.written.push(mark);
    }
    if (this.chaos && this.random() < 0.05) this.#crashAgent();
    else this.#agentOutbox({ kind: "stored", upTo: this.agent.spool.lastSeq });
  }

  #connect(): void {
    this.#connection += 1;
    this.#server({
      kind: "created",
      intents: this.intentRows.filter((row) => !row.delivered).map((row) => row.intent),
    });
    this.#server({ kind: "connected" });
    this.#agentOutbox({ kind: "connected" });
  }

  #disconnect(): void {
    if (this.#connection % 2 === 0) return;
    this.#connection += 1;
    this.#packets = [];
    this.#server({ kind: "disconnected" });
    this.#agentOutbox({ kind: "disconnected" });
  }

  #crashServer(): void {
    this.#disconnect();
    this.#delivery = emptyDelivery;
  }

  #crashAgent(): void {
    this.#disconnect();
    const { id, ackedUpTo, lastSeq } = this.agent.spool;
    this.#outbox = openOutbox(id, ackedUpTo, lastSeq);
  }

  #server(input: DeliveryInput): void {
    const { state, effects } = stepDelivery(this.#delivery, input, this.now);
    this.#delivery = state;
    for (const effect of effects) {
      if (effect.kind === "send") this.#send(true, { type: "intents", body: { intents: effect.intents } });
      else for (const row of this.intentRows) if (effect.ids.includes(row.intent.id)) row.delivered = true;
    }
  }

  #agentOutbox(input: OutboxInput): void {
    const { state, effects } = stepOutbox(this.#outbox, input, this.now);
    this.#outbox = state;
    const { spool } = this.agent;
    for (const effect of effects) {
      switch (effect.kind) {
        case "send": {
          const events = spool.events.filter((event) => event.seq >= effect.from && event.seq <= effect.to);
          hold(events.length === effect.to - effect.from + 1, "only what is in the spool is sent");
          this.#send(false, { type: "events", body: { spool_id: spool.id, events } });
          break;
        }
        case "forget":
          spool.ackedUpTo = effect.upTo;
          spool.events = spool.events.filter((event) => event.seq > effect.upTo);
          break;
        case "renew_spool":
          throw new Error("nothing in this simulation loses a spool");
      }
    }
  }

  #send(toAgent: boolean, message: DownMessage | UpMessage): void {
    const copies = !this.chaos || this.random() < 0.6 ? 1 : Math.floor(this.random() * 3);
    for (let i = 0; i < copies; i += 1) {
      const dueAt = this.now + Math.floor(this.random() * (this.chaos ? 3000 : 50));
      this.#packets.push({ connection: this.#connection, dueAt, toAgent, message });
    }
  }

  #deliverPackets(): void {
    const due = this.#packets
      .filter((packet) => packet.dueAt <= this.now)
      .toSorted((a, b) => a.dueAt - b.dueAt);
    this.#packets = this.#packets.filter((packet) => packet.dueAt > this.now);
    for (const packet of due) {
      if (packet.connection === this.#connection) this.#receive(packet.message);
    }
  }

  #receive(message: DownMessage | UpMessage): void {
    switch (message.type) {
      case "intents": {
        const taken = takeIntents(message.body.intents, (id) => this.agent.known.has(id));
        for (const intent of taken.store) {
          this.agent.known.add(intent.id);
          this.agent.todo.push(intent);
        }
        if (this.chaos && this.random() < 0.05) return this.#crashAgent();
        return this.#send(false, { type: "intents_ack", body: { ids: taken.ack } });
      }
      case "intents_ack":
        return this.#server({ kind: "acked", ids: message.body.ids });
      case "events": {
        const { spool_id: spoolId, events } = message.body;
        const { apply, ackUpTo } = takeEvents(this.marks.get(spoolId) ?? 0, events);
        for (const event of apply)
          this.eventRows.push({ spoolId, seq: event.seq, mark: String(event.payload["mark"]) });
        this.marks.set(spoolId, ackUpTo);
        if (this.chaos && this.random() < 0.05) return this.#crashServer();
        return this.#send(true, { type: "events_ack", body: { spool_id: spoolId, up_to: ackUpTo } });
      }
      case "events_ack":
        return this.#agentOutbox({ kind: "acked", spoolId: message.body.spool_id, upTo: message.body.up_to });
      case "watch":
      case "unwatch":
      case "greet":
      case "token":
      case "token_kept":
      case "spool_copied":
      case "hello":
      case "token_stored":
        return undefined;
    }
  }
}

test(`both ends agree after drops, delays, duplicates, reordering and crashes (${SEEDS} seeds)`, () => {
  const base = Number(process.env["LINK_SEED"] ?? 1);
  for (let seed = base; seed < base + SEEDS; seed += 1) {
    try {
      const simulation = new Simulation(seed);
      for (let i = 0; i < STEPS; i += 1) simulation.step();
      simulation.chaos = false;
      let steps = 0;
      while (!simulation.isDone()) {
        simulation.step();
        hold((steps += 1) < CALM_STEPS, "everything arrives once the faults stop");
      }
      simulation.checkLiveness();
    } catch (cause) {
      throw new Error(
        `seed ${seed} (repeat with LINK_SEED=${seed}): ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }
});

function hold(condition: boolean, invariant: string): void {
  if (!condition) throw new Error(`broken: ${invariant}`);
}

/** A small seeded generator: the same seed, the same run. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
