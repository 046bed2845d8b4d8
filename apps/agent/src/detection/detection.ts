// Watches all runs of this host: feeds what is observed to their watches, stores what they say with it, tells of incidents, and
// carries out what the policy decided, after it is stored. Whatever happens in between is taken up at the next start.

import { EVIDENCE_CLOSE_MS, TEXT_CHARS_MAX } from "@flowplane/link";
import type { Observation, Output, Span, VerdictEntry } from "@flowplane/detection";
import { findPastExits, savePastExit } from "../spool/evidence.ts";
import { readGuard, saveGuard } from "../spool/guard.ts";
import { countIncidents, findHistory } from "../spool/incidents.ts";
import { findRun } from "../spool/runs.ts";
import type { ObservedRun, ResourceSample, RunObserver } from "../supervisor/observer.ts";
import { countOne, isSpent, release, trip } from "./guard.ts";
import type { Guard } from "./guard.ts";
import { makeHeader } from "./header.ts";
import type { JudgedRun } from "./header.ts";
import { closeAll, closeCleared, takeVerdict, tellFailedStop } from "./incidents.ts";
import { carryOut } from "./interventions.ts";
import type { DetectionOptions } from "./options.ts";
import { tellSample } from "./samples.ts";
import { tell } from "./telling.ts";
import { storedWatch, WatchedRun } from "./watched-run.ts";

/** A run that was not measured meanwhile is looked at this often. */
export const TICK_MS = 5_000;
/** A quiet run's evidence is passed on after this long, or later where there are many: */
const CALM_CLOSE_MS = 30_000;
/** …each of them adds so much, which bounds the chunks per second on one host. */
const CALM_CLOSE_MS_PER_RUN = 500;
/** Smaller differences between the host's clock and the steady one are nobody's concern. */
const CLOCK_STEP_MS = 1_000;

export class Detection implements RunObserver {
  readonly #options: DetectionOptions;
  readonly #runs = new Map<string, WatchedRun>();
  /** The run whose line came last, since most often the next is of the same. */
  #last: WatchedRun | null = null;
  #isSaving = false;
  #guard: Guard;

  constructor(options: DetectionOptions) {
    this.#options = options;
    this.#guard = readGuard(options.db);
  }

