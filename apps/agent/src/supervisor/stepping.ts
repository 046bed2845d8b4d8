// One input to a run: the machine decides, the decision is stored with its events and with what follows an end, and only then
// is anything done.

import { TEXT_CHARS_MAX } from "@flowplane/link";
import { removeHeartbeatFile } from "../launch/heartbeat-file.ts";
import { appendEvent } from "../spool/events.ts";
import type { NewEvent } from "../spool/events.ts";
import { forgetSecrets, saveRunState } from "../spool/runs.ts";
import type { ActiveRun } from "./active-run.ts";
import { removeContainment } from "./containment.ts";
import { forgetHolds } from "./freezing.ts";
import { tellEffect } from "./reporting.ts";
import { stepRun } from "./run.ts";
import type { Outcome, RunEffect, RunInput } from "./run.ts";
import { countMembers, sendSignal } from "./signalling.ts";
import type { SpoolHealth } from "./spool-health.ts";
import { planNext } from "./successors.ts";
import type { Successors } from "./successors.ts";
import { toWallTime } from "./supervision.ts";
import type { Supervision } from "./supervision.ts";

export class Stepping {
  readonly #on: Supervision;
  readonly #successors: Successors;
  readonly #health: SpoolHealth;
  readonly #onEnded: (run: ActiveRun) => void;

  /** `onEnded`: the run is over, and everybody was told. */
  constructor(
    on: Supervision,
    successors: Successors,
    health: SpoolHealth,
    onEnded: (run: ActiveRun) => void,
  ) {
    this.#on = on;
    this.#successors = successors;
    this.#health = health;
    this.#onEnded = onEnded;
  }

  /** Decides, and stores the decision with its events and with what follows an end; the returned function acts. */
  prepare(run: ActiveRun, input: RunInput): () => void {
    const { options } = this.#on;
    const { db } = options;
    const { state, effects } = stepRun(run.state, input, options.steady());
    if (state === run.state) return () => this.act(run, effects);
    const next = state.kind === "ended" ? planNext(this.#on, run, state.outcome) : null;
    const following = next && !("none" in next) ? next : null;
    const events = effects
      .map((effect) => tellEffect(options, run, effect, following))
      .filter((event) => event !== null);
    if (next && "none" in next && next.none !== null) events.push(this.#noteOfLastAttempt(run, next.none));
    const endedAt = state.kind === "ended" ? toWallTime(options, state.outcome.endedAt) : null;
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
      this.#health.works();
      if (following) this.#successors.load();
      this.#tellObserver(run, before.kind, input, effects);
      try {
        this.act(run, effects);
      } finally {
        // Afterwards, so that the report of a stop says when the signal was sent.
        if (events.length > 0) options.onEvent();
      }
    };
  }

  act(run: ActiveRun, effects: readonly RunEffect[]): void {
    for (const effect of effects) this.#perform(run, effect);
  }

  /** Within the transaction that stores the run's end. */
  #endWatch(run: ActiveRun, outcome: Outcome): number {
    let lastEvidence = 0;
    this.#on.observe((observer) => {
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
    return { type: "run.note", runId: run.id, at: this.#on.options.clock(), payload };
  }

  #tellObserver(run: ActiveRun, before: string, input: RunInput, effects: readonly RunEffect[]): void {
    const attempt = run.spec.attempt ?? 1;
    if (input.kind === "exited" && before !== "draining" && before !== "ended") {
      const { exit, at } = input;
      const known =
        exit === "unknown" ? { code: null, signal: null } : { code: exit.code, signal: exit.signal };
      const oomKilled = exit !== "unknown" && exit.oomKilled === true;
      this.#on.observe((observer) => observer.exited(run.id, { ...known, oomKilled }, at));
    }
    for (const effect of effects) {
      if (effect.kind === "report_running")
        this.#on.observe((observer) =>
          observer.began({ id: run.id, spec: run.spec, lineage: run.lineage, attempt }, effect.startedAt),
        );
      if (effect.kind === "report_ended")
        this.#on.observe((observer) => observer.ended(run.id, effect.outcome.state));
    }
  }

  #perform(run: ActiveRun, effect: RunEffect): void {
    switch (effect.kind) {
      case "signal":
        return sendSignal(this.#on, run, effect.signal);
      case "count":
        return countMembers(this.#on, run);
      case "drain":
        // Nobody is left in it; where that is not so, the folder stays, and so do they.
        removeContainment(run.containment);
        removeHeartbeatFile(run.mark);
        return this.#on.drain(run);
      case "report_ended":
        return this.#onEnded(run);
      case "report_stopping":
        // A paused process could not hear the order to end.
        return forgetHolds(this.#on, run);
      case "report_running":
        // Its watcher knows of it now.
        return this.#on.pump.nudge(run.id);
    }
  }
}

/** The end of a run says which chunk of evidence is its last. */
function withEvidence(event: NewEvent, lastEvidence: number): NewEvent {
  return event.type === "run.ended" && lastEvidence > 0
    ? { ...event, payload: { ...event.payload, last_evidence: lastEvidence } }
    : event;
}
