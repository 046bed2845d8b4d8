// The shell around the run machines: looks at files and processes, feeds what it sees to `stepRun`, stores the new state
// together with its events, and only then acts. A crash anywhere leaves a state from which the next start goes on.

import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { RunFreeze, RunSpec, RunStart, RunStop } from "@flowplane/link";
import { newUid } from "@flowplane/opamp";
import { LogPump, POLL_MS } from "../logs/pump.ts";
import { rememberEarlyStop, takeEarlyStop } from "../spool/early-stops.ts";
import { appendEvent } from "../spool/events.ts";
import { watchPatterns } from "../progress/pattern.ts";
import { ProgressWatch } from "../progress/watch.ts";
import { boundNextStarts, deleteNextStart } from "../spool/next-starts.ts";
import type { NextStart } from "../spool/next-starts.ts";
import { findLineage, findLiveRuns, findRun, isKnownRun, markForGood, saveRestart } from "../spool/runs.ts";
import type { Restart } from "../spool/runs.ts";
import { activate } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { Sampler } from "../sampling/sampler.ts";
import { adopt } from "./adoption.ts";
import { storeRefused, storeStart, storeStopped } from "./beginnings.ts";
import { RunFiles } from "./files.ts";
import { Following } from "./following.ts";
import { applyQuota, prepareHold } from "./freezing.ts";
import type { Holder } from "./holds.ts";
import type { RunObserver } from "./observer.ts";
import { readBootId } from "./proc.ts";
import { ProcessTable } from "./processes.ts";
import { runWakeAt } from "./run.ts";
import type { RunEffect, RunInput } from "./run.ts";
import { countMembers } from "./signalling.ts";
import { SpoolHealth } from "./spool-health.ts";
import { StepQueue } from "./step-queue.ts";
import type { Step } from "./step-queue.ts";
import { Stepping } from "./stepping.ts";
import { Successors, tellCreated } from "./successors.ts";
import { LIVE_RUNS_MAX } from "./supervision.ts";
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
  readonly #successors = new Successors(this);
  readonly progress = new ProgressWatch(this);
  readonly #sampler = new Sampler(this);
  readonly #health: SpoolHealth;
  readonly #following: Following;
  readonly #stepping: Stepping;
  readonly #steps = new StepQueue((steps) => this.#stepTogether(steps));
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: SupervisorOptions) {
    this.options = { ...options, observer: watchPatterns(options.observer) };
    this.#health = new SpoolHealth(options);
    this.pump = new LogPump(options.steady, {
      onBatch: options.onBatch,
      onError: (runId, error) => this.#health.failed(runId, error),
      onRecovered: () => this.#health.works(),
    });
    this.#following = new Following(this);
    this.#stepping = new Stepping(this, this.#successors, this.#health, (run) => {
      this.#deactivate(run.id);
      this.#following.removeOutput(run);
    });
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
    return storeStart(this, runId, spec, 0);
  }

  /** Like `prepareStart` for a run that is already known to be impossible: it starts and ends FAILED, for everybody to see. */
  prepareRefused(runId: string, spec: RunSpec, reason: string): () => void {
    return isKnownRun(this.options.db, runId) ? () => undefined : storeRefused(this, runId, spec, reason);
  }

  /** Like `prepareStart` for a run that is to stop before it was started: it ends STOPPED, and a later start does nothing. */
  prepareStopped(stop: RunStop, spec: RunSpec): () => void {
    return storeStopped(this, stop, spec);
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
      ? this.#stepping.prepare(run, { kind: "stop", order: { mode, graceMs, reason, actor, traceparent } })
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
      return this.#stepping.prepare(run, { kind: "stop", order });
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
    this.#steps.close();
    this.#following.close();
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
    this.#health.guard(run.id, () => lookAt(this, run));
  }

  follow(run: ActiveRun): void {
    this.#following.follow(run);
  }

  step(run: ActiveRun, input: RunInput): void {
    let act: () => void;
    try {
      act = this.#stepping.prepare(run, input);
    } catch (error) {
      // Nothing has happened, and a poll tries again.
      return this.#health.failed(run.id, error);
    }
    act();
    return undefined;
  }

  act(run: ActiveRun, effects: readonly RunEffect[]): void {
    this.#stepping.act(run, effects);
  }

  stepSoon(run: ActiveRun, input: RunInput): void {
    this.#steps.add(run, input);
  }

  /** All in one transaction, and then what follows from each. */
  #stepTogether(steps: readonly Step[]): void {
    const live = steps.filter(({ run }) => this.#runs.get(run.id) === run);
    let acts: (() => void)[];
    try {
      acts = this.options.db.durably(() => live.map(({ run, input }) => this.#stepping.prepare(run, input)));
    } catch {
      // One of them, or the disk: alone each says so itself, and does not hold the others up.
      for (const { run, input } of live) this.step(run, input);
      return;
    }
    for (const [index, act] of acts.entries()) {
      const step = live[index];
      if (step === undefined) continue;
      this.#health.guard(step.run.id, act);
      // It may have ended already, and is not looked at for a while.
      if (step.input.kind === "launched") this.look(step.run);
    }
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

  #deactivate(runId: string): void {
    this.#following.unfollow(runId);
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
    this.#health.guard("quota", () => applyQuota(this));
    this.#health.guard("attempts", () => this.#startDue());
    this.#health.guard("progress", () => this.progress.poll());
    this.#sampler.poll().catch((error: unknown) => this.#health.failed("samples", error));
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
          return storeStart(this, next.runId, next.spec, next.retriesUsed);
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

  async #finishLog(run: ActiveRun): Promise<void> {
    await this.pump.finish(run.id);
    const tail = this.pump.get(run.id);
    run.log = tail?.position ?? run.log;
    run.logTotals = tail?.totals ?? null;
    run.isDraining = false;
    if (this.#runs.has(run.id)) this.stepSoon(run, { kind: "drained", problem: null });
  }
}
