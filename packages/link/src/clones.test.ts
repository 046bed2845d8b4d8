// One agent whose host is cloned while it works, under one seed: the states are copied, both go on, and both want to be the
// agent. No order may be carried out twice, and what each host tells must be stored once.
//
// A clone finds by what its host is like that it is one, and leaves to the original what it was to do; or it does not, which
// is modelled for a moment in which nothing is left to do: two hosts that differ in nothing cannot know which of them is meant.

import { expect, test } from "vitest";
import { deliveryWakeAt, emptyDelivery, stepDelivery } from "./delivery.ts";
import type { DeliveryInput } from "./delivery.ts";
import { awayGreeting, greetingWakeAt, stepGreeting } from "./greeting.ts";
import type { GreetingInput } from "./greeting.ts";
import { takeIntents } from "./inbox.ts";
import { takeEvents } from "./intake.ts";
import type { DownMessage, Intent, LinkEvent, UpMessage } from "./messages.ts";
import { openOutbox, outboxWakeAt, stepOutbox } from "./outbox.ts";
import type { OutboxInput } from "./outbox.ts";
import { isOwnHistory, judgeHello, printText, takeToken } from "./tenure.ts";
import type { SpoolRecord } from "./tenure.ts";

const SEEDS = 200;
const INTENTS = 25;
const STEPS = 700;
const HOSTS_MAX = 4;
/** Steps without faults in which each host, alone, has to get everything through. */
const CALM_STEPS = 3000;
const at = "2026-01-01T00:00:00.000Z";

type Spool = {
  id: string;
  from: { spoolId: string; isCopy: boolean; inheritedUpTo: number } | null;
  tokens: string[];
  events: LinkEvent[];
  lastSeq: number;
  ackedUpTo: number;
};

/** What is on a host's disk. */
type Disk = { known: Set<string>; todo: Intent[]; spool: Spool; written: string[] };

class Host {
  outbox = openOutbox("", 0, 0);
  greeting = awayGreeting;
  /** Of the connection it believes to have; null: none. */
  connection: number | null = null;
  boot = "";
  readonly name: number;
  readonly disk: Disk;

  constructor(name: number, disk: Disk) {
    this.name = name;
    this.disk = disk;
    this.restart();
  }

  restart(): void {
    const { id, ackedUpTo, lastSeq } = this.disk.spool;
    this.outbox = openOutbox(id, ackedUpTo, lastSeq);
    this.greeting = awayGreeting;
    this.connection = null;
  }
}

class World {
  now = 0;
  chaos = true;
  readonly random: () => number;
  readonly hosts: Host[];
  readonly applied: string[] = [];
  readonly rows: { intent: Intent; isDelivered: boolean; holder: string | null; boot: string | null }[] = [];
  readonly spools = new Map<string, SpoolRecord>();
  readonly marks = new Map<string, number>();
  readonly lastPrints = new Map<string, string>();
  readonly stored: string[] = [];
  copies = 0;
  #packets: { connection: number; host: Host; toHost: boolean; message: DownMessage | UpMessage }[] = [];
  #connections = 0;
  #tokens = 0;
  #names = 0;
  #boots = 0;
  /** Who speaks for the agent, and what it has proven. */
  #owner: { host: Host; connection: number; spool: SpoolRecord | null } | null = null;
  #delivery = emptyDelivery;

  constructor(seed: number) {
    this.random = mulberry32(seed);
    const spool = this.#newSpool(null);
    this.hosts = [new Host(0, { known: new Set(), todo: [], spool, written: [] })];
    this.#boot(this.pick());
  }

