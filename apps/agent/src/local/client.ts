// For programs that call the agent on its socket, or a control plane next to it: where the socket is, and a `fetch` of
// few milliseconds. Node's own takes a good part of a short command's time to load.

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

export { findSocketPath, LOCAL_ID } from "./place.ts";

/**
 * A `fetch` for http URLs with texts as bodies; over a UNIX socket, when its path is given, whatever host the URL names. What
 * it answers has what the contract's client reads of a response, no more. Rejects with the system's error when nobody listens.
 */
export function lightFetch(socketPath?: string): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const { request: sendHttp } = await import("node:http");
    const url = new URL(input instanceof URL || typeof input === "string" ? input : input.url);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = {
      method: init.method ?? "GET",
      headers: { ...(init.headers as Record<string, string> | undefined) },
      ...(init.signal ? { signal: init.signal } : {}),
    };
    const request =
      socketPath === undefined
        ? sendHttp(url, options, resolve)
        : sendHttp({ ...options, socketPath, path: url.pathname + url.search }, resolve);
    request.on("error", reject);
    request.end(typeof init.body === "string" ? init.body : undefined);
    return new LightResponse(await promise, url.href) as unknown as Response;
  };
}

class LightResponse {
  readonly #message: IncomingMessage;
  readonly url: string;

  constructor(message: IncomingMessage, url: string) {
    this.#message = message;
    this.url = url;
    // Nobody reads what is not there, and the connection would wait for it.
    if (message.statusCode === 204) message.resume();
  }

  get status(): number {
    return this.#message.statusCode ?? 500;
  }

  get statusText(): string {
    return this.#message.statusMessage ?? "";
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers() {
    const { headers } = this.#message;
    return { get: (name: string) => headers[name.toLowerCase()]?.toString() ?? null };
  }

  get body() {
    return Readable.toWeb(this.#message);
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#message as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
