/**
 * The lines of one run as far as somebody looks at them. Lines are numbered from 1 without a gap, so a page is a place, the oldest may have expired:
 * stored lines are read by page when they come into view, live ones are added as the stream brings them. What the stream
 * skipped is read like any other page, because stored lines are the truth and the live tail only a courtesy.
 */
import { api, ApiError, followEvents, LOG_PAGE_MAX, type LogLine } from "@flowplane/contract";
import { call } from "../api/query.ts";
import { connectionOptions } from "../api/client.ts";

export const PAGE_LINES = 500;
const PAGES_MAX = 60;
const ASK_AGAIN_MS = 1_000;
const RETRY_MS = 3_000;

type Page = (LogLine | undefined)[];

export class LogStore {
  readonly #runId: string;
  readonly #pages = new Map<number, Page>();
  readonly #askedAt = new Map<number, number>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #isScheduled = false;
  #firstSeq: number;
  #lastSeq: number;
  #error: Error | undefined;
  #isRead = false;

  constructor(runId: string, firstSeq: number, lastSeq: number) {
    this.#runId = runId;
    this.#firstSeq = firstSeq;
    this.#lastSeq = lastSeq;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  /** Grows with every change, at most once a frame: the snapshot for `useSyncExternalStore`. */
  readonly version = (): number => this.#version;

  /** The first line that is kept. */
  get firstSeq(): number {
    return this.#firstSeq;
  }
  get lastSeq(): number {
    return this.#lastSeq;
  }
  get error(): Error | undefined {
    return this.#error;
  }
  /** Whether the control plane has said how long the log is. */
  get isRead(): boolean {
    return this.#isRead;
  }

  line(seq: number): LogLine | undefined {
    return this.#pages.get(pageOf(seq))?.[(seq - 1) % PAGE_LINES];
  }

  /** Makes sure the lines from `from` to `to` come, if they are not here. */
  want(from: number, to: number): void {
    for (
      let page = pageOf(Math.max(this.#firstSeq, from));
      page <= pageOf(Math.max(this.#firstSeq, Math.min(to, this.#lastSeq)));
      page += 1
    ) {
      if (!this.#isWhole(page)) void this.#read(page);
    }
  }

  add(lines: readonly LogLine[]): void {
    for (const line of lines) {
      const index = pageOf(line.seq);
      const page = this.#pages.get(index) ?? [];
      page[(line.seq - 1) % PAGE_LINES] = line;
      // Last in the map is last to be dropped.
      this.#pages.delete(index);
      this.#pages.set(index, page);
      if (line.seq > this.#lastSeq) this.#lastSeq = line.seq;
    }
    for (const index of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_MAX) break;
      this.#pages.delete(index);
      this.#askedAt.delete(index);
    }
    this.#changed();
  }

  /** Reads how long the log is and, while the run lasts, every line that comes, until the signal. */
  async follow(isLive: boolean, signal: AbortSignal): Promise<void> {
    await this.#read(pageOf(Math.max(1, this.#lastSeq)));
    while (isLive && !signal.aborted) {
      try {
        const input = { params: { run_id: this.#runId }, query: { from_seq: this.#lastSeq + 1 } };
        for await (const { event, data } of followEvents(connectionOptions, api.runLogStream, input, {
          signal,
        })) {
          if (event === "lines") this.add((JSON.parse(data) as { items: LogLine[] }).items);
          if (event === "end") return;
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#fail(error);
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #read(index: number): Promise<void> {
    const now = performance.now();
    if (now - (this.#askedAt.get(index) ?? -ASK_AGAIN_MS) < ASK_AGAIN_MS) return;
    this.#askedAt.set(index, now);
    try {
      const answer = await call("runLogs")({
        params: { run_id: this.#runId },
        query: { from_seq: index * PAGE_LINES + 1, limit: Math.min(PAGE_LINES, LOG_PAGE_MAX) },
      });
      this.#error = undefined;
      this.#isRead = true;
      this.#firstSeq = Math.max(this.#firstSeq, answer.first_seq);
      this.#lastSeq = Math.max(this.#lastSeq, answer.last_seq);
      this.add(answer.items);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    this.#error = error;
    this.#changed();
  }

  #isWhole(index: number): boolean {
    const wanted = Math.min(PAGE_LINES, this.#lastSeq - index * PAGE_LINES);
    const page = this.#pages.get(index);
    if (page === undefined || page.length < wanted) return wanted <= 0;
    const first = Math.max(0, this.#firstSeq - 1 - index * PAGE_LINES);
    for (let at = first; at < wanted; at += 1) if (page[at] === undefined) return false;
    return true;
  }

  #changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#version += 1;
      for (const listener of this.#listeners) listener();
    });
  }
}

function pageOf(seq: number): number {
  return Math.floor((seq - 1) / PAGE_LINES);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
