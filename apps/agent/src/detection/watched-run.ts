// One run under watch, and its journal: what was observed and said is numbered, stored with the lines it follows, and cut into
// chunks. After a crash the watch goes on from its snapshot: the lines after it are told again, the stored observations are
// taken between them where they were, and what is said meanwhile was said before.

import { createHash } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";
import { chunkBytes, entryLine, Watch } from "@flowplane/detection";
import type {
  DecisionEntry,
  Entry,
  HeaderEntry,
  Observation,
  ObservedEntry,
  Output,
  Span,
} from "@flowplane/detection";
import { EVIDENCE_BYTES_MAX, EVIDENCE_CLOSE_BYTES } from "@flowplane/link";
import type { SpoolDatabase } from "../spool/database.ts";
import {
  findWatch,
  insertWatch,
  markBegun,
  markWatchEnded,
  readEntries,
  saveChunk,
  saveEntries,
  saveSnapshot,
} from "../spool/evidence.ts";
import type { StoredEntry, StoredWatch } from "../spool/evidence.ts";

/** Entries that wait to be stored while the disk is full; with more, the journal would have a hole. */
const PENDING_MAX = 5_000;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Between a snapshot and the last line in the spool. */
type CatchingUp = { until: number; observed: ObservedEntry[] };

export class WatchedRun {
  readonly id: string;
  readonly header: HeaderEntry;
  readonly #db: SpoolDatabase;
  readonly #watch: Watch;
  #entries = 0;
  readonly #pending: StoredEntry[] = [];
  /** What else is to be stored with the entries; done again, when the first time was undone. */
  readonly #effects: (() => void)[] = [];
  /** How much of that the open transaction has. */
  #saved = { transaction: 0, entries: 0, effects: 0 };
  #catchingUp: CatchingUp | null = null;
  #chunk: number;
  #hash: string | null;
  #openBytes = 0;
  #openSince: number | null = null;
  #isUrgent = false;
  #begun: boolean;
  readonly isNew: boolean;
  isEnding = false;
  hasExited = false;
  /** The next line is the first of a batch. */
  isBatchNew = true;
  /** What it was told of the guard last. */
  guardTold: string | null = null;
  lastObservedAt = 0;
  /** Ids of its incidents, by number. */
  readonly incidents = new Map<number, string>();
  /** What was confirmed last, by the watch that did. */
  readonly confirmed = new Map<string, DecisionEntry>();

  /** Takes up what is stored of the run, or begins. `committedSeq`: the last of its lines in the spool. */
  constructor(db: SpoolDatabase, id: string, stored: StoredWatch, committedSeq: number) {
    this.id = id;
    this.#db = db;
    this.header = stored.header;
    this.#watch = new Watch(stored.header);
    this.#chunk = stored.lastChunk;
    this.#hash = stored.lastHash;
    this.#begun = stored.begun;
    const entries = readEntries(db, id);
    this.#entries = entries.at(-1)?.entry ?? stored.snapshotEntry;
    for (const { text } of entries) this.#openBytes += text.length + 1;
    if (entries.length > 0) this.#openSince = 0;
    this.isNew = this.#entries === 0;
    if (this.isNew) this.note(stored.header);
    // Without a snapshot it is still where it began.
    const isRestored = stored.snapshot === null || this.#watch.restore(stored.snapshot);
    if (isRestored) this.#catchUp(entries, stored.snapshotEntry, committedSeq);
    else this.#catchingUp = { until: Math.max(committedSeq, 1), observed: [] };
  }

  get seq(): number {
    return this.#watch.seq;
  }

  get clockOffsetMs(): number {
    return this.#watch.clockOffsetMs;
  }

  get lastEnd(): Watch["lastEnd"] {
    return this.#watch.lastEnd;
  }

  get hasBegun(): boolean {
    return this.#begun;
  }

  /** The line up to which lines are still to be told again; null: none. */
  get catchesUpTo(): number | null {
    return this.#catchingUp?.until ?? null;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0 || this.#effects.length > 0;
  }

  begin(): void {
    this.#begun = true;
  }

  /** Whether `seq` is the line that is to come. */
  isNext(seq: number): boolean {
    return seq === this.#watch.seq + 1;
  }

  line(seq: number, atMs: number, stream: "stdout" | "stderr", line: Readonly<Span>): readonly Output[] {
    const catching = this.#catchingUp;
    if (catching === null) return this.#watch.line(seq, atMs, stream, line);
    this.#repeat(catching, seq - 1);
    this.#watch.line(seq, atMs, stream, line);
    this.#repeat(catching, seq);
    if (seq >= catching.until) this.#catchingUp = null;
    return [];
  }

