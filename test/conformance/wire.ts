import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import {
  decodeFrame,
  decodeServerToAgent,
  encodeFrame,
  ServerErrorResponseType,
  type ServerToAgent,
} from "@flowplane/opamp";
import { Failed, must } from "./verdict.ts";

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface SocketOptions {
  readonly authorization: string | undefined;
  readonly limitMs: number;
  readonly certificate?: ClientCertificate;
}

export interface Frame {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** One WebSocket of the suite. Everything that is waited for is waited for `limitMs` at most. */
export class Socket {
  readonly socket: WebSocket;
  /** Every frame received, in order. */
  readonly frames: Frame[] = [];
  /** Close code and whether a Close frame came; 1006 is a connection that just ended. */
  readonly closed: Promise<number>;
  readonly #limitMs: number;
  #taken = 0;
  #wake: (() => void) | undefined;
  #isClosed = false;

  private constructor(socket: WebSocket, limitMs: number) {
    this.socket = socket;
    this.#limitMs = limitMs;
    socket.on("message", (data: Buffer, isBinary) => {
      this.frames.push({ data, isBinary });
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code) => {
        this.#isClosed = true;
        this.#wake?.();
        resolve(code);
      });
    });
  }

  /** Opens it; a refused upgrade is its HTTP status. */
  static async open(
    url: string,
    options: SocketOptions,
  ): Promise<Socket | { status: number; headers: IncomingHttpHeaders }> {
    const { authorization, limitMs, certificate } = options;
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      rejectUnauthorized: false,
      handshakeTimeout: limitMs,
      headers: authorization === undefined || authorization === "" ? {} : { authorization },
      ...certificate,
    });
    const made = new Socket(socket, limitMs);
    const outcome = await new Promise<"open" | Error | { status: number; headers: IncomingHttpHeaders }>(
      (resolve) => {
        socket.once("open", () => resolve("open"));
        socket.once("unexpected-response", (_request, response) => {
          response.resume();
          resolve({ status: response.statusCode ?? 0, headers: response.headers });
        });
        socket.on("error", resolve);
      },
    );
    if (outcome === "open") return made;
    socket.terminate();
    if (outcome instanceof Error) throw new Failed(`the WebSocket could not be opened: ${outcome.message}`);
    return outcome;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  sendRaw(frame: Uint8Array | string): void {
    this.socket.send(frame);
  }

  send(data: Uint8Array): void {
    this.socket.send(encodeFrame(data));
  }

  /** The next frame nobody has taken; undefined when the socket closed or the time is over. */
  async nextFrame(limitMs = this.#limitMs): Promise<Frame | undefined> {
    const deadline = Date.now() + limitMs;
    while (this.frames.length <= this.#taken && !this.#isClosed && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const frame = this.frames[this.#taken];
    if (frame !== undefined) this.#taken += 1;
    return frame;
  }

  async next(): Promise<ServerToAgent> {
    const frame = await this.nextFrame();
    must(
      frame !== undefined,
      this.#isClosed
        ? "the socket was closed where a message was due"
        : `no answer within ${this.#limitMs / 1_000} s`,
    );
    return messageIn(frame.data);
  }

  async ask(data: Uint8Array): Promise<ServerToAgent> {
    this.send(data);
    return this.next();
  }

  /** As `closed`, but undefined when it is still open after the time. */
  async closedWithin(limitMs = this.#limitMs): Promise<number | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limitMs);
    });
    const code = await Promise.race([this.closed, late]);
    clearTimeout(timer);
    return code;
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.socket.close();
    await this.closed;
  }
}

/** The message in a frame; undefined when there is none in it. */
export function decodeQuietly(frame: Uint8Array): ServerToAgent | undefined {
  const header = decodeFrame(frame);
  const decoded = header.ok ? decodeServerToAgent(header.data) : undefined;
  return decoded?.ok === true ? decoded.message : undefined;
}

