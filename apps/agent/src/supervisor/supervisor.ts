// The shell around the run machines: looks at files and processes, feeds what it sees to `stepRun`, stores the new state
// together with its events, and only then acts. A crash anywhere leaves a state from which the next start goes on.

import { randomBytes } from "node:crypto";
import { statfsSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { RunStart, RunStop } from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import { LogPump, POLL_MS } from "../logs/pump.ts";
import { judgeQuota } from "../logs/quota.ts";
import type { Quota, QuotaVerdict } from "../logs/quota.ts";
import { LogTail } from "../logs/tail.ts";
import type { SpoolDatabase } from "../spool/database.ts";
import { appendEvent } from "../spool/events.ts";
import { trimLog } from "../spool/logs.ts";
import type { NewEvent } from "../spool/events.ts";
import {
  findLiveRuns,
  findRun,
  insertRun,
  isKnownRun,
  saveFrozen,
  saveRunProcess,
  saveRunState,
  saveSignalsSent,
  sumUnshippedBytes,
} from "../spool/runs.ts";
import { activate, limitsOf, membershipOf, toWaiting } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { RunFiles } from "./files.ts";
import { planLaunch, spawnWrapper } from "./launch.ts";
import type { Tools } from "./launch.ts";
import { findMembers, MARK_VARIABLE } from "./members.ts";
import { hasEnvironment, isAlive, readBootId, readCommandLine } from "./proc.ts";
import { describeMembers, ProcessTable, signalGroup, signalMembers } from "./processes.ts";
import { runWakeAt, startRun, stepRun, stopBeforeStart } from "./run.ts";
import type { Outcome, RunEffect, RunInput } from "./run.ts";

/** How often wrappers and jobs are checked to be alive; their end usually shows in the files long before. */
const LIVENESS_MS = 1000;
/** After the wrapper is gone its last file may still be on its way for this long. */
const EXIT_FILE_GRACE_MS = 1000;

const PAUSE_REASONS = {
  run_full: "its spool quota is reached",
  host_full: "the host's spool quota is reached",
  disk_full: "the disk is almost full",
  fits: "",
} as const satisfies Record<QuotaVerdict, string>;

export type SupervisorOptions = {
  db: SpoolDatabase;
  dataDir: string;
  tools: Tools;
  quota: Quota;
  clock: Clock;
  log: Logger;
  /** Events were added to the spool. */
  onEvent: () => void;
  /** A run has new lines, or a newly closed segment, in the spool. */
  onBatch: (runId: string) => void;
  onSegment: (runId: string) => void;
  /** The spool could not be written or read; `null` when it works again. */
  onSpoolProblem: (problem: string | null) => void;
};

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #runs = new Map<string, ActiveRun>();
  readonly #watches = new Map<string, FSWatcher>();
  readonly #table = new ProcessTable();
  readonly #pump: LogPump;
  readonly #bootId = readBootId();
  #timer: NodeJS.Timeout | null = null;
  #spoolProblem: string | null = null;
  #isClosed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pump = new LogPump(options.clock, {
      onBatch: options.onBatch,
      onSegment: options.onSegment,
      onError: (runId, error) => this.#spoolFailed(runId, error),
    });
  }

  /** Takes up every run that was not over when the last agent ended. Call once, before anything else. */
  async adopt(): Promise<void> {
    for (const stored of findLiveRuns(this.#options.db)) {
      const run = this.#activate(stored.id);
      if (run) await this.#adoptOne(run);
    }
  }

  /**
   * Carries out a `run.start` within the caller's transaction; the returned function launches it, after the commit. The
   * caller tells of the new event then, too: one that is sent before it is stored comes twice after a crash.
   */
  prepareStart({ run_id: runId, spec }: RunStart): () => void {
    const { db, clock } = this.#options;
    if (isKnownRun(db, runId)) return () => undefined;
    const now = clock();
    const state = startRun(limitsOf(spec), now);
    insertRun(
      db,
      { id: runId, spec, state, mark: randomBytes(16).toString("hex"), bootId: this.#bootId },
      now,
    );
    const waiting = state.kind === "starting" ? { waiting: toWaiting(state.wait) } : {};
    appendEvent(db, { type: "run.starting", runId, at: now, payload: waiting });
    return () => {
      const run = this.#activate(runId);
      if (run) void this.#launch(run);
    };
  }

  /** Like `prepareStart` for a run that is already known to be impossible: it starts and ends FAILED, for everybody to see. */
  prepareRefused(runId: string, spec: RunStart["spec"], reason: string): () => void {
    const { db, clock } = this.#options;
    if (isKnownRun(db, runId)) return () => undefined;
    const now = clock();
    insertRun(
      db,
      { id: runId, spec, state: startRun(limitsOf(spec), now), mark: "", bootId: this.#bootId },
      now,
    );
    appendEvent(db, { type: "run.starting", runId, at: now, payload: {} });
    return () => {
      const run = this.#activate(runId);
      if (run) this.#step(run, { kind: "launch_failed", exitCode: 126, reason });
    };
  }

  /** Like `prepareStart` for a run that is to stop before it was started: it ends STOPPED, and a later start does nothing. */
  prepareStopped({ run_id: runId, mode, grace_ms: graceMs, reason, actor }: RunStop, spec: RunStart["spec"]) {
    const { db, clock } = this.#options;
    const now = clock();
    const { state, effects } = stopBeforeStart({ mode, graceMs, reason, actor }, now);
    insertRun(db, { id: runId, spec, state, mark: "", bootId: this.#bootId }, now);
    return () => {
      const run = this.#activate(runId);
      if (run) for (const effect of effects) this.#perform(run, effect);
    };
  }

  /** Carries out a `run.stop`; a run that is over needs none. */
  stop({ run_id: runId, mode, grace_ms: graceMs, reason, actor }: RunStop): void {
    const run = this.#runs.get(runId);
    if (run) this.#step(run, { kind: "stop", order: { mode, graceMs, reason, actor } });
  }

  /** How many runs are not over. */
  get liveCount(): number {
    return this.#runs.size;
  }

  /** The run's files moved on: its shipped part was given back. */
  freed(runId: string, stdoutFreed: number, stderrFreed: number): void {
    const tail = this.#pump.get(runId);
    if (tail) Object.assign(tail.position, { stdoutFreed, stderrFreed });
  }

  /** Stops looking. The jobs go on without us, and are adopted at the next start. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearInterval(this.#timer);
    for (const runId of this.#runs.keys()) this.#deactivate(runId);
  }

  #activate(runId: string): ActiveRun | null {
    const { db, dataDir } = this.#options;
    const stored = findRun(db, runId);
    if (!stored || this.#isClosed) return null;
    const run = activate(stored, new RunFiles(dataDir, runId));
    this.#runs.set(runId, run);
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS);
    return run;
  }

  #deactivate(runId: string): void {
    this.#watches.get(runId)?.close();
    this.#watches.delete(runId);
    this.#pump.remove(runId);
    this.#runs.delete(runId);
    if (this.#runs.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  async #launch(run: ActiveRun): Promise<void> {
    try {
      run.files.create();
      this.#follow(run);
      const plan = planLaunch(run.spec);
      if ("reason" in plan) return this.#step(run, { kind: "launch_failed", ...plan });
      run.child = await spawnWrapper(this.#options.tools, plan, run.files.dir, run.mark);
      run.child.once("exit", () => this.#look(run));
      return this.#look(run);
    } catch (error) {
      this.#options.log.warn({ err: error, runId: run.id }, "run could not be launched");
      const reason = error instanceof Error ? error.message : String(error);
      return this.#step(run, { kind: "launch_failed", exitCode: 126, reason });
    }
  }

  async #adoptOne(run: ActiveRun): Promise<void> {
    const { log } = this.#options;
    log.info({ runId: run.id, state: run.state.kind }, "adopting run");
    const isSameBoot = run.bootId === this.#bootId;
    if (!isSameBoot) this.#trimLog(run);
    if (
      run.state.kind === "starting" &&
      isSameBoot &&
      !run.files.isClaimed() &&
      !(await this.#hasWrapper(run))
    ) {
      // It never began: the claim makes sure that no two wrappers ever do.
      return this.#launch(run);
    }
    run.files.create();
    this.#follow(run);
    if (!isSameBoot) return this.#adoptAfterBoot(run);
    if (run.state.kind !== "draining")
      this.#note(run, "adopted after agent restart", null, { state: run.state.kind });
    if (run.state.kind === "draining") return this.#perform(run, { kind: "drain" });
    this.#look(run);
    // The restart may have fallen between storing a decision and acting on it.
    if (run.state.kind === "running" && run.frozen) this.#signalAll(run, "SIGSTOP");
    if (run.state.kind === "stopping")
      this.#signal(run, run.state.phase === "killing" ? "SIGKILL" : "SIGTERM");
    if (run.state.kind === "running" && run.state.exit !== null) this.#count(run);
    return undefined;
  }

  /** Pids and start times of another boot mean nothing: only files speak. */
  #adoptAfterBoot(run: ActiveRun): void {
    const exit = run.files.readExit(new Set(run.signalsSent));
    run.process = null;
    if (run.state.kind === "draining") return this.#perform(run, { kind: "drain" });
    if (exit === null)
      return this.#step(run, { kind: "lost", reason: "the host was restarted while it ran" });
    if (run.state.kind === "starting")
      this.#step(run, { kind: "launched", startedAt: this.#options.clock() });
    return this.#step(run, { kind: "exited", exit, at: this.#options.clock() });
  }

  /** Output the kernel had not written when the power went is gone, and with it the batches that speak of it. */
  #trimLog(run: ActiveRun): void {
    const { db } = this.#options;
    run.files.create();
    const trimmed = trimLog(db, run.id, run.files.size("stdout"), run.files.size("stderr"));
    if (!trimmed) return;
    run.log = findRun(db, run.id)?.log ?? run.log;
    this.#note(run, "log cut short", "the host stopped before all output was on disk", {});
  }

  /** Whether a wrapper of this run is on its way, started by an agent that died a moment ago. */
  async #hasWrapper(run: ActiveRun): Promise<boolean> {
    const processes = await this.#table.list();
    return processes.some((info) => readCommandLine(info.pid).includes(run.files.dir));
  }

  /** Follows the run's folder: output goes to the pump, `pid` and `exit` to `#look`. */
  #follow(run: ActiveRun): void {
    this.#pump.add(run.id, new LogTail(this.#options.db, run.id, run.files, run.log));
    try {
      const watcher = watch(run.files.dir, { persistent: false }, (_event, name) => {
        if (name === "stdout" || name === "stderr") this.#pump.nudge(run.id);
        else if (name === "pid" || name === "exit") this.#look(run);
      });
      watcher.on("error", () => this.#watches.delete(run.id));
      this.#watches.set(run.id, watcher);
    } catch (error) {
      // Watches are a limited resource of the host; polling alone is slower, not wrong.
      this.#options.log.debug({ err: error }, "no watch for a run's folder");
    }
    this.#pump.nudge(run.id);
  }

  /** Besides looking, repeats whatever a full disk kept from being stored the last time. */
  #poll(): void {
    const now = this.#options.clock();
    for (const run of this.#runs.values()) {
      this.#look(run);
      if (now >= runWakeAt(run.state)) this.#step(run, { kind: "tick" });
      if (run.state.kind === "stopping" || (run.state.kind === "running" && run.state.exit !== null))
        this.#count(run);
      if (run.state.kind === "draining") this.#drain(run);
    }
    this.#pump.poll();
    this.#guard("quota", () => this.#applyQuota());
  }

  /** Looks at what the wrapper has written and, now and then, whether it still lives. */
  #look(run: ActiveRun): void {
    if (!this.#runs.has(run.id)) return;
    this.#guard(run.id, () => {
      if (run.state.kind === "starting") this.#lookForStart(run);
      const isWaiting =
        (run.state.kind === "running" || run.state.kind === "stopping") && run.state.exit === null;
      if (isWaiting) this.#lookForExit(run);
    });
  }

  /** A disk that is full or broken must not end the agent: the same is tried again at the next poll. */
  #guard(what: string, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#spoolFailed(what, error);
    }
  }

  #lookForStart(run: ActiveRun): void {
    const { db, clock } = this.#options;
    const found = run.files.readProcess();
    if (found) {
      db.durably(() => saveRunProcess(db, run.id, found));
      run.process = found;
      this.#step(run, { kind: "launched", startedAt: clock() });
      return;
    }
    const isWrapperGone = run.child
      ? run.child.exitCode !== null || run.child.signalCode !== null
      : this.#isStartAbandoned(run);
    if (!isWrapperGone || !this.#isGoneForGood(run)) return;
    this.#signal(run, "SIGKILL");
    this.#step(run, { kind: "lost", reason: "its wrapper ended before it could say what it had started" });
  }

  /** For a run adopted while it started: nobody is left who would write its pid. */
  #isStartAbandoned(run: ActiveRun): boolean {
    const now = this.#options.clock();
    if (now - run.lastLivenessAt < LIVENESS_MS) return false;
    run.lastLivenessAt = now;
    void this.#lookForStarters(run);
    return run.wrapperGoneAt !== null;
  }

  async #lookForStarters(run: ActiveRun): Promise<void> {
    const assignment = `${MARK_VARIABLE}=${run.mark}`;
    const processes = await this.#table.list();
    const isAnyoneLeft = processes.some(
      (info) => readCommandLine(info.pid).includes(run.files.dir) || hasEnvironment(info.pid, assignment),
    );
    run.wrapperGoneAt = isAnyoneLeft ? null : (run.wrapperGoneAt ?? this.#options.clock());
  }

  #lookForExit(run: ActiveRun): void {
    const { clock } = this.#options;
    const exit = run.files.readExit(new Set(run.signalsSent));
    if (exit) return this.#step(run, { kind: "exited", exit, at: clock() });
    const now = clock();
    if (now - run.lastLivenessAt < LIVENESS_MS || !run.process) return undefined;
    run.lastLivenessAt = now;
    if (isAlive(run.process.wrapper)) return undefined;
    if (run.wrapperGoneAt === null && isAlive(run.process.job)) {
      this.#note(run, "exit status will be unknown", "the wrapper that keeps it was killed", {});
    }
    if (this.#isGoneForGood(run) && !isAlive(run.process.job))
      this.#step(run, { kind: "exited", exit: "unknown", at: now });
    return undefined;
  }

  #isGoneForGood(run: ActiveRun): boolean {
    run.wrapperGoneAt ??= this.#options.clock();
    return this.#options.clock() - run.wrapperGoneAt >= EXIT_FILE_GRACE_MS;
  }

  /** One input: decide, store decision and events together, act. When storing fails nothing has happened, and a poll tries again. */
  #step(run: ActiveRun, input: RunInput): void {
    const { db, clock, onEvent } = this.#options;
    const { state, effects } = stepRun(run.state, input, clock());
    const reports = effects.map((effect) => this.#toEvent(run, effect)).filter((event) => event !== null);
    if (state !== run.state) {
      try {
        db.durably(() => {
          saveRunState(db, run.id, state);
          for (const event of reports) appendEvent(db, event);
        });
      } catch (error) {
        return this.#spoolFailed(run.id, error);
      }
      run.state = state;
      this.#spoolWorks();
    }
    if (reports.length > 0) onEvent();
    for (const effect of effects) this.#perform(run, effect);
    return undefined;
  }

  #perform(run: ActiveRun, effect: RunEffect): void {
    switch (effect.kind) {
      case "signal":
        return this.#signal(run, effect.signal);
      case "count":
        return this.#count(run);
      case "drain":
        return this.#drain(run);
      case "report_ended":
        return this.#deactivate(run.id);
      case "report_running":
      case "report_stopping":
        return undefined;
    }
  }

  #signal(run: ActiveRun, signal: "SIGTERM" | "SIGKILL"): void {
    const { db } = this.#options;
    if (!run.signalsSent.includes(signal)) {
      run.signalsSent = [...run.signalsSent, signal];
      db.lazily(() => saveSignalsSent(db, run.id, run.signalsSent));
    }
    this.#signalAll(run, signal);
  }

  /** The group at once; then, after a look around, also what has left it. */
  #signalAll(run: ActiveRun, signal: NodeJS.Signals): void {
    const membership = membershipOf(run);
    signalGroup(membership, signal);
    void signalMembers(this.#table, membership, run.known, signal);
  }

  #count(run: ActiveRun): void {
    if (run.isCounting) return;
    run.isCounting = true;
    void this.#countNow(run);
  }

  async #countNow(run: ActiveRun): Promise<void> {
    const processes = await this.#table.list();
    run.isCounting = false;
    if (!this.#runs.has(run.id)) return;
    const members = findMembers(membershipOf(run), processes, run.known);
    this.#step(run, { kind: "census", alive: members.length, detail: describeMembers(members) });
  }

  #drain(run: ActiveRun): void {
    if (run.isDraining) return;
    run.isDraining = true;
    void this.#finishLog(run);
  }

  async #finishLog(run: ActiveRun): Promise<void> {
    await this.#pump.finish(run.id);
    const tail = this.#pump.get(run.id);
    // The end is told with the log's size, so the log has to be on disk by then, whatever happens to the power.
    const problem = (await tail?.sync()) ?? null;
    run.log = tail?.position ?? run.log;
    run.isDraining = false;
    if (this.#runs.has(run.id)) this.#step(run, { kind: "drained", problem });
  }

  #applyQuota(): void {
    const { db, quota, dataDir } = this.#options;
    const hostBytes = sumUnshippedBytes(db);
    const disk = statfsSync(dataDir);
    const diskFreeBytes = disk.bavail * disk.bsize;
    for (const run of this.#runs.values()) {
      const tail = this.#pump.get(run.id);
      if (run.state.kind !== "running" || !tail || !run.process) continue;
      const verdict = judgeQuota(quota, run.frozen, tail.heldBytes(), hostBytes, diskFreeBytes);
      if ((verdict !== "fits") === run.frozen) continue;
      this.#freeze(run, verdict !== "fits", PAUSE_REASONS[verdict]);
    }
  }

  /** Pauses the run's processes, or lets them go on; the timeline says which and why. */
  #freeze(run: ActiveRun, isFrozen: boolean, why: string): void {
    const { db, quota } = this.#options;
    // Pausing is what makes room, so it must not fail for want of room: the note of it may.
    this.#signalAll(run, isFrozen ? "SIGSTOP" : "SIGCONT");
    run.frozen = isFrozen;
    db.durably(() => saveFrozen(db, run.id, isFrozen));
    const payload = { run_bytes_max: quota.runBytesMax, host_bytes_max: quota.hostBytesMax };
    if (isFrozen)
      this.#note(
        run,
        "paused: log spool is full",
        `output is written faster than it can be shipped; ${why}`,
        payload,
      );
    else this.#note(run, "resumed: log spool has room again", null, payload);
  }

  #toEvent(run: ActiveRun, effect: RunEffect): NewEvent | null {
    const at = this.#options.clock();
    switch (effect.kind) {
      case "report_running": {
        const pid = run.process?.job.pid;
        return pid === undefined
          ? null
          : {
              type: "run.running",
              runId: run.id,
              at,
              payload: { pid, started_at: new Date(effect.startedAt).toISOString() },
            };
      }
      case "report_stopping":
        return {
          type: "run.stopping",
          runId: run.id,
          at,
          payload: { reason: effect.reason, actor: effect.actor, waiting: toWaiting(effect.wait) },
        };
      case "report_ended":
        return { type: "run.ended", runId: run.id, at, payload: this.#tellEnd(run, effect.outcome) };
      case "signal":
      case "count":
      case "drain":
        return null;
    }
  }

  #tellEnd(run: ActiveRun, outcome: Outcome) {
    const { stdoutTo, stderrTo, lastSeq, lastSegment } = run.log;
    return {
      state: outcome.state,
      exit_code: outcome.exitCode,
      signal: outcome.signal,
      ended_at: new Date(outcome.endedAt).toISOString(),
      reason: outcome.reason?.slice(0, TEXT_CHARS_MAX) ?? null,
      log: {
        stdout_bytes: stdoutTo,
        stderr_bytes: stderrTo,
        lines: lastSeq,
        last_seq: lastSeq,
        last_segment: lastSegment,
      },
    };
  }

  #note(run: ActiveRun, title: string, reason: string | null, payload: Record<string, unknown>): void {
    this.#append({
      type: "run.note",
      runId: run.id,
      at: this.#options.clock(),
      payload: { title, reason, payload },
    });
  }

  #append(event: NewEvent): void {
    appendEvent(this.#options.db, event);
    this.#options.onEvent();
  }

  #spoolWorks(): void {
    if (this.#spoolProblem === null) return;
    this.#spoolProblem = null;
    this.#options.onSpoolProblem(null);
  }

  #spoolFailed(runId: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem !== this.#spoolProblem)
      this.#options.log.error({ err: error, runId }, "the spool cannot be written");
    this.#spoolProblem = problem;
    this.#options.onSpoolProblem(problem);
  }
}
