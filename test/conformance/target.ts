import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  AgentToServerSchema,
  encodeAgentToServer,
  newUid,
  SERVER_CAPABILITY,
  uidFromString,
  type ServerCapabilityName,
  type ServerToAgent,
} from "@flowplane/opamp";
import { Failed, must, NotApplicable } from "./verdict.ts";
import { messageOf, mustBeWell, send, Socket, type Answer, type ClientCertificate } from "./wire.ts";

/** What an operator of the server can do and see, for rows that cannot be judged by an agent alone. */
export interface Operator {
  /** The agent as the server shows it, by its instance_uid; undefined when it is not known. */
  agent(uid: string): Promise<SeenAgent | undefined>;
  /** A credential for one agent that can be revoked by itself. */
  newBearer(): Promise<{ authorization: string; revoke(): Promise<void> }>;
  /** A credential whose agents wait for approval. */
  newManualToken(): Promise<string>;
  approve(uid: string): Promise<void>;
  /** Asks for a restart; why not, when the server refuses. */
  restart(uid: string): Promise<{ accepted: boolean; why: string }>;
  /** Has an agent, which the server knows, run this Collector's configuration from now on. */
  assign(uid: string, yaml: string): Promise<Assignment>;
  /** Offers an agent, which the server knows, a new credential and this address. */
  reconnect(uid: string, endpoint: string): Promise<void>;
  /** What became of that, in the server's words. */
  connection(uid: string): Promise<{ state: string; sentence: string }>;
  /** Publishes a release of a package, made with its first, of one file for any platform. Gives what it is given by. */
  release(name: string, version: string, content: Uint8Array): Promise<string>;
  /** Has an agent, which the server knows, have these releases and no other package. */
  give(uid: string, releases: readonly string[]): Promise<void>;
  /** Where agents may come with certificates, if anywhere. */
  readonly certificateUrl: string | undefined;
}

/** A configuration that an operator gave one agent. */
export interface Assignment {
  /** Why the server does not send it to this agent; "" when it does. */
  readonly refusal: string;
  /** Has the agent try it once more. */
  retry(): Promise<void>;
  /** What the server knows of how the agent took it, in its own word. */
  outcome(): Promise<string>;
  /** The agent shall have what it had before. */
  takeBack(): Promise<void>;
}

export interface SeenAgent {
  readonly state: string;
  /** Text attributes, identifying and not. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly health: boolean | null;
  readonly capabilities: readonly string[];
}

export interface TargetOptions {
  /** `ws://…/v1/opamp` or `wss://…`. */
  readonly url: string;
  /** The same for plain HTTP; by default derived from `url`. */
  readonly http?: string;
  /** The Authorization header of agents; undefined: none is sent. */
  readonly authorization?: string | undefined;
  /** The server's limit of one message; undefined: the specification's recommendation. */
  readonly messageBytesMax?: number | undefined;
  readonly operator?: Operator | undefined;
  /** Stops the server as an administrator would and starts it again. */
  readonly restartServer?: (() => Promise<void>) | undefined;
  readonly limitMs?: number;
  /** Whether it may be flooded: rows 61 and 62. */
  readonly mayFlood?: boolean;
}

export type AgentInit = Omit<MessageInitShape<typeof AgentToServerSchema>, "$typeName">;

export const MESSAGE_BYTES_DEFAULT = 64 * 1024 * 1024;
const PROTOBUF = "application/x-protobuf";

/** The server under test, and what was opened to it. */
export class Target {
  readonly url: string;
  readonly httpUrl: string;
  readonly options: TargetOptions;
  readonly authorization: string | undefined;
  readonly limitMs: number;
  readonly messageBytesMax: number;
  #sockets: Socket[] = [];
  #capabilities: bigint | undefined;

  constructor(options: TargetOptions) {
    this.options = options;
    this.url = options.url;
    this.httpUrl = options.http ?? options.url.replace(/^ws/, "http");
    this.authorization = options.authorization;
    this.limitMs = options.limitMs ?? 10_000;
    this.messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_DEFAULT;
  }

  /** The operator, or the reason why the row is skipped. */
  operator(toDo: string): Operator {
    if (this.options.operator === undefined)
      throw new NotApplicable(`needs an operator who ${toDo}: --flowplane-url and --key`);
    return this.options.operator;
  }

