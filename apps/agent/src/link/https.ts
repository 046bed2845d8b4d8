// One HTTPS request with a bounded answer. Node's own client: a second one would cost the agent a tenth of its memory.

import { request } from "node:https";
import type { Agent } from "node:https";
import type { IncomingHttpHeaders } from "node:http";

/** The control plane's answers to an agent are small. */
const ANSWER_BYTES_MAX = 256 * 1024;

export type HttpsRequest = {
  method: "POST" | "PUT";
  headers: Record<string, string>;
  body: Uint8Array | string;
  /** Holds the TLS identity and the sockets that are kept alive. */
  agent: Agent;
  /** From the first byte to the last. */
  timeoutMs: number;
  signal: AbortSignal;
};

export type HttpsAnswer = { status: number; headers: IncomingHttpHeaders; text: string };

/** Rejects when there is no whole answer: unreachable, too slow, too large, aborted. */
export function sendHttps(
  url: URL,
  { method, headers, body, agent, timeoutMs, signal }: HttpsRequest,
): Promise<HttpsAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpsAnswer>();
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const length = String(typeof body === "string" ? Buffer.byteLength(body) : body.byteLength);
  const sent = request(
    url,
    { method, headers: { ...headers, "content-length": length }, agent, signal: either },
    (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX)
          sent.destroy(new Error(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    },
  );
  sent.once("error", (error) =>
    reject(either.aborted && !signal.aborted ? new Error(`no answer within ${timeoutMs / 1000} s`) : error),
  );
  sent.end(body);
  return promise;
}
