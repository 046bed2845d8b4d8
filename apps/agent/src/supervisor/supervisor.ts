// The shell around the run machines: looks at files and processes, feeds what it sees to `stepRun`, stores the new state
// together with its events, and only then acts. A crash anywhere leaves a state from which the next start goes on.

import { randomBytes } from "node:crypto";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { RunFreeze, RunSpec, RunStart, RunStop } from "@flowplane/link";
import { newUid } from "@flowplane/opamp";
import { Commits } from "../logs/commits.ts";
import { Freeing } from "../logs/freeing.ts";
import { LogPump, POLL_MS } from "../logs/pump.ts";
import { LogTail } from "../logs/tail.ts";
import { rememberEarlyStop, takeEarlyStop } from "../spool/early-stops.ts";
import { appendEvent } from "../spool/events.ts";
import type { NewEvent } from "../spool/events.ts";
import { watchPatterns } from "../progress/pattern.ts";
import { ProgressWatch } from "../progress/watch.ts";
import { boundNextStarts, deleteNextStart } from "../spool/next-starts.ts";
import type { NextStart } from "../spool/next-starts.ts";
import {
  findLineage,
  findLiveRuns,
  forgetSecrets,
  findRun,
  insertRun,
  isKnownRun,
  markForGood,
  saveRestart,
  saveRunState,
} from "../spool/runs.ts";
import type { Restart } from "../spool/runs.ts";
import { activate, limitsOf } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { Sampler } from "../sampling/sampler.ts";
import { adopt } from "./adoption.ts";
import { RunFiles } from "./files.ts";
import { applyQuota, forgetHolds, prepareHold } from "./freezing.ts";
import type { Holder } from "./holds.ts";
import { launch } from "./launching.ts";
import type { RunObserver } from "./observer.ts";
import { readBootId } from "./proc.ts";
import { ProcessTable } from "./processes.ts";
import { tellEffect, tellWait } from "./reporting.ts";
import { runWakeAt, startRun, stepRun, stopBeforeStart } from "./run.ts";
import type { Outcome, RunEffect, RunInput } from "./run.ts";
import { removeContainment } from "./containment.ts";
import { removeHeartbeatFile } from "../launch/heartbeat-file.ts";
import { countMembers, sendSignal } from "./signalling.ts";
import { planNext, Successors, tellCreated } from "./successors.ts";
import { LIVE_RUNS_MAX, toWallTime } from "./supervision.ts";
import type { Supervision, SupervisorOptions } from "./supervision.ts";
import { lookAt } from "./watching.ts";

/** What of a run is changed when it is started again. */
export type RestartChanges = Pick<Restart, "argsAdd" | "envSet" | "delayMs">;

export class Supervisor implements Supervision {
  readonly options: SupervisorOptions;
  readonly table = new ProcessTable();
  readonly pump: LogPump;
  readonly bootId = readBootId();
  readonly #runs = new Map<string, ActiveRun>();
  readonly #watches = new Map<string, FSWatcher>();
  readonly #successors = new Successors(this);
  readonly progress = new ProgressWatch(this);
  readonly #sampler = new Sampler(this);
  readonly #freeing: Freeing;
  readonly #commits: Commits;
  #timer: NodeJS.Timeout | null = null;
  #spoolProblem: string | null = null;
  #isClosed = false;

  constructor(options: SupervisorOptions) {
    this.options = { ...options, observer: watchPatterns(options.observer) };
    this.pump = new LogPump(options.steady, {
      onBatch: options.onBatch,
      onError: (runId, error) => this.#spoolFailed(runId, error),
      onRecovered: () => this.#spoolWorks(),
    });
    this.#commits = new Commits(options.db);
    this.#freeing = new Freeing((problem) => options.log.warn(problem));
  }

  get runs(): ReadonlyMap<string, ActiveRun> {
    return this.#runs;
  }

  /** How many runs are not over. */
  get liveCount(): number {
    return this.#runs.size;
  }

  /** Attempts that wait for their time, the next one first. */
  get nextStarts(): readonly NextStart[] {
    return this.#successors.list();
  }

