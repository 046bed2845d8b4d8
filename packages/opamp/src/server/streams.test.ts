import { describe, expect, it } from "vitest";
import { create } from "@bufbuild/protobuf";
import { encodeAgentToServer } from "../codec.ts";
import { AgentToServerSchema } from "../gen/opamp_pb.ts";
import { seededRandom, type Random } from "../testing/random.ts";
import { TestAgent, TestServer, type AgentInit } from "../testing/test-server.ts";
import { uidFromString, uidToString } from "../uid.ts";
import { receiveFromAgent, stepServer } from "./session.ts";
import { agentStateFromJson, agentStateToJson, newConnection } from "./state.ts";
import type { AgentState } from "./types.ts";

const UID = "01234567-89ab-7cde-8f01-23456789abcd";
const SEEDS = Number(process.env["OPAMP_SIMULATION_SEEDS"] ?? 150);

/** Polls against the server's machine; gives the uid in the reply, if one was given. */
class Polled {
  state: AgentState | null = null;
  now = 1_700_000_000_000;
  readonly given: string[] = [];
  processed = 0;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  poll(init: AgentInit): string | null {
    const received = receiveFromAgent(encodeAgentToServer(create(AgentToServerSchema, init)));
    if (!received.ok) throw new Error("malformed");
    const connection = newConnection(`p${this.#random()}`, "http", "agent:a", this.now);
    const before = this.state?.sequenceNum ?? null;
    const { state, reply, effects } = stepServer(this.state, received.incoming, {
      now: this.now,
      random: this.#random,
      connection,
      ownership: null,
      desired: {},
      server: { capabilities: 1n, customCapabilities: [], isKnownComponents: () => true },
    });
    this.state = state;
    if (state.sequenceNum !== before) this.processed += 1;
    for (const effect of effects) if (effect.kind === "duplicate_uid") this.given.push(effect.newUid);
    const uid = reply.agentIdentification?.newInstanceUid;
    return uid === undefined ? null : uidToString(uid);
  }

  /** A restart of the server: what is kept is in the database. */
  restart(): void {
    if (this.state === null) return;
    const { sequenceNum, messageDigest } = this.state;
    const json = JSON.parse(JSON.stringify(agentStateToJson(this.state))) as ReturnType<
      typeof agentStateToJson
    >;
    this.state = { ...agentStateFromJson(json), sequenceNum, messageDigest };
  }
}

const agent = (first = 0n) => new TestAgent(uidFromString(UID) ?? new Uint8Array(), { first });
const health = (name: string): AgentInit => ({ health: { healthy: true, status: name } });

describe("opamp row 53: two agents that poll under one instance_uid", () => {
  it("are told apart after some polls, and the newer one is given a uid, again when the reply was lost", () => {
    const server = new Polled(seededRandom(1));
    const [original, clone] = [agent(70n), agent()];
    const rounds: (string | null)[] = [];
    for (let round = 0; round < 6; round += 1) {
      server.now += 15_000;
      expect(server.poll(original.next())).toBeNull();
      server.now += 15_000;
      rounds.push(server.poll(clone.next()));
    }
    const [given] = server.given;
    expect(server.given).toHaveLength(1);
    expect(rounds.filter((uid) => uid !== null)).toEqual(rounds.slice(rounds.indexOf(given ?? "")));
    const before = server.state;
    expect(server.poll(clone.next())).toBe(given);
    expect(server.poll(original.next())).toBeNull();
    expect(server.state?.sequenceNum).toBe((before?.sequenceNum ?? 0n) + 1n);
    // The one that moved is gone; what the original sends is no gap any more.
    for (let count = 0; count < 20; count += 1) expect(server.poll(original.next())).toBeNull();
    expect(server.given).toHaveLength(1);
  });

  it("are told apart also when both began at once, from the moment they differ", () => {
    const server = new Polled(seededRandom(2));
    const [one, two] = [agent(), agent()];
    let uid: string | null = null;
    for (let round = 0; round < 30 && uid === null; round += 1) {
      server.now += 10_000;
      uid = server.poll(one.next(health("one"))) ?? server.poll(two.next(health("two")));
    }
    expect(uid).not.toBeNull();
  });

  it("are told apart over a restart of the server, and through the shell that tests use", () => {
    const server = new TestServer();
    const [original, clone] = [agent(70n), agent()];
    for (let round = 0; round < 8; round += 1) {
      server.now += 15_000;
      server.post(original.next());
      server.restart();
      server.post(clone.next());
    }
    expect(server.effectsOf("duplicate_uid")).toHaveLength(1);
  });
});