  #boot(host: Host): void {
    host.boot = `boot-${(this.#boots += 1)}`;
  }

  step(): void {
    this.now += Math.floor(this.random() * 400);
    const host = this.pick();
    const action = this.random();
    if (this.chaos && action < 0.02) this.#crashServer();
    else if (this.chaos && action < 0.05) {
      this.crash(host);
      if (this.random() < 0.1) this.#boot(host);
    } else if (this.chaos && action < 0.06) this.#clone(host);
    else if (this.chaos && action < 0.12) this.#speakAgain(host);
    else if (action < 0.25) this.#order();
    else if (action < 0.4) this.#carryOut(host);
    else if (action < 0.45 && this.chaos) this.#note(host);
    else if (host.connection === null && action < 0.7) this.connect(host);
    this.#carryPackets();
    this.tick();
    const doubled = this.applied.length - new Set(this.applied).size;
    hold(doubled === 0, "no order is carried out twice");
    hold(new Set(this.stored).size === this.stored.length, "no event is stored twice");
  }

  tick(): void {
    if (this.now >= deliveryWakeAt(this.#delivery)) this.#deliver({ kind: "tick" });
    for (const host of this.hosts) {
      if (this.now >= greetingWakeAt(host.greeting)) this.#greet(host, { kind: "tick" });
      if (this.now >= outboxWakeAt(host.outbox)) this.#outbox(host, { kind: "tick" });
    }
  }

  /** In the end each host is heard alone, the others are off. */
  hear(host: Host): void {
    for (const other of this.hosts) this.crash(other);
    this.connect(host);
    let steps = 0;
    const isDone = () => host.disk.todo.length === 0 && host.disk.spool.events.length === 0;
    while (!isDone() || host.greeting.phase !== "held") {
      this.now += 100;
      this.#carryOut(host);
      this.#carryPackets();
      this.tick();
      hold((steps += 1) < CALM_STEPS, `host ${host.name} gets everything through when it is alone`);
    }
  }

  pick(): Host {
    const host = this.hosts[Math.floor(this.random() * this.hosts.length)];
    if (host === undefined) throw new Error("there is a host at least");
    return host;
  }

  crash(host: Host): void {
    if (this.#owner?.host === host) this.#ownerGone();
    host.restart();
  }

  connect(host: Host): void {
    host.connection = this.#connections += 1;
    this.#own(host);
    this.#greet(host, { kind: "connected" });
  }

  /** A host that was superseded is heard again, and so is the owner again. */
  #speakAgain(host: Host): void {
    if (host.connection === null || this.#owner?.host === host) return;
    this.#own(host);
  }

  #own(host: Host): void {
    this.#owner = { host, connection: host.connection ?? 0, spool: null };
    this.#delivery = emptyDelivery;
    this.#send(true, { type: "greet", body: {} });
  }

  #ownerGone(): void {
    this.#owner = null;
    this.#delivery = emptyDelivery;
  }

  #crashServer(): void {
    this.#ownerGone();
    for (const host of this.hosts) {
      host.connection = null;
      this.#greet(host, { kind: "disconnected" });
      this.#outbox(host, { kind: "disconnected" });
    }
  }

  #clone(of: Host): void {
    if (this.hosts.length === HOSTS_MAX) return;
    const isKnownAsCopy = this.random() < 0.6;
    if (!isKnownAsCopy && of.disk.todo.length > 0) return;
    const disk = structuredClone(of.disk);
    this.copies += 1;
    if (isKnownAsCopy) {
      disk.todo = [];
      this.#renew(disk, true);
    }
    const host = new Host(this.hosts.length, disk);
    this.#boot(host);
    this.hosts.push(host);
  }

  #order(): void {
    if (this.rows.length === INTENTS || !this.chaos) return;
    const intent = { id: `i${this.rows.length}`, type: "run.start", payload: {}, created_at: at };
    this.rows.push({ intent, isDelivered: false, holder: null, boot: null });
    this.#claim();
  }

  /** What the gateway's query does: free ones become this holder's, others' are left. */
  #claim(): void {
    const spool = this.#owner?.spool;
    if (!spool) return;
    const mine = this.rows.filter(
      (row) =>
        !row.isDelivered &&
        (row.holder === null || (row.holder === spool.holder && row.boot === spool.bootId)),
    );
    for (const row of mine) [row.holder, row.boot] = [spool.holder, spool.bootId];
    this.#deliver({ kind: "created", intents: mine.map(({ intent }) => intent) });
  }

  #carryOut(host: Host): void {
    const intent = host.disk.todo.shift();
    if (!intent) return;
    this.applied.push(intent.id);
    this.#write(host, `${intent.id} began`);
  }

  #note(host: Host): void {
    this.#write(host, `host ${host.name} note ${host.disk.written.length}`);
  }

  #write(host: Host, mark: string): void {
    const { spool, written } = host.disk;
    spool.lastSeq += 1;
    spool.events.push({ seq: spool.lastSeq, type: "run.note", at, payload: { mark } });
    written.push(mark);
    this.#outbox(host, { kind: "stored", upTo: spool.lastSeq });
  }

  #newSpool(from: Spool["from"]): Spool {
    this.#names += 1;
    return { id: `spool-${this.#names}`, from, tokens: [], events: [], lastSeq: 0, ackedUpTo: 0 };
  }

  #renew(disk: Disk, isCopy: boolean): void {
    const { spool } = disk;
    const events = spool.events.map((event, index) => ({ ...event, seq: index + 1 }));
    disk.spool = {
      ...this.#newSpool({ spoolId: spool.id, isCopy, inheritedUpTo: isCopy ? events.length : 0 }),
      tokens: isCopy ? [] : spool.tokens,
      events,
      lastSeq: events.length,
    };
  }

  #greet(host: Host, input: GreetingInput): void {
    const { state, effects } = stepGreeting(host.greeting, input, this.now);
    host.greeting = state;
    for (const effect of effects) {
      const { spool } = host.disk;
      switch (effect.kind) {
        case "say_hello":
          this.#sendUp(host, {
            type: "hello",
            body: {
              spool_id: spool.id,
              boot_id: host.boot,
              tokens: [...spool.tokens],
              from: spool.from && {
                spool_id: spool.from.spoolId,
                is_copy: spool.from.isCopy,
                inherited_up_to: spool.from.inheritedUpTo,
              },
            },
          });
          break;
        case "take":
          spool.tokens = [...spool.tokens, effect.token].slice(-64);
          this.#sendUp(host, { type: "token_stored", body: { spool_id: spool.id, token: effect.token } });
          break;
        case "hold":
          this.#outbox(host, { kind: "connected" });
          break;
        case "let_go":
          this.#outbox(host, { kind: "disconnected" });
          break;
        case "become_copy":
          this.#renew(host.disk, true);
          this.#reopen(host);
          break;
      }
    }
  }

  #reopen(host: Host): void {
    const { id, ackedUpTo, lastSeq } = host.disk.spool;
    host.outbox = openOutbox(id, ackedUpTo, lastSeq);
  }

  #outbox(host: Host, input: OutboxInput): void {
    const { state, effects } = stepOutbox(host.outbox, input, this.now);
    host.outbox = state;
    const { spool } = host.disk;
    for (const effect of effects) {
      switch (effect.kind) {
        case "send": {
          const events = spool.events.filter(({ seq }) => seq >= effect.from && seq <= effect.to);
          if (events.length > 0) this.#sendUp(host, { type: "events", body: { spool_id: spool.id, events } });
          break;
        }
        case "forget":
          spool.ackedUpTo = effect.upTo;
          spool.events = spool.events.filter(({ seq }) => seq > effect.upTo);
          break;
        case "renew_spool":
          this.#renew(host.disk, false);
          this.#reopen(host);
          this.#greet(host, { kind: "greet" });
          break;
      }
    }
  }

  #deliver(input: DeliveryInput): void {
    const { state, effects } = stepDelivery(this.#delivery, input, this.now);
    this.#delivery = state;
    for (const effect of effects)
      if (effect.kind === "send") this.#send(true, { type: "intents", body: { intents: effect.intents } });
  }

  #sendUp(host: Host, message: UpMessage): void {
    if (host.connection !== null)
      this.#packets.push({ connection: host.connection, host, toHost: false, message });
  }

  #send(toHost: boolean, message: DownMessage): void {
    if (this.#owner === null) return;
    const { host, connection } = this.#owner;
    this.#packets.push({ connection, host, toHost, message });
  }

  /** Within one connection nothing overtakes and nothing is lost; a connection may end, or stop being the agent's, at any moment. */
  #carryPackets(): void {
    let budget = this.chaos ? Math.floor(this.random() * 6) : 20;
    while (budget > 0 && this.#packets.length > 0) {
      budget -= 1;
      const packet = this.#packets.shift();
      if (packet === undefined || packet.host.connection !== packet.connection) continue;
      if (packet.toHost) this.#receive(packet.host, packet.message as DownMessage);
      else if (this.#owner?.connection === packet.connection) this.#take(packet.message as UpMessage);
    }
  }

  #receive(host: Host, message: DownMessage): void {
    const { spool, known, todo } = host.disk;
    switch (message.type) {
      case "intents": {
        const { store, ack } = takeIntents(message.body.intents, (id) => known.has(id));
        for (const intent of store) {
          known.add(intent.id);
          todo.push(intent);
        }
        if (this.chaos && this.random() < 0.05) return this.crash(host);
        return this.#sendUp(host, { type: "intents_ack", body: { ids: ack } });
      }
      case "events_ack":
        return this.#outbox(host, {
          kind: "acked",
          spoolId: message.body.spool_id,
          upTo: message.body.up_to,
        });
      case "greet":
        return this.#greet(host, { kind: "greet" });
      case "token": {
        if (message.body.spool_id !== spool.id) return undefined;
        const { up_to: upTo, print, token } = message.body;
        const isSame = () => {
          const event = spool.events.find(({ seq }) => seq === upTo);
          return event !== undefined && printText(event) === print;
        };
        const isOurs = isOwnHistory(host.outbox, upTo, isSame);
        return this.#greet(host, { kind: "offered", token, isOurs });
      }
      case "token_kept":
        return message.body.spool_id === spool.id ? this.#greet(host, { kind: "kept" }) : undefined;
      case "spool_copied":
        return message.body.spool_id === spool.id ? this.#greet(host, { kind: "copy" }) : undefined;
      case "watch":
      case "unwatch":
        return undefined;
    }
  }

  #take(message: UpMessage): void {
    switch (message.type) {
      case "intents_ack": {
        for (const row of this.rows) if (message.body.ids.includes(row.intent.id)) row.isDelivered = true;
        return this.#deliver({ kind: "acked", ids: message.body.ids });
      }
      case "hello": {
        const { spool_id: spoolId, boot_id: bootId, tokens, from } = message.body;
        const hello = {
          spoolId,
          bootId,
          tokens,
          from: from && { spoolId: from.spool_id, isCopy: from.is_copy, inheritedUpTo: from.inherited_up_to },
        };
        const verdict = judgeHello(this.spools, hello, `t${(this.#tokens += 1)}`);
        if (verdict.kind === "copy")
          return this.#send(true, { type: "spool_copied", body: { spool_id: spoolId } });
        for (const record of verdict.records) this.spools.set(record.spoolId, record);
        const [upTo, print] = [this.marks.get(spoolId) ?? 0, this.lastPrints.get(spoolId) ?? null];
        return this.#send(true, {
          type: "token",
          body: { spool_id: spoolId, token: verdict.token, up_to: upTo, print },
        });
      }
      case "token_stored": {
        const { spool_id: spoolId, token } = message.body;
        const record = this.spools.get(spoolId);
        const kept = record === undefined ? null : takeToken(record, token);
        if (kept === null || this.#owner === null) return undefined;
        this.spools.set(spoolId, kept);
        this.#owner.spool = kept;
        this.#send(true, { type: "token_kept", body: { spool_id: spoolId } });
        this.#deliver({ kind: "connected" });
        return this.#claim();
      }
      case "events":
        return this.#storeEvents(message.body.spool_id, message.body.events);
    }
  }

  #storeEvents(spoolId: string, events: readonly LinkEvent[]): void {
    const spool = this.#owner?.spool;
    if (spool?.spoolId !== spoolId) return;
    const { apply, ackUpTo } = takeEvents(this.marks.get(spoolId) ?? 0, events);
    const hasCopies = [...this.spools.values()].some(({ copyOf }) => copyOf !== null);
    for (const event of apply) {
      const mark = String(event.payload["mark"]);
      if (!hasCopies || !this.stored.includes(mark)) this.stored.push(mark);
      this.lastPrints.set(spoolId, printText(event));
    }
    this.marks.set(spoolId, ackUpTo);
    if (this.chaos && this.random() < 0.05) return this.#crashServer();
    return this.#send(true, { type: "events_ack", body: { spool_id: spoolId, up_to: ackUpTo } });
  }
}

test(`a cloned agent: no order is carried out twice, every event of each host is stored once (${SEEDS} seeds)`, () => {
  const base = Number(process.env["LINK_SEED"] ?? 1);
  let [copies, applied] = [0, 0];
  for (let seed = base; seed < base + SEEDS; seed += 1) {
    try {
      const world = new World(seed);
      for (let i = 0; i < STEPS; i += 1) world.step();
      world.chaos = false;
      for (const host of world.hosts) world.hear(host);
      const written = new Set(world.hosts.flatMap(({ disk }) => disk.written));
      expect(world.stored.toSorted()).toEqual([...written].toSorted());
      // An order is carried out, or was given to a host that may have lost it with the moment of its copying.
      for (const row of world.rows) hold(row.holder !== null, "every order was given to somebody");
      copies += world.copies;
      applied += world.applied.length;
    } catch (cause) {
      throw new Error(
        `seed ${seed} (repeat with LINK_SEED=${seed}): ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }
  // The faults that this is about did happen, and most orders were carried out all the same.
  expect(copies).toBeGreaterThan(SEEDS);
  expect(applied).toBeGreaterThan(0.8 * SEEDS * INTENTS);
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