  /** Takes up every run that was not over when the last agent ended. Call once, before anything else. */
  async adopt(): Promise<void> {
    boundNextStarts(this.options.db, this.options.steady());
    this.#successors.load();
    for (const stored of findLiveRuns(this.options.db)) {
      const run = this.activate(stored.id);
      if (run) await adopt(this, run);
    }
    this.#keepTime();
  }

  /**
   * Carries out a `run.start` within the caller's transaction; the returned function launches it, after the commit. The
   * caller tells of the new event then, too: one that is sent before it is stored comes twice after a crash.
   */
  prepareStart({ run_id: runId, spec }: RunStart): () => void {
    const { db } = this.options;
    if (isKnownRun(db, runId)) return () => undefined;
    const early = takeEarlyStop(db, runId);
    if (early) return this.prepareStopped(early, spec);
    return this.#insert(runId, spec, 0);
  }

  /** Like `prepareStart` for a run that is already known to be impossible: it starts and ends FAILED, for everybody to see. */
  prepareRefused(runId: string, spec: RunSpec, reason: string): () => void {
    const { db, clock, steady } = this.options;
    if (isKnownRun(db, runId)) return () => undefined;
    const now = clock();
    const state = startRun(limitsOf(spec), steady());
    insertRun(db, { id: runId, spec, state, mark: "", bootId: this.bootId, isForGood: true }, now);
    appendEvent(db, { type: "run.starting", runId, at: now, payload: {} });
    return () => {
      const run = this.activate(runId);
      if (run) this.step(run, { kind: "launch_failed", exitCode: 126, reason });
    };
  }

  /** Like `prepareStart` for a run that is to stop before it was started: it ends STOPPED, and a later start does nothing. */
  prepareStopped(
    { run_id: runId, mode, grace_ms: graceMs, reason, actor }: RunStop,
    spec: RunSpec,
  ): () => void {
    const { db, clock, steady } = this.options;
    const { state, effects } = stopBeforeStart({ mode, graceMs, reason, actor }, steady());
    insertRun(db, { id: runId, spec, state, mark: "", bootId: this.bootId, isForGood: true }, clock());
    return () => {
      const run = this.activate(runId);
      if (run) for (const effect of effects) this.#perform(run, effect);
    };
  }

  /** Keeps an order to stop for a run whose order to start may still come. To be called in a transaction. */
  rememberStop(stop: RunStop): void {
    rememberEarlyStop(this.options.db, stop, this.options.clock());
  }

  /**
   * Ends a run; one that is over needs no end. With `for_good`, as people mean it, neither a retry nor a restart follows, of an
   * ended run either; without it, its policy of retries goes on as after a failure.
   */
  stop(stop: RunStop): void {
    this.options.db.durably(() => this.prepareStop(stop))();
  }

  /** `stop` within the caller's transaction; the returned function acts, after the commit. */
  prepareStop({
    run_id: runId,
    mode,
    grace_ms: graceMs,
    reason,
    actor,
    for_good: isForGood,
    traceparent,
  }: RunStop): () => void {
    const { db } = this.options;
    const run = this.#runs.get(runId);
    const lineage = run?.lineage ?? findLineage(db, runId);
    if (isForGood === true && isKnownRun(db, runId)) markForGood(db, runId);
    const act = run
      ? this.#prepareStep(run, { kind: "stop", order: { mode, graceMs, reason, actor, traceparent } })
      : null;
    return () => {
      if (run && isForGood === true) Object.assign(run, { isForGood, restart: null });
      if (isForGood === true && lineage !== null) this.#successors.cancel(lineage, actor, reason);
      act?.();
    };
  }

  /**
   * Pauses a run or lets it go on. A run is paused as long as anybody holds it; a person's word to go on overrules a policy's
   * hold, not the quota's. False when the run does not run.
   */
  freeze(
    runId: string,
    isFrozen: boolean,
    reason: string,
    actor: string,
    holder: Holder = "person",
  ): boolean {
    const freeze = { run_id: runId, frozen: isFrozen, reason, actor };
    const act = this.options.db.durably(() => this.prepareFreeze(freeze, holder));
    if (act) this.options.onEvent();
    act?.();
    return act !== null;
  }