describe("one agent that polls", () => {
  it("is never taken for two: restarts, snapshots, lost, late, doubled and overtaking messages", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { server } = simulate(seed, 1);
      expect(server.given, `seed ${seed}`).toEqual([]);
      expect(server.processed, `seed ${seed}`).toBeGreaterThan(50);
    }
  });

  it("and a second one are two, whatever the network does", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { server, moved } = simulate(seed, 2);
      expect(server.given.length, `seed ${seed}`).toBeGreaterThan(0);
      expect(moved, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});

interface Process {
  sender: TestAgent;
  readonly intervalMs: number;
  readonly resends: boolean;
  nextAt: number;
  isMoved: boolean;
}

const POLLS = 400;
/** One may poll thirty times while the other does once. */
const POLLS_MAX = 3_000;

/** Processes that poll, and everything that happens to their messages, until one was told to move. One request is in flight of each. */
function simulate(seed: number, count: number) {
  const random = seededRandom(seed);
  const server = new Polled(random);
  const start = server.now;
  const processes: Process[] = Array.from({ length: count }, (_, index) => ({
    sender: agent(index === 0 ? BigInt(Math.floor(random() * 1_000)) : 0n),
    intervalMs: [1_000, 5_000, 30_000][Math.floor(random() * 3)] ?? 30_000,
    resends: random() < 0.5,
    nextAt: start + index * 20_000 + random() * 1_000,
    isMoved: false,
  }));
  /** Copies and stragglers on their way. */
  let underWay: { at: number; init: AgentInit }[] = [];
  let polls = 0;
  while (polls < (count === 1 ? POLLS : POLLS_MAX)) {
    const alive = processes.filter(({ isMoved }) => !isMoved);
    if (alive.length < count) break;
    const process = alive.toSorted((a, b) => a.nextAt - b.nextAt)[0];
    if (process === undefined) break;
    const [late] = underWay.toSorted((a, b) => a.at - b.at);
    if (late !== undefined && late.at <= process.nextAt) {
      underWay = underWay.filter((one) => one !== late);
      server.now = Math.max(server.now, late.at);
      server.poll(late.init);
      continue;
    }
    polls += 1;
    server.now = Math.max(server.now, process.nextAt);
    const { now } = server;
    process.nextAt = now + process.intervalMs * (0.9 + random() * 0.2);
    const dice = random();
    if (dice < 0.01) server.restart();
    const report = random() < 0.2 ? health(`${polls}`) : {};
    const init = process.sender.next(report);
    if (dice < 0.02) {
      // It ends with a message on the way, and comes back: from its first number, or from an older one.
      underWay.push({ at: now + random() * 5_000, init });
      const from = random() < 0.5 ? 0n : process.sender.sequenceNum - BigInt(Math.floor(random() * 30));
      process.sender = agent(from < 0n ? 0n : from);
      continue;
    }
    // The request is lost, and its number used up.
    if (dice < 0.04) continue;
    // It gave up waiting, and its next message may come first.
    if (dice < 0.06) {
      underWay.push({ at: now + random() * 2 * process.intervalMs, init });
      continue;
    }
    const uid = server.poll(init);
    if (dice < 0.08) underWay.push({ at: now + random() * 9_000, init });
    // The reply is lost: some send the message once more, some go on.
    if (dice < 0.1) {
      if (process.resends) server.poll(init);
      continue;
    }
    if (uid !== null) process.isMoved = true;
  }
  return { server, moved: processes.filter(({ isMoved }) => isMoved).length };
}
