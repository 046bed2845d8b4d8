import { AGENT_CAPABILITY, RemoteConfigStatuses, type AgentRemoteConfig } from "@flowplane/opamp";
import { eventually, TestAgent, type Assignment, type Target } from "../target.ts";
import { mustBeWell, type Socket } from "../wire.ts";
import type { Row } from "../row.ts";
import { must } from "../verdict.ts";

// Rows 28 to 34: configurations, which an operator assigns and the wire shows.

const { ReportsStatus, AcceptsRemoteConfig, ReportsRemoteConfig, ReportsEffectiveConfig } = AGENT_CAPABILITY;
const BITS = ReportsStatus | AcceptsRemoteConfig | ReportsRemoteConfig | ReportsEffectiveConfig;
const {
  RemoteConfigStatuses_APPLIED: APPLIED,
  RemoteConfigStatuses_APPLYING: APPLYING,
  RemoteConfigStatuses_FAILED: FAILED,
} = RemoteConfigStatuses;
/** Replies in which what must not come is looked for. */
const LOOKS = 3;
const SEEN_MS = 10_000;

function yaml(port: number): string {
  return `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}
exporters:
  debug: {}
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;
}

/** An agent on a WebSocket that the server knows. */
class Configured {
  readonly agent = new TestAgent();
  readonly #target: Target;
  readonly #socket: Socket;

  private constructor(target: Target, socket: Socket) {
    this.#target = target;
    this.#socket = socket;
  }

  static async open(target: Target, bits = BITS): Promise<Configured> {
    await target.needs("OffersRemoteConfig");
    target.operator("assigns a configuration");
    const configured = new Configured(target, await target.open());
    configured.agent.capabilities = bits;
    mustBeWell(await configured.#socket.ask(configured.agent.full()), "a first message");
    return configured;
  }

  assign(port: number): Promise<Assignment> {
    return this.#target.operator("assigns a configuration").assign(this.agent.uid, yaml(port));
  }

  /** What is offered unasked. */
  async pushed(): Promise<AgentRemoteConfig> {
    for (;;) {
      const { remoteConfig } = await this.#socket.next();
      if (remoteConfig !== undefined) return remoteConfig;
    }
  }

  /** Assigned, and brought. */
  async given(port: number): Promise<{ assignment: Assignment; offer: AgentRemoteConfig }> {
    const assignment = await this.assign(port);
    must(assignment.refusal === "", `it is not sent: ${assignment.refusal}`);
    return { assignment, offer: await this.pushed() };
  }

  /** What the reply to the next message offers. */
  async offered(): Promise<AgentRemoteConfig | undefined> {
    return mustBeWell(await this.#socket.ask(this.agent.message()), "a message").remoteConfig;
  }

  /** The same, of a message that says what came of a configuration. */
  async says(
    status: RemoteConfigStatuses,
    hash: Uint8Array,
    errorMessage = "",
  ): Promise<AgentRemoteConfig | undefined> {
    const said = this.agent.message({
      remoteConfigStatus: { lastRemoteConfigHash: Uint8Array.from(hash), status, errorMessage },
    });
    return mustBeWell(await this.#socket.ask(said), "a status").remoteConfig;
  }

  async mustBeLeftAlone(when: string): Promise<void> {
    for (let count = 0; count < LOOKS; count += 1)
      must((await this.offered()) === undefined, `a configuration came ${when}`);
  }
}

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.from(one).equals(Buffer.from(other));

function mustHoldSomething({ config }: AgentRemoteConfig, what: string): number {
  const entries = Object.entries(config?.configMap ?? {});
  must(entries.length > 0, `${what} is an empty map, which stops a Collector`);
  for (const [name, { body }] of entries)
    must(body.byteLength > 0, `the entry ${JSON.stringify(name)} of ${what} is empty`);
  return entries.length;
}

export const configurationRows: readonly Row[] = [
  {
    row: 28,
    source: "spec",
    what: "sends no remote_config to an agent that lacks AcceptsRemoteConfig",
    async check(target) {
      const without = await Configured.open(target, BITS & ~AcceptsRemoteConfig);
      const { refusal } = await without.assign(4301);
      await without.mustBeLeftAlone("to an agent that never accepted one");
      const agent = await Configured.open(target);
      await agent.given(4302);
      agent.agent.capabilities = BITS & ~AcceptsRemoteConfig;
      await agent.mustBeLeftAlone("to an agent that accepts none any more");
      agent.agent.capabilities = BITS;
      must((await agent.offered()) !== undefined, "nothing came when the agent accepted it again");
      return `none while the bit is off, again when it is on; the operator is told: ${refusal || "nothing"}`;
    },
  },
  {
    row: 29,
    source: "spec",
    what: "sends remote_config until the agent reports its hash, and not after",
    async check(target) {
      const agent = await Configured.open(target);
      const { offer } = await agent.given(4303);
      const other = await agent.says(APPLIED, new Uint8Array([1, 2, 3]));
      must(other !== undefined, "an agent that reports another hash was sent nothing");
      must(isSame(other.configHash, offer.configHash), "the same configuration came under another hash");
      must((await agent.says(APPLYING, offer.configHash)) === undefined, "it came to an agent that has it");
      must((await agent.says(APPLIED, offer.configHash)) === undefined, "it came to an agent that runs it");
      await agent.mustBeLeftAlone("after its hash was reported");
      return "in the reply to another hash, in none after its own";
    },
  },
  {
    row: 30,
    source: "spec",
    what: "sends a config_hash that is stable for equal content",
    async check(target) {
      const [one, two] = [await Configured.open(target), await Configured.open(target)];
      const first = await one.given(4304);
      const equal = await two.given(4304);
      must(first.offer.configHash.byteLength > 0, "the configuration has no hash");
      must(isSame(first.offer.configHash, equal.offer.configHash), "equal contents have two hashes");
      await one.says(APPLIED, first.offer.configHash);
      const changed = await one.given(4305);
      must(!isSame(first.offer.configHash, changed.offer.configHash), "two contents have one hash");
      return `${first.offer.configHash.byteLength} bytes, equal for two agents, another for another content`;
    },
  },
  {
    row: 31,
    source: "[I]",
    what: "offers a configuration that failed again only on request",
    async check(target) {
      const agent = await Configured.open(target);
      const { assignment, offer } = await agent.given(4306);
      must((await agent.says(FAILED, offer.configHash, "no")) === undefined, "it came again at once");
      await agent.mustBeLeftAlone("again after it failed");
      await eventually(
        "the operator to see that it failed",
        async () => ((await assignment.outcome()) === "failed" ? true : undefined),
        SEEN_MS,
      );
      await assignment.retry();
      must(isSame((await agent.pushed()).configHash, offer.configHash), "another one came on request");
      must((await agent.says(FAILED, offer.configHash, "no")) === undefined, "one request brought it twice");
      await agent.mustBeLeftAlone("again after it failed twice");
      return "once more when asked for, and no more";
    },
  },
  {
    row: 32,
    source: "[I]",
    what: "understands an agent that goes back by itself, and holds what it refused",
    async check(target) {
      const agent = await Configured.open(target);
      const before = await agent.given(4307);
      await agent.says(APPLIED, before.offer.configHash);
      const { assignment, offer } = await agent.given(4308);
      await agent.says(FAILED, offer.configHash, "exited with code 1");
      const back = await agent.says(APPLIED, before.offer.configHash);
      must(back === undefined, "what it refused came again when it had gone back");
      await agent.mustBeLeftAlone("again after it went back");
      const outcome = await eventually(
        "the operator to see that it went back",
        async () => ((await assignment.outcome()) === "rolled_itself_back" ? "seen as such" : undefined),
        SEEN_MS,
      );
      return `held, and ${outcome}`;
    },
  },
  {
    row: 33,
    source: "spec",
    what: "pushes a configuration to a WebSocket agent at once, to others with the next poll",
    async check(target) {
      const agent = await Configured.open(target);
      const { offer } = await agent.given(4309);
      const polling = new TestAgent();
      polling.capabilities = BITS;
      mustBeWell(await target.poll(polling.full()), "a first poll");
      await target.operator("assigns a configuration").assign(polling.uid, yaml(4309));
      let polls = 0;
      const polled = await eventually(
        "a poll to bring the configuration",
        async () => {
          polls += 1;
          return mustBeWell(await target.poll(polling.message()), "a poll").remoteConfig;
        },
        SEEN_MS,
      );
      must(isSame(polled.configHash, offer.configHash), "the poll brought another content");
      return `unasked on the WebSocket, with poll ${polls} over HTTP`;
    },
  },
  {
    row: 34,
    source: "[I]",
    what: "composes no empty map and no empty entry",
    async check(target) {
      const agent = await Configured.open(target);
      const { assignment, offer } = await agent.given(4310);
      const entries = mustHoldSomething(offer, "the configuration");
      await agent.says(APPLIED, offer.configHash);
      await assignment.takeBack();
      const back = await agent.pushed();
      must(!isSame(back.configHash, offer.configHash), "what was taken back was sent again");
      mustHoldSomething(back, "what an agent is sent that had none before");
      return `${entries} entry, and none empty when it is taken back`;
    },
  },
];