  /** `freeze` within the caller's transaction; the returned function acts, after the commit. Null when the run does not run. */
  prepareFreeze(
    { run_id: runId, frozen, reason, actor }: RunFreeze,
    holder: Holder = "person",
  ): (() => void) | null {
    const run = this.#runs.get(runId);
    return run ? prepareHold(this, run, frozen, { holder, reason, actor }) : null;
  }

  /**
   * Ends a run and starts its command again with these changes, under a new id, which is returned. Null when it is not running, or
   * is being ended for good.
   */
  restart(runId: string, changes: RestartChanges, reason: string, actor: string): string | null {
    const { db, clock, random } = this.options;
    const run = this.#runs.get(runId);
    const canStop = run?.state.kind === "running" || run?.state.kind === "starting";
    if (!run || !canStop || run.isForGood) return null;
    const restart: Restart = { ...changes, runId: newUid(clock(), random), reason, actor };
    const order = { mode: "stop" as const, graceMs: run.spec.grace_ms, reason, actor };
    const act = db.durably(() => {
      saveRestart(db, run.id, restart);
      return this.#prepareStep(run, { kind: "stop", order });
    });
    run.restart = restart;
    act();
    return restart.runId;
  }

  /** A segment of the run is stored elsewhere, and its file is gone. */
  segmentGone(runId: string, storedBytes: number): void {
    this.pump.get(runId)?.segmentGone(storedBytes);
  }