  /** What is said is to be noted by the caller, right after. */
  observe(event: Observation): readonly Output[] {
    this.lastObservedAt = event.at;
    this.note({ type: "observed", after: this.#watch.seq, event });
    return this.#watch.observe(event);
  }

  /** It could not go on where it was: the lines up to `seq` are lost to it. */
  beginAfresh(event: Extract<Observation, { kind: "resumed_afresh" }>, seq: number): void {
    this.#catchingUp = null;
    this.#watch.skipTo(seq);
    this.observe(event);
  }

  /** Writes an entry into the journal, at the next commit. */
  note(entry: Entry): void {
    if (this.#pending.length >= PENDING_MAX) return;
    const text = entryLine(entry);
    this.#entries += 1;
    this.#pending.push({ entry: this.#entries, text });
    this.#openBytes += text.length + 1;
    if (entry.type === "decision" || entry.type === "verdict") this.#isUrgent = true;
  }

  /** Stores something together with the entries that are pending. */
  with(effect: () => void): void {
    this.#effects.push(effect);
  }

  /** Stores what is pending in the open transaction; it counts as stored once that is committed. */
  save(now: number): void {
    if (!this.hasPending) return;
    this.#openSince ??= now;
    const number = this.#db.transactionNumber;
    // A transaction that was undone has saved nothing, and is followed by another.
    if (this.#saved.transaction !== number) this.#saved = { transaction: number, entries: 0, effects: 0 };
    const saved = this.#saved;
    const entries = this.#pending.slice(saved.entries);
    const effects = this.#effects.slice(saved.effects);
    Object.assign(saved, { entries: this.#pending.length, effects: this.#effects.length });
    saveEntries(this.#db, this.id, entries);
    for (const effect of effects) effect();
    if (this.#begun) markBegun(this.#db, this.id);
    this.#db.afterCommit(() => {
      this.#pending.splice(0, entries.length);
      this.#effects.splice(0, effects.length);
      saved.entries -= entries.length;
      saved.effects -= effects.length;
    });
  }

  /** Whether the open chunk is big or old enough: younger, when something was decided. */
  isDue(now: number, urgentMs: number, calmMs: number): boolean {
    if (this.#openSince === null || this.#catchingUp !== null) return false;
    if (this.#openBytes >= EVIDENCE_CLOSE_BYTES) return true;
    return now - this.#openSince >= (this.#isUrgent ? urgentMs : calmMs);
  }

  /** Keeps what the watch goes on from, in the open transaction, with all entries up to here. */
  keep(now: number): void {
    if (this.#catchingUp !== null) return;
    this.save(now);
    saveSnapshot(this.#db, this.id, this.#watch.snapshot(), this.#entries);
  }

  /** Closes the open chunk in the open transaction. Nothing is said between an observation and its decisions, so it may be cut here. */
  closeChunk(now: number): void {
    this.save(now);
    const entries = readEntries(this.#db, this.id);
    const last = entries.at(-1);
    if (last === undefined) return;
    let { chunk, hash } = { chunk: this.#chunk, hash: this.#hash };
    const closedAt = Math.round(now + this.clockOffsetMs);
    for (const part of partsOf(entries)) {
      chunk += 1;
      const bytes = chunkBytes(
        this.id,
        chunk,
        hash,
        part.map(({ text }) => text),
      );
      hash = createHash("sha256").update(bytes).digest("hex");
      saveChunk(
        this.#db,
        this.id,
        chunk,
        zstdCompressSync(bytes, ZSTD),
        hash,
        part.at(-1)?.entry ?? 0,
        closedAt,
      );
    }
    if (!this.isEnding) this.keep(now);
    this.#db.afterCommit(() => {
      this.#chunk = chunk;
      this.#hash = hash;
      this.#openBytes = 0;
      this.#openSince = null;
      this.#isUrgent = false;
    });
  }

  /** The last chunk there will ever be, in the open transaction. */
  finish(now: number): number {
    this.isEnding = true;
    this.closeChunk(now);
    markWatchEnded(this.#db, this.id);
    return findWatch(this.#db, this.id)?.lastChunk ?? 0;
  }

  #catchUp(entries: readonly StoredEntry[], from: number, committedSeq: number): void {
    const observed = entries
      .filter(({ entry }) => entry > from)
      // Written by this program from an Entry.
      .map(({ text }) => JSON.parse(text) as Entry)
      .filter((entry) => entry.type === "observed");
    const catching = { until: committedSeq, observed };
    this.#repeat(catching, this.#watch.seq);
    if (this.#watch.seq < committedSeq) this.#catchingUp = catching;
  }

  /** Takes the stored observations up to this line. */
  #repeat(catching: CatchingUp, seq: number): void {
    while ((catching.observed[0]?.after ?? Number.MAX_SAFE_INTEGER) <= seq) {
      const entry = catching.observed.shift();
      if (entry !== undefined) this.#watch.observe(entry.event);
    }
  }
}

/** The stored watch of a run, made from its header when there is none. In a transaction of its own, or the open one. */
export function storedWatch(db: SpoolDatabase, id: string, header: () => HeaderEntry): StoredWatch {
  const stored = findWatch(db, id);
  if (stored !== null) return stored;
  return db.lazily(() => {
    insertWatch(db, id, header());
    const made = findWatch(db, id);
    if (made === null) throw new Error(`no watch of ${id}`);
    return made;
  });
}

/** What one chunk may hold; only a full disk ever leaves more than that. */
function* partsOf(entries: readonly StoredEntry[]): Generator<StoredEntry[]> {
  let part: StoredEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (bytes + entry.text.length * 3 > EVIDENCE_BYTES_MAX - 4_096 && part.length > 0) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += entry.text.length * 3;
  }
  yield part;
}
