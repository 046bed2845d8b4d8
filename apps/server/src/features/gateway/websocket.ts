import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import {
  badRequestReply,
  decodeFrame,
  encodeFrame,
  encodeServerToAgent,
  unavailableReply,
  type Connection,
  type ServerToAgent,
} from "@flowplane/opamp";
import type { Logger } from "pino";
import type { Credential } from "./credentials.ts";
import type { Dialogue, Reply } from "./dialogue.ts";
import { agentsConnected, opampMessages } from "./figures.ts";
import type { GatewayLimits } from "./limits.ts";
import { connectionFor, type Line } from "./line.ts";
import type { WireRecorder } from "./recorder.ts";

/** Sockets are looked at in turn, so that their pings do not all leave in one instant. */
const SLOTS = 30;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;
const CLOSE_TRY_LATER = 1013;

export interface WebSocketsOptions {
  readonly dialogue: Dialogue;
  readonly recorder: WireRecorder;
  readonly limits: GatewayLimits;
  readonly log: Logger;
  readonly now: () => number;
  /** When an agent that was answered UNAVAILABLE shall come back, in ms. */
  readonly retryAfterMs: () => number;
}

/** One socket. Fields and shared handlers instead of closures: there are thousands of them. */
class SocketLine implements Line {
  readonly transport = "ws";
  readonly id: string;
  readonly credential: Credential;
  readonly remoteAddress: string | null;
  readonly reachedUrl: string | null;
  readonly requestId: string;
  readonly socket: WebSocket;
  readonly server: WebSockets;
  connection: Connection;
  heardAt: number;
  malformed = 0;
  /** Messages that wait for the one that is being worked on. */
  queue: Uint8Array[] | null = null;
  queuedBytes = 0;

  constructor(server: WebSockets, socket: WebSocket, peer: Peer, now: number) {
    this.id = peer.id;
    this.credential = peer.credential;
    this.remoteAddress = peer.remoteAddress;
    this.reachedUrl = peer.reachedUrl;
    this.requestId = peer.id;
    this.socket = socket;
    this.server = server;
    this.connection = connectionFor(peer.id, "ws", peer.credential, now);
    this.heardAt = now;
  }

  send(message: ServerToAgent, agentId: string): void {
    this.server.send(this, message, agentId === "" ? null : agentId);
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
    // Whoever is cut off for cause is not waited for.
    if (code === CLOSE_POLICY) setImmediate(() => this.socket.terminate());
  }
}

export interface Peer {
  /** Unique over all processes. */
  readonly id: string;
  readonly credential: Credential;
  readonly remoteAddress: string | null;
  readonly reachedUrl: string | null;
}

const LINE = Symbol("line");
type LineSocket = WebSocket & { [LINE]: SocketLine };

