// For programs that call the agent on its socket: where it is, and a `fetch` that goes there.

import { request as sendHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";

export { findSocketPath, LOCAL_ID } from "./place.ts";

/** A `fetch` over a UNIX socket; the host of its URLs is ignored. Rejects with the system's error when nobody listens. */
export function socketFetch(socketPath: string): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = sendHttp(
      {
        socketPath,
        method: init.method ?? "GET",
        path: url.pathname + url.search,
        headers: Object.fromEntries(new Headers(init.headers)),
        ...(init.signal ? { signal: init.signal } : {}),
      },
      resolve,
    );
    request.on("error", reject);
    request.end(typeof init.body === "string" ? init.body : undefined);
    return toResponse(await promise);
  };
}

const NO_BODY = new Set([204, 205, 304]);

function toResponse(message: IncomingMessage): Response {
  const { statusCode: status = 500, statusMessage: statusText = "", headers } = message;
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  if (NO_BODY.has(status)) message.resume();
  // The two declarations of the same class differ.
  const body = NO_BODY.has(status)
    ? null
    : (Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>);
  return new Response(body, { status, statusText, headers: pairs });
}
