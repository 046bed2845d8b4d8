import type { Logger } from "pino";
import type { Db } from "../../platform/storage/database.ts";
import { statusWrites, statusWriteFailures, statusWriteSeconds } from "./figures.ts";
import {
  lockAgents,
  writeAgents,
  writeHeartbeats,
  writeReports,
  type AgentColumns,
  type AgentStatus,
} from "../fleet/status.ts";

/** Agents in one statement. */
const BATCH_MAX = 2_000;
/** Reports held while the database is away; beyond that they are dropped, and asked of the agents again. */
export const HELD_REPORT_BYTES_MAX = 64 * 1024 * 1024;
/** Contents of which one agent's news are held. */
const ATTEMPTS_HELD_MAX = 8;
/** Reports of packages of one agent that are held, the newest: an installation has some five of them. */
const PACKAGE_REPORTS_HELD_MAX = 16;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 5_000;

export interface WriterOptions {
  readonly db: Db;
  readonly log: Logger;
  readonly intervalMs: number;
  /** Where what agents say of the configurations they are brought is kept. */
  readonly writeAttempts: (
    db: Db,
    entries: readonly Pick<AgentStatus, "agentId" | "attempts">[],
  ) => Promise<void>;
  /** Where what they say of their packages is kept. */
  readonly writePackages: (
    db: Db,
    entries: readonly Pick<AgentStatus, "agentId" | "packages" | "lastSeenAt">[],
  ) => Promise<void>;
  /** Called for each agent once its change, one that people would notice, is in the database. */
  readonly onWritten: (organizationId: string, agentId: string) => void;
  /** Called when an agent's report had to be dropped: it must be asked for again. */
  readonly onDropped: (agentId: string) => void;
}

/**
 * Writes what agents report, for many agents at a time. What is not yet in the database is kept per agent, merged, so
 * that an outage of the database costs memory by the number of agents and not by its length.
 */
export class StatusWriter {
  readonly #options: WriterOptions;
  #pending = new Map<string, AgentStatus>();
  /** Being written now: still the newest there is until the statement has ended. */
  #writing = new Map<string, AgentStatus>();
  #reportBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Whether the last write went through. */
  get isHealthy(): boolean {
    return this.#failures === 0;
  }

  /** The session as last put, when that is not in the database yet. */
  pendingSession(agentId: string): AgentStatus | undefined {
    return this.#pending.get(agentId) ?? this.#writing.get(agentId);
  }

  put(news: AgentStatus): void {
    const merged = merge(this.#pending.get(news.agentId), news);
    this.#reportBytes += news.reportBytes;
    this.#pending.set(news.agentId, merged);
    if (this.#reportBytes > HELD_REPORT_BYTES_MAX) this.#dropReports();
    this.#schedule(this.#options.intervalMs);
  }

  /** Writes until nothing is pending or `deadline` (ms since the epoch) has passed. */
  async close(deadline: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#flushing;
    while (this.#pending.size > 0 && Date.now() < deadline) {
      await this.#flush();
      if (this.#failures > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS_MIN));
    }
  }

  /** Writes what is pending now. Failures are retried later and show in `isHealthy`. */
  async flush(): Promise<void> {
    await this.#flushing;
    await this.#flush();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#flushing !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, delayMs);
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
      if (this.#pending.size === 0) return;
      const backoff = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (this.#failures - 1));
      this.#schedule(this.#failures > 0 ? backoff : this.#options.intervalMs);
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    while (this.#pending.size > 0) {
      const batch = new Map([...this.#pending].slice(0, BATCH_MAX));
      for (const id of batch.keys()) this.#pending.delete(id);
      this.#writing = batch;
      const entries = [...batch.values()];
      const stop = statusWriteSeconds.startTimer();
      try {
        await this.#writeBatch(entries).catch((error: unknown) => this.#writeSingly(entries, error));
        this.#failures = 0;
        for (const entry of entries) this.#reportBytes -= entry.reportBytes;
        statusWrites.inc(entries.length);
        stop();
      } catch (error) {
        this.#failures += 1;
        statusWriteFailures.inc();
        this.#options.log.warn(
          { err: error, agents: entries.length },
          "writing agents' status failed; it is tried again",
        );
        for (const entry of entries) {
          const newer = this.#pending.get(entry.agentId);
          this.#pending.set(entry.agentId, newer === undefined ? entry : merge(entry, newer));
        }
        return;
      } finally {
        this.#writing = new Map();
      }
      for (const entry of entries) {
        if (entry.columns !== null || entry.report !== null || entry.attempts !== null)
          this.#options.onWritten(entry.organizationId, entry.agentId);
      }
    }
  }

  async #writeBatch(entries: readonly AgentStatus[]): Promise<void> {
    const { db } = this.#options;
    const changed = entries.filter(({ columns }) => columns !== null);
    const beating = entries.filter(({ columns }) => columns === null);
    const reporting = entries.filter(({ report, session }) => report !== null || session !== null);
    // At once: nobody reads an agent's new health beside its old description, and a crash leaves no half of a message.
    await db.transaction().execute(async (trx) => {
      await lockAgents(
        trx,
        entries.map(({ agentId }) => agentId),
      );
      if (beating.length > 0) await writeHeartbeats(trx, beating);
      if (changed.length > 0) await writeAgents(trx, changed);
      if (reporting.length > 0) await writeReports(trx, reporting);
      if (entries.some(({ attempts }) => attempts !== null)) await this.#options.writeAttempts(trx, entries);
      if (entries.some(({ packages }) => packages !== null)) await this.#options.writePackages(trx, entries);
    });
  }

  /** One agent's value that the database does not take must not keep the others from being written. */
  async #writeSingly(entries: readonly AgentStatus[], cause: unknown): Promise<void> {
    if (!isRefusedValue(cause)) throw cause;
    for (const entry of entries) {
      try {
        await this.#writeBatch([entry]);
      } catch (error) {
        if (!isRefusedValue(error)) throw error;
        this.#options.log.error(
          { err: error, agent_id: entry.agentId },
          "an agent's status cannot be stored; it is dropped",
        );
      }
    }
  }

  #dropReports(): void {
    const dropped: string[] = [];
    for (const [id, entry] of this.#pending) {
      if (entry.report === null) continue;
      this.#pending.set(id, {
        ...entry,
        report: null,
        session: null,
        packages: null,
        reportBytes: 0,
        sequenceNum: null,
        messageDigest: null,
      });
      this.#reportBytes -= entry.reportBytes;
      dropped.push(id);
    }
    this.#options.log.warn(
      { agents: dropped.length },
      "reports were dropped while the database is away; they are asked for again",
    );
    for (const id of dropped) this.#options.onDropped(id);
  }
}

