// HTTPS to the bulk endpoint with the client certificate, on sockets of its own: a control message never waits behind a log.

import { Agent } from "node:https";
import { retryAfterMs } from "@flowplane/runtime";
import { sendHttps } from "../link/https.ts";
import type { HttpsAnswer } from "../link/https.ts";
import type { Identity } from "../data/identity.ts";

/** Uploads under way at once; each may hold a segment in memory. */
export const UPLOADS_MAX = 2;
const REQUEST_MS_MAX = 60_000;
/** An idle socket is closed after this long. */
const IDLE_MS_MAX = 30_000;

export type UploadAnswer =
  | { kind: "stored" }
  /** The other end has forgotten this run for good. */
  | { kind: "gone" }
  /** It will not take this body, however often it is sent. */
  | { kind: "refused"; detail: string }
  | { kind: "failed"; detail: string; retryInMs: number | null };

export class BulkClient implements Disposable {
  #agent: Agent;
  #baseUrl: string;
  readonly #retired: Agent[] = [];

  constructor(identity: Identity) {
    this.#agent = makeAgent(identity);
    this.#baseUrl = identity.bulk_url.replace(/\/$/, "");
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** From now on with this identity; what is under way finishes with the old one. */
  renew(identity: Identity): void {
    this.#retired.push(this.#agent);
    this.#agent = makeAgent(identity);
    this.#baseUrl = identity.bulk_url.replace(/\/$/, "");
    // Idle sockets of the agent before last are certainly done with; those of the last may still carry an upload.
    while (this.#retired.length > 1) this.#retired.shift()?.destroy();
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
      const url = new URL(this.#baseUrl + path);
      return judge(
        await sendHttps(url, {
          method,
          headers,
          body,
          agent: this.#agent,
          timeoutMs: REQUEST_MS_MAX,
          signal,
        }),
      );
    } catch (error) {
      return {
        kind: "failed",
        detail: error instanceof Error ? error.message : String(error),
        retryInMs: null,
      };
    }
  }
}

function judge({ status, headers, text }: HttpsAnswer): UploadAnswer {
  const detail = `HTTP ${status} ${text.slice(0, 200)}`.trim();
  if (status >= 200 && status < 300) return { kind: "stored" };
  if (status === 410) return { kind: "gone" };
  // A 404 may come from something in between as well as from a control plane whose run was deleted.
  if ([400, 404, 409, 413, 415, 422].includes(status)) return { kind: "refused", detail };
  return { kind: "failed", detail, retryInMs: retryAfterMs(headers["retry-after"], Date.now()) };
}

function makeAgent({ private_key: key, certificate: cert, ca_certificates: ca }: Identity): Agent {
  return new Agent({ key, cert, ca, keepAlive: true, maxSockets: UPLOADS_MAX + 1, timeout: IDLE_MS_MAX });
}