function messageIn(frame: Uint8Array): ServerToAgent {
  const header = decodeFrame(frame);
  must(header.ok, "what the server sent has no OpAMP header");
  const decoded = decodeServerToAgent(header.data);
  must(decoded.ok, "what the server sent is no ServerToAgent");
  return decoded.message;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Post {
  readonly method?: string;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array;
  readonly limitMs: number;
}

/**
 * One HTTP request on a connection of its own. A server that answers before it has read everything has answered: the rest is
 * not sent. Throws `Failed` when no answer comes.
 */
export async function send(url: string, { method = "POST", headers, body, limitMs }: Post): Promise<Answer> {
  const make = url.startsWith("https:") ? httpsRequest : httpRequest;
  const request = make(url, {
    method,
    agent: false,
    rejectUnauthorized: false,
    timeout: limitMs,
    headers: { ...headers, ...(body === undefined ? {} : { "content-length": String(body.byteLength) }) },
  });
  request.on("timeout", () => request.destroy(new Error(`no answer within ${limitMs / 1_000} s`)));
  const answered = once(request, "response") as Promise<[import("node:http").IncomingMessage]>;
  answered.catch(() => undefined);
  let isAnswered = false;
  request.once("response", () => (isAnswered = true));
  const failed = new Promise<never>((_resolve, reject) => {
    // A connection cut while we still send is no failure when the answer is there.
    request.on("error", (error) => isAnswered || reject(new Failed(`no answer: ${error.message}`)));
  });
  failed.catch(() => undefined);
  if (body === undefined) request.end();
  else void writeSlowly(request, body, () => isAnswered);
  const [response] = await Promise.race([answered, failed]);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new Failed(`the answer broke off: ${String(error)}`);
  }
  request.destroy();
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

const CHUNK_BYTES = 256 * 1024;
/** For servers that judge a body by its announced length and close at once: their answer is there before the body is. */
const EARLY_ANSWER_MS = 100;

async function writeSlowly(
  request: import("node:http").ClientRequest,
  body: Uint8Array,
  isDone: () => boolean,
): Promise<void> {
  const over = new Promise<void>((resolve) => {
    request.once("response", () => resolve());
    request.once("close", resolve);
  });
  if (body.byteLength > CHUNK_BYTES) {
    request.flushHeaders();
    await Promise.race([over, sleep(EARLY_ANSWER_MS)]);
  }
  for (let at = 0; at < body.byteLength && !isDone() && !request.destroyed; at += CHUNK_BYTES) {
    if (request.write(body.subarray(at, at + CHUNK_BYTES))) continue;
    const drained = Promise.withResolvers<void>();
    request.once("drain", drained.resolve);
    await Promise.race([drained.promise, over]);
    request.off("drain", drained.resolve);
  }
  if (!request.destroyed) request.end();
}

/** The message of a 200; throws `Failed` for anything else. */
export function messageOf(answer: Answer): ServerToAgent {
  must(answer.status === 200, `the server answered ${answer.status}`);
  const decoded = decodeServerToAgent(answer.body);
  must(decoded.ok, "the body is no ServerToAgent");
  return decoded.message;
}

export function mustBeBadRequest(message: ServerToAgent, about: string): string {
  const { errorResponse } = message;
  must(errorResponse !== undefined, `${about} was answered without an error_response`);
  must(
    errorResponse.type === ServerErrorResponseType.ServerErrorResponseType_BadRequest,
    `${about} was answered with an error of type ${errorResponse.type}, not BAD_REQUEST`,
  );
  must(errorResponse.errorMessage !== "", `${about} was answered BAD_REQUEST without a word why`);
  return errorResponse.errorMessage;
}

export function mustBeWell(message: ServerToAgent, about: string): ServerToAgent {
  must(
    message.errorResponse === undefined,
    `${about} was refused: ${message.errorResponse?.errorMessage ?? ""}`,
  );
  return message;
}
