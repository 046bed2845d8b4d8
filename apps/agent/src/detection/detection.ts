// Watches all runs of this host: feeds what is observed to their watches, stores what they say with it, tells of incidents, and
// carries out what the policy decided, after it is stored. Whatever happens in between is taken up at the next start.

import { newUid } from "@flowplane/opamp";
import type { IncidentOpened, RunStop } from "@flowplane/link";
import { EVIDENCE_CLOSE_MS, TEXT_CHARS_MAX } from "@flowplane/link";
import type { DecisionEntry, HeaderEntry, Observation, Output, VerdictEntry } from "@flowplane/detection";
import type { Clock, Random } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { appendEvent } from "../spool/events.ts";
import type { NewEvent } from "../spool/events.ts";
import { findPastExits, savePastExit } from "../spool/evidence.ts";
import { readGuard, saveGuard } from "../spool/guard.ts";
import {
  countIncidents,
  findHistory,
  findIncident,
  findOpen,
  findToDo,
  insertIncident,
  markClosed,
  markDone,
  saveVerdict,
} from "../spool/incidents.ts";
import type { StoredIncident } from "../spool/incidents.ts";
import { findRun } from "../spool/runs.ts";
import type { ObservedRun, ResourceSample, RunObserver } from "../supervisor/observer.ts";
import type { RestartChanges } from "../supervisor/supervisor.ts";
import { countOne, isSpent, release, trip } from "./guard.ts";
import type { Guard } from "./guard.ts";
import { makeHeader } from "./header.ts";
import type { JudgedRun } from "./header.ts";
import { tellSample } from "./samples.ts";
import { storedWatch, WatchedRun } from "./watched-run.ts";

/** A run that was not measured meanwhile is looked at this often. */
export const TICK_MS = 5_000;
/** A quiet run's evidence is passed on after this long, or later where there are many: */
const CALM_CLOSE_MS = 30_000;
/** …each of them adds so much, which bounds the chunks per second on one host. */
const CALM_CLOSE_MS_PER_RUN = 500;
/** Smaller differences between the host's clock and the steady one are nobody's concern. */
const CLOCK_STEP_MS = 1_000;

/** The supervisor, as far as interventions go. */
export interface Means {
  stop(stop: RunStop): void;
  freeze(runId: string, isFrozen: boolean, reason: string, actor: string, holder: "policy"): boolean;
  restart(runId: string, changes: RestartChanges, reason: string, actor: string): string | null;
}

