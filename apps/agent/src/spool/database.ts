// The agent's own store: what must survive a crash. SQLite in WAL mode, one connection, two kinds of commit:
//
//   durably  fsync before returning: intents, events, runs, closed segments. What was acknowledged or done stays so.
//   lazily   no fsync: the batch index of logs. A crash of the agent loses nothing; a power cut may lose the newest
//            batches, whose segments cannot have been closed, since closing is durable and syncs everything before it.

import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";
import { MIGRATIONS } from "./migrations.ts";

/** How long a statement waits for another connection (`agentStatus` reading), in ms. */
const BUSY_TIMEOUT_MS = 5000;

export class SpoolDatabase implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #synchronous: "FULL" | "NORMAL" = "FULL";
  #inTransaction = false;
  #afterCommit: (() => void)[] = [];
  #transactions = 0;

  /** Opens the file, made when missing, and brings its schema up to date. Throws when it is newer than this program. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    this.#db.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-1000; PRAGMA auto_vacuum=INCREMENTAL;",
    );
    this.#migrate();
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    this.#db.close();
  }

  /** Whether what was written last may still be undone. */
  get isInTransaction(): boolean {
    return this.#inTransaction;
  }

  /** Number of the open transaction, or of the last one: what was written under another is committed, or undone. */
  get transactionNumber(): number {
    return this.#transactions;
  }

  /** Runs one statement; the number of rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** The first row. The caller says its shape: the SQL stands beside it, and the tables are STRICT. */
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  /** All rows; the caller bounds them. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /** All of `fn` or nothing, on disk before it returns. `fn` is synchronous. Inside another transaction it joins that one. */
  durably<T>(fn: () => T): T {
    return this.#transaction("FULL", fn);
  }

  /** All of `fn` or nothing, kept over a crash of the program, not over a power cut. */
  lazily<T>(fn: () => T): T {
    return this.#transaction("NORMAL", fn);
  }

  /** Calls `fn` once the open transaction is committed, at once where there is none, and never when it is undone. */
  afterCommit(fn: () => void): void {
    if (this.#inTransaction) this.#afterCommit.push(fn);
    else fn();
  }

  #transaction<T>(synchronous: "FULL" | "NORMAL", fn: () => T): T {
    if (this.#inTransaction) return fn();
    if (this.#synchronous !== synchronous) {
      this.#db.exec(`PRAGMA synchronous=${synchronous}`);
      this.#synchronous = synchronous;
    }
    this.#db.exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    this.#transactions += 1;
    let following: (() => void)[] = [];
    try {
      const result = fn();
      this.#db.exec("COMMIT");
      following = this.#afterCommit;
      return result;
    } catch (error) {
      // A failed COMMIT (disk full) may have rolled back by itself.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#inTransaction = false;
      this.#afterCommit = [];
      for (const after of following) after();
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #migrate(): void {
    const version = Number(Object.values(this.#db.prepare("PRAGMA user_version").get() ?? {})[0]);
    if (version > MIGRATIONS.length) {
      throw new Error(
        `the spool was written by a newer version of Flowplane (schema ${version}, this one knows ${MIGRATIONS.length})`,
      );
    }
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue;
      this.durably(() => this.#db.exec(`${sql}; PRAGMA user_version=${index + 1}`));
    }
  }
}