/** OpAMP over WebSockets: frames, order, backpressure, pings and the end of sockets. */
export class WebSockets {
  readonly #options: WebSocketsOptions;
  readonly #server: WebSocketServer;
  readonly #slots: Set<SocketLine>[] = Array.from({ length: SLOTS }, () => new Set());
  #nextSlot = 0;
  #turn = 0;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.messageBytesMax + 10,
      // A message is taken only when the one before was, which bounds what a chatty agent makes us hold.
      allowSynchronousEvents: false,
    });
  }

  get count(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.size, 0);
  }

  /** Completes the upgrade of a request whose credential was found good. */
  accept(request: IncomingMessage, stream: Duplex, head: Buffer, peer: Peer): void {
    this.#server.handleUpgrade(request, stream, head, (socket) => {
      const line = new SocketLine(this, socket, peer, this.#options.now());
      (socket as LineSocket)[LINE] = line;
      socket.on("message", onMessage);
      socket.on("pong", onPong);
      socket.on("close", onClose);
      socket.on("error", onError);
      this.#slots[this.#nextSlot]?.add(line);
      this.#nextSlot = (this.#nextSlot + 1) % SLOTS;
      this.#options.dialogue.open(line);
      agentsConnected.set(this.count);
    });
  }

  /** To be called `SLOTS` times per ping interval: pings one slot's sockets and cuts those that were not heard. */
  tick(): void {
    const { limits, now } = this.#options;
    const deadline = now() - limits.idleMs;
    for (const line of this.#slots[this.#turn] ?? []) {
      if (line.heardAt < deadline) line.socket.terminate();
      else if (line.socket.readyState === line.socket.OPEN) line.socket.ping();
    }
    this.#turn = (this.#turn + 1) % SLOTS;
  }

  /** How often `tick` wants to be called. */
  get tickMs(): number {
    return this.#options.limits.pingIntervalMs / SLOTS;
  }

  /** Closes all sockets, the Close frames spread over `delays`; resolves when all are closed or `deadlineMs` has passed. */
  async drain(delays: (count: number) => number[], deadlineMs: number): Promise<void> {
    const lines = this.#slots.flatMap((slot) => [...slot]);
    const timers = delays(lines.length).map((delay, index) =>
      setTimeout(() => lines[index]?.socket.close(CLOSE_GOING_AWAY, "the server is shutting down"), delay),
    );
    const deadline = Date.now() + deadlineMs;
    while (this.count > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const timer of timers) clearTimeout(timer);
    for (const slot of this.#slots) for (const line of slot) line.socket.terminate();
  }

  received(line: SocketLine, data: RawData, isBinary: boolean): void {
    line.heardAt = this.#options.now();
    if (!isBinary) {
      this.#malformed(line, "OpAMP messages are binary; this one is text.");
      return;
    }
    const bytes = data as Buffer; // `binaryType` is nodebuffer
    if (line.queue !== null) this.#enqueue(line, bytes);
    else this.#handle(line, bytes);
  }

  ponged(line: SocketLine): void {
    const now = this.#options.now();
    // Whoever sends heartbeats is written by them.
    const isSilent = now - line.heardAt >= this.#options.limits.pingIntervalMs - 1_000;
    line.heardAt = now;
    if (isSilent) this.#options.dialogue.heard(line);
  }

  closed(line: SocketLine): void {
    for (const slot of this.#slots) slot.delete(line);
    line.queue = null;
    this.#options.dialogue.closed(line);
    agentsConnected.set(this.count);
  }

  send(line: SocketLine, message: ServerToAgent, agentId: string | null): void {
    const { limits, log, recorder, now } = this.#options;
    if (line.socket.readyState !== line.socket.OPEN) return;
    const data = encodeServerToAgent(message);
    if (data.byteLength > limits.messageBytesMax) {
      log.error(
        { agent_id: agentId, bytes: data.byteLength },
        "a message to an agent is over the limit and was not sent",
      );
      opampMessages.inc({ direction: "sent", transport: "ws", outcome: "too_large" });
      return;
    }
    if (line.socket.bufferedAmount > limits.unreadBytesMax) {
      line.socket.terminate();
      return;
    }
    line.socket.send(encodeFrame(data));
    opampMessages.inc({ direction: "sent", transport: "ws", outcome: "ok" });
    if (agentId !== null) recorder.sent(agentId, message, data.byteLength, now());
  }

  #enqueue(line: SocketLine, bytes: Buffer): void {
    const { limits } = this.#options;
    const queue = line.queue ?? [];
    line.queuedBytes += bytes.byteLength;
    if (queue.length >= limits.queuedMessagesMax || line.queuedBytes > limits.queuedBytesMax) {
      this.#unavailable(line, "Messages come faster than they can be processed.");
      return;
    }
    queue.push(bytes);
  }

  #handle(line: SocketLine, bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (!frame.ok) {
      this.#malformed(line, frame.issue.message);
      return;
    }
    const reply = this.#options.dialogue.receive(line, frame.data);
    if (reply instanceof Promise) void this.#wait(line, reply);
    else this.#answer(line, reply);
  }

  async #wait(line: SocketLine, pending: Promise<Reply>): Promise<void> {
    line.queue = [];
    try {
      this.#answer(line, await pending);
    } catch (error) {
      this.#options.log.warn({ err: error }, "an agent's message could not be processed");
      this.#unavailable(line, "The server cannot process messages now.");
    }
    const queue: Uint8Array[] = line.queue ?? [];
    line.queue = null;
    line.queuedBytes = 0;
    for (const [index, bytes] of queue.entries()) {
      if (line.socket.readyState !== line.socket.OPEN) return;
      this.#handle(line, bytes);
      if (this.#isBusy(line)) {
        for (const later of queue.slice(index + 1)) this.#enqueue(line, later as Buffer);
        return;
      }
    }
  }

  /** A function of its own: `#handle` changes the field behind the compiler's back. */
  #isBusy(line: SocketLine): boolean {
    return line.queue !== null;
  }

  #answer(line: SocketLine, { message, agentId, isMalformed }: Reply): void {
    this.send(line, message, agentId);
    if (isMalformed) this.#countMalformed(line);
    else if (agentId !== null) this.#options.dialogue.pushAfter(agentId);
  }

  #malformed(line: SocketLine, problem: string): void {
    opampMessages.inc({ direction: "received", transport: "ws", outcome: "malformed" });
    this.send(line, badRequestReply(null, problem), null);
    this.#countMalformed(line);
  }

  #countMalformed(line: SocketLine): void {
    line.malformed += 1;
    if (line.malformed >= this.#options.limits.malformedMax)
      line.socket.close(CLOSE_POLICY, "too many malformed messages");
  }

  #unavailable(line: SocketLine, problem: string): void {
    this.send(line, unavailableReply(null, problem, this.#options.retryAfterMs()), null);
    // Widely used clients do not act on the message alone.
    line.socket.close(CLOSE_TRY_LATER, "unavailable");
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const line = (this as LineSocket)[LINE];
  line.server.received(line, data, isBinary);
}

function onPong(this: WebSocket): void {
  const line = (this as LineSocket)[LINE];
  line.server.ponged(line);
}

function onClose(this: WebSocket): void {
  const line = (this as LineSocket)[LINE];
  line.server.closed(line);
}

/** The socket closes after an error by itself; `close` does what is to be done. */
function onError(this: WebSocket): void {
  const line = (this as LineSocket)[LINE];
  line.malformed += 1;
}