function merge(older: AgentStatus | undefined, newer: AgentStatus): AgentStatus {
  if (older === undefined) return newer;
  // A connection that was superseded has nothing to say any more, however late it says it.
  if (older.takesOver && !newer.takesOver && older.connectionId !== newer.connectionId) {
    return { ...older, reportBytes: older.reportBytes + newer.reportBytes };
  }
  return {
    ...newer,
    takesOver: older.takesOver || newer.takesOver,
    lastSeenAt: Math.max(older.lastSeenAt, newer.lastSeenAt),
    sequenceNum: newer.sequenceNum ?? older.sequenceNum,
    messageDigest: newer.messageDigest ?? older.messageDigest,
    columns: mergeColumns(older.columns, newer.columns),
    report: older.report === null ? newer.report : { ...older.report, ...newer.report },
    session: newer.session ?? older.session,
    attempts: mergeAttempts(older.attempts, newer.attempts),
    packages:
      older.packages === null || newer.packages === null
        ? (newer.packages ?? older.packages)
        : [...older.packages, ...newer.packages].slice(-PACKAGE_REPORTS_HELD_MAX),
    reportBytes: older.reportBytes + newer.reportBytes,
  };
}

/** Of each content the newest news; that it was offered is not forgotten over what came of it. */
function mergeAttempts(
  older: AgentStatus["attempts"],
  newer: AgentStatus["attempts"],
): AgentStatus["attempts"] {
  if (older === null || newer === null) return newer ?? older;
  const merged = new Map(older);
  for (const [hash, news] of newer) {
    const before = merged.get(hash);
    // Offered again while it was under way is no news.
    if (before !== undefined && news.status === "offered") continue;
    merged.delete(hash);
    const error = news.error === "" && news.status === "rolled_itself_back" ? before?.error : news.error;
    merged.set(hash, {
      ...news,
      error: error ?? "",
      offeredAt: news.offeredAt ?? before?.offeredAt ?? null,
    });
  }
  return new Map([...merged].slice(-ATTEMPTS_HELD_MAX));
}

/** Whatever came after a goodbye says that the agent is there again. */
function mergeColumns(older: AgentColumns | null, newer: AgentColumns | null): AgentColumns | null {
  if (older === null) return newer;
  const { disconnected_at: _goodbye, ...kept } = older;
  return { ...kept, ...newer };
}

/** SQLSTATE classes 22 (data exception) and 23 (constraint violation): trying again will not help. */
function isRefusedValue(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && /^2[23]/.test(code);
}
