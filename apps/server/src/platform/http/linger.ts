import type { FastifyInstance } from "fastify";
import type { IncomingMessage } from "node:http";

/** How long a connection stays open behind an answer for the rest of a body that nobody reads any more. */
export const LINGER_MS_MAX = 10_000;

/**
 * Lets callers read answers that are given before their body has arrived whole: a refusal of its size, or of who
 * sends it. A connection closed at once, with bytes of theirs unread, is a reset (RFC 9112, 9.6), which takes the
 * answer with it: they would see a broken pipe, and never the reason. What still comes is thrown away meanwhile.
 */
export function installLinger(fastify: FastifyInstance): void {
  fastify.addHook("onSend", async (request) => {
    if (request.raw.complete === false) linger(request.raw);
  });
}

function linger(request: IncomingMessage): void {
  const { socket } = request;
  const close = socket.destroySoon.bind(socket);
  // What the server calls once the last answer on a connection is written.
  socket.destroySoon = () => {
    socket.destroySoon = close;
    if (request.complete) return close();
    const limit = setTimeout(close, LINGER_MS_MAX).unref();
    request.once("close", () => clearTimeout(limit));
    request.once("end", close);
    request.resume();
  };
}
