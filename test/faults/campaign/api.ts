import { setTimeout as sleep } from "node:timers/promises";
import type { Run, RunEvent } from "@flowplane/contract";

/** An answer may take this long before the control plane counts as gone. */
const ANSWER_MS_MAX = 10_000;
const RETRY_MS = 100;
const PAGE = 200;

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly text: string;
}

/** A client that bears a control plane which is killed again and again: it asks until it has an answer. */
export class StubbornClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = `${url}/api/v1`;
    this.#key = key;
  }

  /** Asks for a run until it is accepted; the key of idempotency makes it one run. */
  async launch(key: string, body: Record<string, unknown>, signal: AbortSignal): Promise<Run | undefined> {
    while (!signal.aborted) {
      const answer = await this.#ask("POST", "/runs", body, key);
      if (answer?.ok === true) return JSON.parse(answer.text) as Run;
      // Gone, or just starting, or still at the same request; anything else is a mistake of the campaign.
      if (answer !== undefined && answer.status < 500 && answer.status !== 409 && answer.status !== 429)
        throw new Error(`launching ${key}: ${answer.status} ${answer.text}`);
      await sleep(RETRY_MS);
    }
    return undefined;
  }

  async runs(): Promise<Run[]> {
    return this.#pages<Run>("/runs");
  }

  /** How many runs have not ended; undefined while nobody answers. */
  async countActive(): Promise<number | undefined> {
    const answer = await this.#ask("GET", `/runs?active=true&limit=${PAGE}`);
    if (answer?.ok !== true) return undefined;
    return (JSON.parse(answer.text) as { items: Run[] }).items.length;
  }

  async events(runId: string): Promise<RunEvent[]> {
    return this.#pages<RunEvent>(`/runs/${runId}/events`);
  }

  async output(runId: string, stream: "stdout" | "stderr"): Promise<string> {
    const answer = await this.#ask("GET", `/runs/${runId}/logs/download?format=raw&stream=${stream}`);
    if (answer?.ok !== true) throw new Error(`no log of ${runId}: ${answer?.status}`);
    return answer.text;
  }

  async #pages<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query = `limit=${PAGE}${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const answer = await this.#ask("GET", `${path}?${query}`);
      if (answer?.ok !== true) throw new Error(`${path}: ${answer?.status} ${answer?.text}`);
      const page = JSON.parse(answer.text) as { items: T[]; next_cursor: string | null };
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  async #ask(
    method: string,
    path: string,
    body?: Record<string, unknown>,
    idempotencyKey?: string,
  ): Promise<Answer | undefined> {
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      // An answer that breaks off in the middle is none.
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch {
      // Nobody listens, or whoever did was killed before it answered.
      return undefined;
    }
  }
}