  /** Stops looking. The jobs go on without us, and are adopted at the next start. */
  close(): void {
    this.#isClosed = true;
    this.#commits.close();
    if (this.#timer) clearInterval(this.#timer);
    for (const runId of this.#runs.keys()) this.#deactivate(runId);
    this.progress.close();
  }

  activate(runId: string): ActiveRun | null {
    const { db, dataDir } = this.options;
    const stored = findRun(db, runId);
    if (!stored || this.#isClosed) return null;
    const run = activate(stored, new RunFiles(dataDir, runId));
    this.#runs.set(runId, run);
    this.#keepTime();
    return run;
  }

  look(run: ActiveRun): void {
    if (!this.#runs.has(run.id)) return;
    this.#guard(run.id, () => lookAt(this, run));
  }

  /** Output goes to the pump, `pid` and `exit` to `look`. */
  follow(run: ActiveRun): void {
    const { db, redactors, observer, log, onSegment } = this.options;
    const tail = new LogTail({
      db,
      runId: run.id,
      files: run.files,
      position: run.log,
      redactor: redactors.of(run.spec),
      freeing: this.#freeing,
      isReady: () => run.state.kind !== "starting",
      commits: this.#commits,
      observer,
      onObserverError: (error) => log.error({ err: error, runId: run.id }, "a run's watcher failed"),
      onSegment,
      onSealProblem: (error) => this.pump.sealed(run.id, error),
    });
    this.pump.add(run.id, tail);
    try {
      const watcher = watch(run.files.dir, { persistent: false }, (_event, name) => {
        if (name === "stdout" || name === "stderr") this.pump.nudge(run.id);
        else if (name === "pid" || name === "exit") this.look(run);
      });
      watcher.on("error", () => this.#watches.delete(run.id));
      this.#watches.set(run.id, watcher);
    } catch (error) {
      // Watches are a limited resource of the host; polling alone is slower, not wrong.
      this.options.log.debug({ err: error }, "no watch for a run's folder");
    }
    this.pump.nudge(run.id);
  }

  step(run: ActiveRun, input: RunInput): void {
    let act: () => void;
    try {
      act = this.#prepareStep(run, input);
    } catch (error) {
      // Nothing has happened, and a poll tries again.
      return this.#spoolFailed(run.id, error);
    }
    act();
    return undefined;
  }

  drain(run: ActiveRun): void {
    if (run.isDraining) return;
    run.isDraining = true;
    void this.#finishLog(run);
  }

  note(run: ActiveRun, title: string, reason: string | null, payload: Record<string, unknown>): void {
    const { db, clock, redactors, onEvent } = this.options;
    const told = reason === null ? null : redactors.of(run.spec).redactText(reason).slice(0, TEXT_CHARS_MAX);
    appendEvent(db, {
      type: "run.note",
      runId: run.id,
      at: clock(),
      payload: { title, reason: told, payload },
    });
    onEvent();
  }

  observe(tell: (observer: RunObserver) => void): void {
    try {
      tell(this.options.observer);
    } catch (error) {
      this.options.log.error({ err: error }, "a run's watcher failed");
    }
  }

  /** Stores a new run in the open transaction; the returned function launches it. */
  #insert(runId: string, spec: RunSpec, retriesUsed: number): () => void {
    const { db, clock, steady } = this.options;
    const now = clock();
    const state = startRun(limitsOf(spec), steady());
    const mark = randomBytes(16).toString("hex");
    insertRun(db, { id: runId, spec, state, mark, bootId: this.bootId, retriesUsed }, now);
    const waiting = state.kind === "starting" ? { waiting: tellWait(this.options, state.wait) } : {};
    appendEvent(db, { type: "run.starting", runId, at: now, payload: waiting });
    return () => {
      const run = this.activate(runId);
      if (run) void launch(this, run);
    };
  }

  #deactivate(runId: string): void {
    this.#watches.get(runId)?.close();
    this.#watches.delete(runId);
    this.pump.remove(runId);
    this.#runs.delete(runId);
    this.#keepTime();
  }

  /** Polls as long as there is anything to look at. */
  #keepTime(): void {
    const isNeeded = !this.#isClosed && (this.#runs.size > 0 || this.#successors.list().length > 0);
    if (isNeeded) this.#timer ??= setInterval(() => this.#poll(), POLL_MS);
    else if (this.#timer) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  /** Besides looking, repeats whatever a full disk kept from being stored the last time. */
  #poll(): void {
    const now = this.options.steady();
    for (const run of this.#runs.values()) {
      this.look(run);
      if (now >= runWakeAt(run.state)) this.step(run, { kind: "tick" });
      if (run.state.kind === "stopping" || (run.state.kind === "running" && run.state.exit !== null))
        countMembers(this, run);
      if (run.state.kind === "draining") this.drain(run);
    }
    this.pump.poll();
    this.#guard("quota", () => applyQuota(this));
    this.#guard("attempts", () => this.#startDue());
    this.#guard("progress", () => this.progress.poll());
    this.#sampler.poll().catch((error: unknown) => this.#spoolFailed("samples", error));
  }

  #startDue(): void {
    const { db, clock, onEvent } = this.options;
    while (this.#runs.size < LIVE_RUNS_MAX) {
      const next = this.#successors.takeDue();
      if (!next) break;
      try {
        const act = db.durably(() => {
          const now = clock();
          deleteNextStart(db, next.runId);
          const redactor = this.options.redactors.of(next.spec);
          const payload = tellCreated(next, now, (text) => redactor.redactText(text));
          appendEvent(db, { type: "run.created", runId: next.runId, at: now, payload });
          return this.#insert(next.runId, next.spec, next.retriesUsed);
        });
        onEvent();
        act();
      } catch (error) {
        this.#successors.load();
        throw error;
      }
    }
    this.#keepTime();
  }

  /** A disk that is full or broken must not end the agent: the same is tried again at the next poll. */
  #guard(what: string, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#spoolFailed(what, error);
    }
  }

  /** Decides, and stores the decision with its events and with what follows an end; the returned function acts. */
  #prepareStep(run: ActiveRun, input: RunInput): () => void {
    const { db } = this.options;
    const { state, effects } = stepRun(run.state, input, this.options.steady());
    if (state === run.state) return () => this.#actOn(run, effects);
    const next = state.kind === "ended" ? planNext(this, run, state.outcome) : null;
    const following = next && !("none" in next) ? next : null;
    const events = effects
      .map((effect) => tellEffect(this.options, run, effect, following))
      .filter((event) => event !== null);
    if (next && "none" in next && next.none !== null) events.push(this.#noteOfLastAttempt(run, next.none));
    const endedAt = state.kind === "ended" ? toWallTime(this.options, state.outcome.endedAt) : null;
    db.durably(() => {
      saveRunState(db, run.id, state, endedAt);
      const lastEvidence = state.kind === "ended" ? this.#endWatch(run, state.outcome) : 0;
      for (const event of events) appendEvent(db, withEvidence(event, lastEvidence));
      if (following) this.#successors.store(following);
      if (state.kind === "ended") forgetSecrets(db, run.id, run.spec);
    });
    return () => {
      const before = run.state;
      run.state = state;
      this.#spoolWorks();
      if (following) this.#successors.load();
      this.#tellObserver(run, before.kind, input, effects);
      try {
        this.#actOn(run, effects);
      } finally {
        // Afterwards, so that the report of a stop says when the signal was sent.
        if (events.length > 0) this.options.onEvent();
      }
    };
  }

