import { once } from "node:events";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  AgentToServerSchema,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  uidFromString,
  type ServerToAgent,
} from "@flowplane/opamp";
import { WebSocket } from "ws";

const CAPABILITIES =
  AGENT_CAPABILITY.ReportsStatus |
  AGENT_CAPABILITY.ReportsHealth |
  AGENT_CAPABILITY.AcceptsOpAMPConnectionSettings |
  AGENT_CAPABILITY.ReportsConnectionSettingsStatus;

/** The settings of an offer, and what names it. */
export interface OfferedSettings {
  readonly hash: Uint8Array;
  readonly authorization: string;
}

/** The least agent that takes connection settings and says what becomes of them. */
export class OpampAgent implements Disposable {
  readonly #socket: WebSocket;
  readonly #uid: Uint8Array;
  readonly #offers: OfferedSettings[] = [];
  #wake: () => void = () => undefined;
  #sequence = 0;

  private constructor(socket: WebSocket, uid: string) {
    this.#socket = socket;
    this.#uid = uidFromString(uid) ?? new Uint8Array();
    socket.on("message", (data: Buffer) => {
      const frame = decodeFrame(Uint8Array.from(data));
      if (!frame.ok) throw new Error("no frame of OpAMP");
      const message = decodeServerToAgent(frame.data);
      if (!message.ok) throw new Error("no message of OpAMP");
      this.#note(message.message);
    });
  }

  /** Comes to `url` as `uid` with a credential, and says that it is well. */
  static async connect(url: string, uid: string, authorization: string): Promise<OpampAgent> {
    const socket = new WebSocket(url, { headers: { authorization }, perMessageDeflate: false });
    const agent = new OpampAgent(socket, uid);
    await once(socket, "open");
    agent.say({ health: { healthy: true, status: `well since ${Date.now()}` } });
    return agent;
  }

  say(what: Omit<MessageInitShape<typeof AgentToServerSchema>, "$typeName">): void {
    const message = create(AgentToServerSchema, {
      instanceUid: this.#uid,
      sequenceNum: BigInt(this.#sequence),
      capabilities: CAPABILITIES,
      ...what,
    });
    this.#sequence += 1;
    this.#socket.send(encodeFrame(encodeAgentToServer(message)));
  }

  /** The next settings it is offered, its own or those that wait. */
  async offered(): Promise<OfferedSettings> {
    for (;;) {
      const next = this.#offers.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  #note({ connectionSettings }: ServerToAgent): void {
    const header = connectionSettings?.opamp?.headers?.headers.find(({ key }) =>
      /^authorization$/i.test(key),
    );
    if (connectionSettings === undefined || header === undefined) return;
    this.#offers.push({ hash: Uint8Array.from(connectionSettings.hash), authorization: header.value });
    this.#wake();
  }
}
