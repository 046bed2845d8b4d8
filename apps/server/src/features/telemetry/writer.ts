import type { Base } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { withDays } from "./days.ts";
import { reportWriteSeconds } from "./figures.ts";
import {
  LOGS_PER_BATCH,
  LOGS_WAITING_MAX,
  REPORTS_PER_BATCH,
  REPORTS_WAITING_MAX,
  SPANS_PER_BATCH,
  SPANS_WAITING_MAX,
  WRITE_INTERVAL_MS,
} from "./limits.ts";
import { insertSpans, type SpanRow } from "./span-store.ts";
import { insertLogs, insertReports, type LogRow, type ReportRow } from "./store.ts";

interface Waiting<Row> {
  readonly rows: readonly Row[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Stores what many agents send in few statements. A caller's promise settles when its rows are stored or cannot be: an
 * agent that is told "taken" can forget them, one that is told otherwise sends them again.
 */
export class Batches<Row> {
  readonly #write: (rows: readonly Row[]) => Promise<void>;
  readonly #keyOf: (row: Row) => string;
  readonly #batchMax: number;
  readonly #waitingMax: number;
  #waiting: Waiting<Row>[] = [];
  #rows = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: {
    write: (rows: readonly Row[]) => Promise<void>;
    /** Two rows of one key are never in one statement. */
    keyOf: (row: Row) => string;
    batchMax: number;
    waitingMax: number;
  }) {
    this.#write = options.write;
    this.#keyOf = options.keyOf;
    this.#batchMax = options.batchMax;
    this.#waitingMax = options.waitingMax;
  }

  put(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return Promise.resolve();
    if (this.#rows + rows.length > this.#waitingMax)
      return Promise.reject(
        new AppError("unavailable", "The database does not follow just now. Send this again later.", {
          retryAfterSeconds: 5,
        }),
      );
    this.#rows += rows.length;
    return new Promise((done, failed) => {
      this.#waiting.push({ rows, done, failed });
      if (this.#rows >= this.#batchMax) this.#start();
      else this.#timer ??= setTimeout(() => this.#start(), WRITE_INTERVAL_MS);
    });
  }

  /** Settles when everything that waited has been tried. */
  async close(): Promise<void> {
    while (this.#waiting.length > 0 || this.#writing !== undefined) {
      this.#start();
      await this.#writing;
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#start(), WRITE_INTERVAL_MS);
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      const rows = batch.flatMap((each) => each.rows);
      this.#rows -= rows.length;
      const stop = reportWriteSeconds.startTimer();
      try {
        await this.#write(rows);
        stop();
        for (const { done } of batch) done();
      } catch (error) {
        if (batch.length > 1 && isRefusedValue(error)) await this.#writeSingly(batch);
        else for (const { failed } of batch) failed(error);
      }
    }
  }

  /** What the database does not take of one agent must not cost the others. */
  async #writeSingly(batch: readonly Waiting<Row>[]): Promise<void> {
    for (const { rows, done, failed } of batch) {
      try {
        await this.#write(rows);
        done();
      } catch (error) {
        failed(error);
      }
    }
  }

  #take(): Waiting<Row>[] {
    const keys = new Set<string>();
    const taken: Waiting<Row>[] = [];
    const left: Waiting<Row>[] = [];
    let count = 0;
    for (const each of this.#waiting) {
      const own = each.rows.map(this.#keyOf);
      const fits = taken.length === 0 || count + own.length <= this.#batchMax;
      if (!fits || own.some((key) => keys.has(key))) {
        left.push(each);
        continue;
      }
      for (const key of own) keys.add(key);
      count += own.length;
      taken.push(each);
    }
    this.#waiting = left;
    return taken;
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint violation). */
function isRefusedValue(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && /^2[23]/.test(code);
}

export interface TelemetryWriter {
  readonly reports: Batches<ReportRow>;
  readonly logs: Batches<LogRow>;
  readonly spans: Batches<SpanRow>;
}

export function openWriter(base: Base): TelemetryWriter {
  const { system } = base.storage;
  return {
    reports: new Batches({
      write: (rows) => withDays(system, base.now(), () => insertReports(system, rows)),
      keyOf: ({ agentId, atMs }) => `${agentId} ${atMs}`,
      batchMax: REPORTS_PER_BATCH,
      waitingMax: REPORTS_WAITING_MAX,
    }),
    logs: new Batches({
      write: (rows) => withDays(system, base.now(), () => insertLogs(system, rows)),
      keyOf: ({ agentId, atMs, digest }) => `${agentId} ${atMs} ${digest}`,
      batchMax: LOGS_PER_BATCH,
      waitingMax: LOGS_WAITING_MAX,
    }),
    spans: new Batches({
      write: (rows) => withDays(system, base.now(), () => insertSpans(system, rows)),
      keyOf: ({ agentId, startUs, spanId }) => `${agentId} ${startUs} ${spanId}`,
      batchMax: SPANS_PER_BATCH,
      waitingMax: SPANS_WAITING_MAX,
    }),
  };
}