  began(run: ObservedRun, atMs: number): void {
    const watched = this.#open(run.id, run);
    if (watched === null || watched.hasBegun) return;
    watched.begin();
    for (const past of findPastExits(this.#options.db, run.lineage, run.id))
      this.#observe(watched, { kind: "past_exit", at: atMs, ...past });
    this.#observe(watched, { kind: "start", at: atMs });
    this.#tellGuard();
  }

  resumesAfter(runId: string): number {
    return this.#open(runId, null)?.seq ?? Number.MAX_SAFE_INTEGER;
  }

  line(
    runId: string,
    seq: number,
    atMs: number,
    stream: "stdout" | "stderr",
    line: Readonly<Span>,
    _partial: boolean,
  ): void {
    const watched = this.#last?.id === runId ? this.#last : this.#open(runId, null);
    if (watched === null) return;
    this.#last = watched;
    if (!watched.isNext(seq)) this.#beginAfresh(watched, seq - 1, "not every line could be told again");
    if (watched.isBatchNew) {
      watched.isBatchNew = false;
      this.#followClock(watched);
    }
    const said = watched.line(seq, atMs, stream, line);
    if (said.length > 0) this.#take(watched, said);
  }

  committed(runId: string, _seq: number): void {
    const watched = this.#runs.get(runId);
    if (watched === undefined) return;
    watched.isBatchNew = true;
    watched.save(this.#options.steady());
  }

  segmentClosed(
    runId: string,
    { segment, firstSeq, lastSeq, sha256 }: Parameters<RunObserver["segmentClosed"]>[1],
  ): void {
    const watched = this.#runs.get(runId);
    if (watched === undefined) return;
    watched.note({ type: "segment", segment, first_seq: firstSeq, last_seq: lastSeq, sha256 });
    // Its lines may be gone from this host soon, so from here on none of them need be told again.
    watched.keep(this.#options.steady());
  }

  sampled(runId: string, atMs: number, sample: ResourceSample): void {
    this.#see(runId, { kind: "sample", at: atMs, ...tellSample(sample) });
  }

  heartbeat(runId: string, atMs: number, progress: number | null): void {
    this.#see(runId, { kind: "heartbeat", at: atMs, progress });
  }

  progressed(runId: string, _atMs: number, what: string): void {
    // A line that is told again is not a second sign: the first is in the journal.
    if (this.#runs.get(runId)?.catchesUpTo != null) return;
    this.#see(runId, { kind: "progress", at: this.#options.steady(), what });
  }

  frozen(runId: string, atMs: number, isFrozen: boolean): void {
    this.#see(runId, { kind: "frozen", at: atMs, frozen: isFrozen });
  }

  exited(runId: string): void {
    // The last of its lines are still to come, and say why: the exit is observed when they are read.
    const watched = this.#runs.get(runId);
    if (watched !== undefined) watched.hasExited = true;
  }

  ending(runId: string, outcome: Parameters<RunObserver["ending"]>[1], atMs: number): number {
    const watched = this.#open(runId, null);
    if (watched === null) return 0;
    const { db, steady } = this.#options;
    if (!watched.isEnding) {
      const { exitCode: code, signal } = outcome;
      this.#observe(watched, { kind: "exit", at: atMs, code, signal });
      this.#observe(watched, { kind: "end", at: atMs });
      const uptimeMs = Math.max(0, atMs - watched.header.at);
      const past = { run_id: runId, code, signal, uptime_ms: uptimeMs, ...watched.lastEnd };
      watched.with(() => savePastExit(db, runId, past));
    }
    const lastChunk = watched.finish(steady());
    const how = outcome.state.toLowerCase().replaceAll("_", " ");
    closeAll(this.#options, runId, `The run ended: ${how}.`);
    if (outcome.state === "FAILED_STOP") tellFailedStop(this.#options, watched);
    return lastChunk;
  }

  ended(runId: string): void {
    this.#runs.delete(runId);
    if (this.#last?.id === runId) this.#last = null;
    this.#options.onEvent();
    this.#options.onChunk();
  }

  /** To be called every TICK_MS: looks at runs that nothing was heard of, passes evidence on, lets the guard go. */
  tick(): void {
    const now = this.#options.steady();
    if (this.#guard.until !== null && now >= this.#guard.until)
      this.#setGuard(release(this.#guard), "The time of the fallback is over.");
    this.#tellGuard();
    for (const watched of this.#runs.values())
      if (watched.hasBegun && !watched.hasExited && now - watched.lastObservedAt >= TICK_MS)
        this.#see(watched.id, { kind: "tick", at: now });
    this.#save();
    carryOut(this.#options);
  }

  /** The control plane says that every policy here acts as in shadow mode until then, by the host's clock; null ends that. */
  fallBack(until: number | null, reason: string): void {
    const { clock, steady } = this.#options;
    const guard =
      until === null ? release(this.#guard) : trip(this.#guard, until - clock() + steady(), reason);
    if (guard !== this.#guard) this.#setGuard(guard, reason);
  }

  /** The run's watch, begun or taken up; null for a run that is over or unknown. `run` saves looking it up. */
  #open(runId: string, run: JudgedRun | null): WatchedRun | null {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    const { db, steady } = this.#options;
    const found = findRun(db, runId);
    if (found === null) return null;
    const judged = run ?? { ...found, attempt: found.spec.attempt ?? 1 };
    let problem: string | null = null;
    const stored = storedWatch(db, runId, () => {
      const made = makeHeader(judged, findHistory(db, judged.lineage, runId), steady());
      problem = made.problem;
      return made.header;
    });
    if (stored.ended) return null;
    const watched = new WatchedRun(db, runId, stored, found.log.lastSeq);
    this.#runs.set(runId, watched);
    if (watched.isNew) watched.guardTold = TOLD_CALM;
    if (problem !== null) this.#note(runId, problem);
    return watched;
  }

  #see(runId: string, event: Observation): void {
    const watched = this.#runs.get(runId);
    if (watched === undefined || watched.hasExited || watched.isEnding) return;
    if (watched.catchesUpTo !== null)
      this.#beginAfresh(watched, watched.catchesUpTo, "lines of before were not told again");
    this.#observe(watched, event);
    this.#saveSoon();
  }

  #observe(watched: WatchedRun, event: Observation): void {
    const said = watched.observe(event);
    if (said.length > 0) this.#take(watched, said);
  }

  #beginAfresh(watched: WatchedRun, seq: number, why: string): void {
    const { db, steady, log } = this.#options;
    log.warn({ runId: watched.id, why }, "detection begins afresh");
    const history = findHistory(db, watched.header.lineage, null);
    const incidents = countIncidents(db, watched.id);
    watched.beginAfresh({ kind: "resumed_afresh", at: steady(), why, incidents, history }, seq);
    watched.guardTold = null;
    this.#tellGuard();
  }

  /** Lines carry the host's time; a change of it is no passing of time. */
  #followClock(watched: WatchedRun): void {
    if (watched.catchesUpTo !== null) return;
    const { clock, steady } = this.#options;
    const at = steady();
    const offset = Math.round((clock() - at) / CLOCK_STEP_MS) * CLOCK_STEP_MS;
    if (offset !== watched.clockOffsetMs) this.#observe(watched, { kind: "clock", at, offset_ms: offset });
  }

  #take(watched: WatchedRun, said: readonly Output[]): void {
    for (const output of said) {
      watched.note(output);
      if (output.type === "verdict") this.#judged(watched, output);
      else if (output.kind === "confirmed") watched.confirmed.set(output.source, output);
      else if (output.kind === "cleared") closeCleared(this.#options, watched, output);
    }
    this.#saveSoon();
  }

  #judged(watched: WatchedRun, verdict: VerdictEntry): void {
    const { db } = this.#options;
    takeVerdict(this.#options, watched, verdict);
    if (verdict.outcome === "done" && verdict.action.do !== "notify") {
      this.#guard = countOne(this.#guard, verdict.at);
      watched.with(() => saveGuard(db, this.#guard));
      this.#tellGuard();
    }
    if (verdict.trips_guard) {
      const { fallback_ms: fallbackMs } = watched.header.policy.document.rate_limit;
      const tripped = trip(this.#guard, verdict.at + fallbackMs, verdict.why);
      if (tripped !== this.#guard) this.#setGuard(tripped, verdict.why);
    }
  }

  #setGuard(guard: Guard, reason: string): void {
    const { db, clock, steady } = this.#options;
    this.#guard = guard;
    db.durably(() => {
      saveGuard(db, guard);
      tell(this.#options, null, "guard.changed", {
        until: guard.until === null ? null : new Date(guard.until + clock() - steady()).toISOString(),
        reason: reason.slice(0, TEXT_CHARS_MAX),
        interventions: guard.times.length,
      });
    });
    this.#tellGuard();
  }

  /** Each watch is told what changes for it: until when nothing is done, and whether one more would be one too many. */
  #tellGuard(): void {
    const at = this.#options.steady();
    const { until } = this.#guard;
    for (const watched of this.#runs.values()) {
      if (watched.isEnding || watched.catchesUpTo !== null) continue;
      const spent = isSpent(this.#guard, watched.header.policy.document, at);
      const told = `${until ?? ""} ${spent}`;
      if (watched.guardTold === told) continue;
      watched.guardTold = told;
      this.#observe(watched, { kind: "guard", at, until, spent });
    }
    this.#saveSoon();
  }

  #note(runId: string, title: string): void {
    tell(this.#options, runId, "run.note", { title, reason: null, payload: {} });
    this.#options.onEvent();
  }

  /** What this turn of the event loop observes is stored at its end, all runs together. */
  #saveSoon(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    setImmediate(() => {
      this.#isSaving = false;
      this.#save();
    });
  }

  #save(): void {
    const { db, steady, log, onChunk } = this.#options;
    const now = steady();
    const calmMs = Math.max(CALM_CLOSE_MS, this.#runs.size * CALM_CLOSE_MS_PER_RUN);
    const waiting = [...this.#runs.values()].filter(({ hasPending }) => hasPending);
    const due = [...this.#runs.values()].filter((watched) => watched.isDue(now, EVIDENCE_CLOSE_MS, calmMs));
    if (waiting.length === 0 && due.length === 0) return;
    try {
      db.lazily(() => {
        for (const watched of waiting) watched.save(now);
        for (const watched of due) watched.closeChunk(now);
      });
      if (due.length > 0) onChunk();
    } catch (error) {
      // The disk is full or broken: all of it is still there, and stored with the next that is.
      log.error({ err: error }, "evidence could not be stored yet");
    }
  }
}

const TOLD_CALM = " false";
