// HTTPS to the bulk endpoint with the client certificate, on sockets of its own: a control message never waits behind a log.

import { retryAfterMs } from "@flowplane/runtime";
import { Agent, request } from "undici";
import type { Dispatcher } from "undici";
import type { Identity } from "../data/identity.ts";

/** Uploads under way at once; each may hold a segment in memory. */
export const UPLOADS_MAX = 2;
const REQUEST_MS_MAX = 60_000;
const ANSWER_BYTES_MAX = 64 * 1024;

export type UploadAnswer =
  | { kind: "stored" }
  /** The other end does not know this run, and never will. */
  | { kind: "unknown" }
  /** It will not take this body, however often it is sent. */
  | { kind: "refused"; detail: string }
  | { kind: "failed"; detail: string; retryInMs: number | null };

export class BulkClient implements AsyncDisposable {
  #agent: Agent;
  #baseUrl: string;

  constructor(identity: Identity) {
    this.#agent = makeAgent(identity);
    this.#baseUrl = identity.bulk_url.replace(/\/$/, "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  /** From now on with this identity; what is under way finishes with the old one. */
  renew(identity: Identity): void {
    const old = this.#agent;
    this.#agent = makeAgent(identity);
    this.#baseUrl = identity.bulk_url.replace(/\/$/, "");
    void old.close();
  }

  /** Sends one body. Never rejects: what went wrong is part of the answer. */
  async send(
    method: "PUT" | "POST",
    path: string,
    headers: Record<string, string>,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<UploadAnswer> {
    try {
      const response = await request(this.#baseUrl + path, {
        method,
        headers,
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS_MAX)]),
      });
      return await judge(response);
    } catch (error) {
      return {
        kind: "failed",
        detail: error instanceof Error ? error.message : String(error),
        retryInMs: null,
      };
    }
  }
}

async function judge({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<UploadAnswer> {
  const text = await body.text();
  const detail = `HTTP ${statusCode} ${text.slice(0, 200)}`.trim();
  if (statusCode >= 200 && statusCode < 300) return { kind: "stored" };
  if (statusCode === 404 || statusCode === 410) return { kind: "unknown" };
  if ([400, 409, 413, 415, 422].includes(statusCode)) return { kind: "refused", detail };
  return {
    kind: "failed",
    detail,
    retryInMs: retryAfterMs(String(headers["retry-after"] ?? ""), Date.now()),
  };
}

function makeAgent({ private_key: key, certificate: cert, ca_certificates: ca }: Identity): Agent {
  return new Agent({
    connect: { key, cert, ca },
    connections: UPLOADS_MAX + 1,
    keepAliveTimeout: 30_000,
    maxResponseSize: ANSWER_BYTES_MAX,
  });
}