  /** Within the transaction that stores the run's end. */
  #endWatch(run: ActiveRun, outcome: Outcome): number {
    let lastEvidence = 0;
    this.observe((observer) => {
      lastEvidence = observer.ending(run.id, outcome, outcome.endedAt);
    });
    return lastEvidence;
  }

  #noteOfLastAttempt(run: ActiveRun, why: string): NewEvent {
    const payload = {
      title: "No further attempt",
      reason: why.slice(0, TEXT_CHARS_MAX),
      payload: { retry: null },
    };
    return { type: "run.note", runId: run.id, at: this.options.clock(), payload };
  }

  #actOn(run: ActiveRun, effects: readonly RunEffect[]): void {
    for (const effect of effects) this.#perform(run, effect);
  }

  #tellObserver(run: ActiveRun, before: string, input: RunInput, effects: readonly RunEffect[]): void {
    const attempt = run.spec.attempt ?? 1;
    if (input.kind === "exited" && before !== "draining" && before !== "ended") {
      const { exit, at } = input;
      const known =
        exit === "unknown" ? { code: null, signal: null } : { code: exit.code, signal: exit.signal };
      const oomKilled = exit !== "unknown" && exit.oomKilled === true;
      this.observe((observer) => observer.exited(run.id, { ...known, oomKilled }, at));
    }
    for (const effect of effects) {
      if (effect.kind === "report_running")
        this.observe((observer) =>
          observer.began({ id: run.id, spec: run.spec, lineage: run.lineage, attempt }, effect.startedAt),
        );
      if (effect.kind === "report_ended")
        this.observe((observer) => observer.ended(run.id, effect.outcome.state));
    }
  }

  #perform(run: ActiveRun, effect: RunEffect): void {
    switch (effect.kind) {
      case "signal":
        return sendSignal(this, run, effect.signal);
      case "count":
        return countMembers(this, run);
      case "drain":
        // Nobody is left in it; where that is not so, the folder stays, and so do they.
        removeContainment(run.containment);
        removeHeartbeatFile(run.mark);
        return this.drain(run);
      case "report_ended":
        this.#deactivate(run.id);
        // All of it is in segments by now.
        run.files.removeOutput();
        for (const name of ["stdout", "stderr"] as const) this.#freeing.forget(run.files.path(name));
        return undefined;
      case "report_stopping":
        // A paused process could not hear the order to end.
        return forgetHolds(this, run);
      case "report_running":
        // Its watcher knows of it now.
        return this.pump.nudge(run.id);
    }
  }

  async #finishLog(run: ActiveRun): Promise<void> {
    await this.pump.finish(run.id);
    const tail = this.pump.get(run.id);
    run.log = tail?.position ?? run.log;
    run.logTotals = tail?.totals ?? null;
    run.isDraining = false;
    if (this.#runs.has(run.id)) this.step(run, { kind: "drained", problem: null });
  }

  #spoolWorks(): void {
    if (this.#spoolProblem === null) return;
    this.#spoolProblem = null;
    this.options.onSpoolProblem(null);
  }

  #spoolFailed(runId: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem !== this.#spoolProblem)
      this.options.log.error({ err: error, runId }, "the spool cannot be written");
    this.#spoolProblem = problem;
    this.options.onSpoolProblem(problem);
  }
}

/** The end of a run says which chunk of evidence is its last. */
function withEvidence(event: NewEvent, lastEvidence: number): NewEvent {
  return event.type === "run.ended" && lastEvidence > 0
    ? { ...event, payload: { ...event.payload, last_evidence: lastEvidence } }
    : event;
}
