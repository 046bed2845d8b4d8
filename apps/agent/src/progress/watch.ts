// Looks for signs of life and progress that are not in the output: a file the run appends to or touches, a file of its own
// that changes, and sd_notify.

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { ActiveRun } from "../supervisor/active-run.ts";
import type { Supervision } from "../supervisor/supervision.ts";
import { parseAppended, parseNotification } from "./beats.ts";
import { NotifySocket } from "./notify-socket.ts";

/** How often runs are looked at that promised signs of life… */
const PROMISED_MS = 1000;
/** …and all others. */
const OTHERS_MS = 5000;
/** The end of what was appended to a heartbeat file since; only its last line counts. */
const APPENDED_BYTES_MAX = 4096;

type Kept = {
  lookedAt: number;
  heartbeat: { size: number; mtimeMs: number } | null;
  fileMtimeMs: number | null;
  status: string | null;
  socket: NotifySocket | null;
};

export class ProgressWatch {
  readonly #on: Supervision;
  readonly #kept = new Map<string, Kept>();

  constructor(on: Supervision) {
    this.#on = on;
  }

  /** Listens for sd_notify before the run begins, so that its first word is heard. False where that is not possible. */
  listen(run: ActiveRun): boolean {
    const kept = this.#keep(run);
    if (kept.socket) return true;
    try {
      kept.socket = new NotifySocket(run.mark);
      return true;
    } catch (error) {
      this.#on.options.log.debug({ err: error, runId: run.id }, "no socket for sd_notify");
      return false;
    }
  }

  /** To be called often; looks at each run when it is time to. */
  poll(): void {
    const now = this.#on.options.steady();
    for (const [runId, kept] of this.#kept) {
      if (this.#on.runs.has(runId)) continue;
      kept.socket?.[Symbol.dispose]();
      this.#kept.delete(runId);
    }
    for (const run of this.#on.runs.values()) {
      if (run.state.kind !== "running") continue;
      const kept = this.#keep(run);
      const everyMs = run.spec.progress ? PROMISED_MS : OTHERS_MS;
      if (now - kept.lookedAt < everyMs) continue;
      kept.lookedAt = now;
      this.#look(run, kept, now);
    }
  }

  close(): void {
    for (const { socket } of this.#kept.values()) socket?.[Symbol.dispose]();
    this.#kept.clear();
  }

  #keep(run: ActiveRun): Kept {
    const known = this.#kept.get(run.id);
    if (known) return known;
    const path = run.containment?.heartbeatFile ?? null;
    const fresh: Kept = {
      lookedAt: -Infinity,
      // What was there when the run was adopted was heard by the agent before.
      heartbeat: run.child || path === null ? null : look(path),
      fileMtimeMs: null,
      status: null,
      socket: null,
    };
    this.#kept.set(run.id, fresh);
    return fresh;
  }

  #look(run: ActiveRun, kept: Kept, now: number): void {
    const beat = this.#readHeartbeat(run.containment?.heartbeatFile ?? null, kept);
    if (beat !== null) this.#on.observe((observer) => observer.heartbeat(run.id, now, beat.progress));
    this.#readNotifications(run, kept, now);
    const file = run.spec.progress?.file;
    if (file === undefined) return;
    const found = look(resolve(run.spec.cwd ?? "/", file));
    const before = kept.fileMtimeMs;
    kept.fileMtimeMs = found?.mtimeMs ?? null;
    // The first look only remembers: the file may be years old.
    if (before !== null && kept.fileMtimeMs !== null && before !== kept.fileMtimeMs)
      this.#on.observe((observer) => observer.progressed(run.id, now, `${file} changed`));
  }

  #readHeartbeat(path: string | null, kept: Kept) {
    const found = path === null ? null : look(path);
    const before = kept.heartbeat;
    kept.heartbeat = found;
    if (path === null || !found) return null;
    if (before && before.mtimeMs === found.mtimeMs && before.size === found.size) return null;
    // An empty file was made by us; one that shrank was written anew.
    if (!before && found.size === 0) return null;
    const from = before && before.size <= found.size ? before.size : 0;
    return parseAppended(readEnd(path, from, found.size)) ?? { progress: null };
  }

  #readNotifications(run: ActiveRun, kept: Kept, now: number): void {
    for (const datagram of kept.socket?.take() ?? []) {
      const { isLife, status } = parseNotification(datagram);
      if (isLife) this.#on.observe((observer) => observer.heartbeat(run.id, now, null));
      if (status === null || status === kept.status) continue;
      kept.status = status;
      // Its words may hold anything, secrets too, so they stay here.
      this.#on.observe((observer) => observer.progressed(run.id, now, "its status changed"));
    }
  }
}

function look(path: string): { size: number; mtimeMs: number } | null {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats ? { size: stats.size, mtimeMs: stats.mtimeMs } : null;
  } catch {
    // Behind a folder that is not ours to enter, or no path at all: no sign of anything.
    return null;
  }
}

function readEnd(path: string, from: number, to: number): string {
  const start = Math.max(from, to - APPENDED_BYTES_MAX);
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(to - start);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, start));
  } finally {
    closeSync(fd);
  }
}