export type DetectionOptions = {
  db: SpoolDatabase;
  clock: Clock;
  steady: Clock;
  random: Random;
  log: Logger;
  means: () => Means;
  /** Events were added to the spool. */
  onEvent: () => void;
  /** A chunk of evidence was closed. */
  onChunk: () => void;
};

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
    bytes: Uint8Array,
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
    const said = watched.line(seq, atMs, stream, bytes);
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
    for (const incident of findOpen(db, runId))
      this.#close(incident, `The run ended: ${outcome.state.toLowerCase().replaceAll("_", " ")}.`);
    if (outcome.state === "FAILED_STOP") this.#tellFailedStop(watched);
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
    this.#carryOut();
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
      else if (output.kind === "cleared") this.#cleared(watched, output);
    }
    this.#saveSoon();
  }

  #judged(watched: WatchedRun, verdict: VerdictEntry): void {
    const { db } = this.#options;
    const decision = [...watched.confirmed.values()].find(({ at }) => at === verdict.at);
    const known =
      watched.incidents.get(verdict.incident) ?? findIncident(db, watched.id, verdict.incident)?.id;
    if (known !== undefined) watched.with(() => this.#storeVerdict(watched, known, verdict));
    else if (decision !== undefined) this.#openIncident(watched, verdict, decision);
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

  #openIncident(watched: WatchedRun, verdict: VerdictEntry, decision: DecisionEntry): void {
    const { db, clock, random } = this.#options;
    const id = newUid(clock(), random);
    watched.incidents.set(verdict.incident, id);
    const { id: runId, header } = watched;
    const { source, sentence } = decision;
    watched.note({
      type: "note",
      after: watched.seq,
      at: verdict.at,
      what: "incident",
      detail: { incident: verdict.incident, id },
    });
    watched.with(() => {
      insertIncident(db, header.lineage, { id, runId, number: verdict.incident, source, sentence, verdict });
      this.#append(runId, "incident.opened", {
        incident_id: id,
        category: decision.category,
        severity: verdict.severity,
        score: decision.score,
        title: `${decision.title}`.slice(0, TEXT_CHARS_MAX),
        line: decision.line,
        evidence: { ...decision.evidence, sentence },
        policy: policyOf(header),
      });
      this.#tellVerdict(runId, id, verdict);
    });
  }

  #storeVerdict(watched: WatchedRun, id: string, verdict: VerdictEntry): void {
    saveVerdict(this.#options.db, id, verdict);
    this.#tellVerdict(watched.id, id, verdict);
  }

  /** What is to be done is told when it is done. */
  #tellVerdict(runId: string, id: string, { action, outcome, why }: VerdictEntry): void {
    if (outcome === "done" && action.do !== "notify") {
      this.#options.db.afterCommit(() => setImmediate(() => this.#carryOut()));
      return;
    }
    const payload = { incident_id: id, action: action.do, outcome, why, run_id: null };
    this.#append(runId, "incident.intervention", payload);
  }

  #cleared(watched: WatchedRun, decision: DecisionEntry): void {
    watched.confirmed.delete(decision.source);
    watched.with(() => {
      for (const incident of findOpen(this.#options.db, watched.id))
        if (incident.source === decision.source) this.#close(incident, decision.sentence);
    });
  }

  #close(incident: StoredIncident, reason: string): void {
    markClosed(this.#options.db, incident.id);
    const payload = { incident_id: incident.id, reason: reason.slice(0, TEXT_CHARS_MAX) };
    this.#append(incident.runId, "incident.closed", payload);
  }

  /** Carries out what is stored as to be done. What cannot be stored now is tried again with the next tick. */
  #carryOut(): void {
    const { db, log } = this.#options;
    try {
      for (const incident of findToDo(db)) this.#intervene(incident);
    } catch (error) {
      log.error({ err: error }, "an intervention could not be carried out yet");
    }
  }

  #intervene(incident: StoredIncident): void {
    const { db } = this.#options;
    const { runId, verdict } = incident;
    const done = this.#act(incident);
    db.durably(() => {
      markDone(db, incident.id);
      this.#append(runId, "incident.intervention", {
        incident_id: incident.id,
        action: verdict.action.do,
        outcome: done === null ? "failed" : "done",
        why: done === null ? `${verdict.why} It could not be done: the run was over.` : verdict.why,
        run_id: done === null ? null : done.runId,
      });
    });
    this.#options.onEvent();
  }

  /** Null where the run was over already. */
  #act({ runId, source, sentence, verdict: { action } }: StoredIncident): { runId: string | null } | null {
    const { db, means } = this.#options;
    const run = findRun(db, runId);
    if (run === null) return null;
    const because = (done: string) => `${done} by Flowplane: ${sentence}`.slice(0, TEXT_CHARS_MAX);
    switch (action.do) {
      case "notify":
        return { runId: null };
      case "freeze":
        return means().freeze(runId, true, because("Paused"), ACTOR, "policy") ? { runId: null } : null;
      case "stop":
      case "stop_for_good": {
        // Who stops what ends by itself again and again means its next attempts.
        const isForGood = action.do === "stop_for_good" || source === "exits";
        if (run.state.kind === "ended" && !isForGood) return null;
        means().stop({
          run_id: runId,
          mode: "stop",
          grace_ms: action.grace_ms ?? run.spec.grace_ms,
          reason: because("Stopped"),
          actor: ACTOR,
          ...(isForGood ? { for_good: true } : {}),
        });
        return { runId: null };
      }
      case "restart": {
        const changes = {
          argsAdd: [...(action.args_add ?? [])],
          envSet: { ...action.env_set },
          delayMs: action.delay_ms ?? 0,
        };
        const next = means().restart(runId, changes, because("Restarted"), ACTOR);
        return next === null ? null : { runId: next };
      }
    }
  }

  #setGuard(guard: Guard, reason: string): void {
    const { db, clock, steady } = this.#options;
    this.#guard = guard;
    db.durably(() => {
      saveGuard(db, guard);
      this.#append(null, "guard.changed", {
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

  #tellFailedStop({ id: runId, header, seq }: WatchedRun): void {
    const { clock, random, steady } = this.#options;
    const id = newUid(clock(), random);
    this.#append(runId, "incident.opened", {
      incident_id: id,
      category: "failed_stop",
      severity: "critical",
      score: 100,
      title: "Failed stop: processes of the run are still there",
      line: seq,
      evidence: { lines: { from: seq, to: seq }, since: { line: seq, at: steady() } },
      policy: policyOf(header),
    });
  }

  #note(runId: string, title: string): void {
    this.#append(runId, "run.note", { title, reason: null, payload: {} });
    this.#options.onEvent();
  }

  #append<T extends NewEvent["type"]>(
    runId: string | null,
    type: T,
    payload: Extract<NewEvent, { type: T }>["payload"],
  ): void {
    const { db, clock, onEvent } = this.#options;
    // The payload is the one of the type.
    appendEvent(db, { type, runId, at: clock(), payload } as NewEvent);
    db.afterCommit(onEvent);
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

const ACTOR = "Flowplane";
const TOLD_CALM = " false";

function policyOf({ policy }: HeaderEntry): IncidentOpened["policy"] {
  const { id, name, version, document } = policy;
  return { id, name, version, mode: document.mode };
}