  /** `authorization` "" sends none, whatever the target's own is. */
  async tryOpen(authorization = this.authorization, certificate?: ClientCertificate, url = this.url) {
    const opened = await Socket.open(url, {
      authorization,
      limitMs: this.limitMs,
      ...(certificate === undefined ? {} : { certificate }),
    });
    if (opened instanceof Socket) this.#sockets.push(opened);
    return opened;
  }

  async open(authorization?: string, certificate?: ClientCertificate, url?: string): Promise<Socket> {
    const opened = await this.tryOpen(authorization, certificate, url);
    if (opened instanceof Socket) return opened;
    throw new Failed(`the upgrade was answered ${opened.status}`);
  }

  post(
    body: Uint8Array,
    headers: Record<string, string> = {},
    authorization = this.authorization,
  ): Promise<Answer> {
    return send(this.httpUrl, {
      limitMs: this.limitMs,
      body,
      headers: {
        "content-type": PROTOBUF,
        ...(authorization === undefined || authorization === "" ? {} : { authorization }),
        ...headers,
      },
    });
  }

  async poll(body: Uint8Array, authorization?: string): Promise<ServerToAgent> {
    return messageOf(await this.post(body, {}, authorization));
  }

  /** What the server says it can do, from its first reply to a new agent. */
  async capabilities(): Promise<bigint> {
    if (this.#capabilities === undefined) {
      const socket = await this.open();
      const reply = mustBeWell(await socket.ask(new TestAgent().full()), "a first message");
      this.#capabilities = reply.capabilities;
      await socket.close();
    }
    return this.#capabilities;
  }

  /** Skips the row unless the server says it can do this. */
  async needs(name: ServerCapabilityName): Promise<void> {
    if (((await this.capabilities()) & SERVER_CAPABILITY[name]) === 0n)
      throw new NotApplicable(`the server does not do this: ${name} is not among its capabilities`);
  }

  /** Fails unless the server still serves somebody new. */
  async mustBeAlive(after: string): Promise<void> {
    const socket = await this.open();
    const agent = new TestAgent();
    mustBeWell(await socket.ask(agent.full()), `a new agent after ${after}`);
    await socket.close();
  }

  closeAll(): void {
    for (const { socket } of this.#sockets) socket.terminate();
    this.#sockets = [];
  }
}

/** Waits until the operator sees what is waited for. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T | undefined>,
  limitMs: number,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    must(Date.now() < deadline, `waited ${limitMs / 1_000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for the agent to be as `is` says, as the operator sees it. */
export function seen(
  operator: Operator,
  uid: string,
  what: string,
  is: (agent: SeenAgent) => boolean,
  limitMs: number,
): Promise<SeenAgent> {
  const read = async () => {
    const agent = await operator.agent(uid);
    return agent !== undefined && is(agent) ? agent : undefined;
  };
  return eventually(what, read, limitMs);
}

/** An agent nobody has heard of, and its messages in order. */
export class TestAgent {
  readonly uid: string;
  sequence: number;
  capabilities: bigint = AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.ReportsHealth;

  constructor(uid = newUid(Date.now(), Math.random), sequence = 0) {
    this.uid = uid;
    this.sequence = sequence;
  }

  /** The next message. */
  message(more: AgentInit = {}): Uint8Array {
    const sequenceNum = BigInt(this.sequence);
    this.sequence += 1;
    return encodeAgentToServer(
      create(AgentToServerSchema, {
        instanceUid: uidFromString(this.uid) ?? new Uint8Array(),
        sequenceNum,
        capabilities: this.capabilities,
        ...more,
      } as MessageInitShape<typeof AgentToServerSchema>),
    );
  }

  /** The next message, with everything an agent has to say of itself. */
  full(more: AgentInit = {}): Uint8Array {
    return this.message({
      agentDescription: description({ "service.name": `conformance-${this.uid.slice(-6)}` }),
      health: { healthy: true },
      ...more,
    });
  }
}

export function description(attributes: Record<string, string>): AgentInit["agentDescription"] {
  return {
    identifyingAttributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: { value: { case: "stringValue" as const, value } },
    })),
  };
}
