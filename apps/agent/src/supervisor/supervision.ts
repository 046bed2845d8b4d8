// What the parts of the supervisor share: one table of live runs, one way to change a run, and the means to act.

import type { Clock, Random } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { Tools } from "../launch/tools.ts";
import type { LogPump } from "../logs/pump.ts";
import type { Quota } from "../logs/quota.ts";
import type { Redactors } from "../logs/redactors.ts";
import type { SpoolDatabase } from "../spool/database.ts";
import type { SegmentRow } from "../spool/logs.ts";
import type { ActiveRun } from "./active-run.ts";
import type { CgroupTree } from "./cgroups.ts";
import type { RunObserver } from "./observer.ts";
import type { ProcessTable } from "./processes.ts";
import type { RunEffect, RunInput } from "./run.ts";

/** Runs that may be live at once on this host. Further starts wait, stored, until one has ended. */
export const LIVE_RUNS_MAX = 1000;

export type SupervisorOptions = {
  db: SpoolDatabase;
  dataDir: string;
  tools: Tools;
  /** Null: this host has no cgroups that the agent may use. */
  cgroups: CgroupTree | null;
  quota: Quota;
  /** The host's time, for people. */
  clock: Clock;
  /** Time that nobody can set, for deadlines; see steady-clock.ts. */
  steady: Clock;
  random: Random;
  log: Logger;
  observer: RunObserver;
  redactors: Redactors;
  /** Events were added to the spool. */
  onEvent: () => void;
  /** A run has new lines in the spool. */
  onBatch: (runId: string) => void;
  /** A run has a new segment on disk. */
  onSegment: (segment: Omit<SegmentRow, "id">) => void;
  /** The spool could not be written or read; `null` when it works again. */
  onSpoolProblem: (problem: string | null) => void;
};

export interface Supervision {
  readonly options: SupervisorOptions;
  readonly runs: ReadonlyMap<string, ActiveRun>;
  readonly table: ProcessTable;
  readonly pump: LogPump;
  /** Listens for sd_notify of a run; false where that is not possible. */
  readonly progress: { listen(run: ActiveRun): boolean };
  readonly bootId: string;
  /** Brings a stored run into the table of live ones; null when there is none, or the supervisor is closed. */
  activate(runId: string): ActiveRun | null;
  /** One input: decide, store decision and events together, act. */
  step(run: ActiveRun, input: RunInput): void;
  /** As `step`, at the end of this turn of the event loop, stored together with what is observed of other runs. */
  stepSoon(run: ActiveRun, input: RunInput): void;
  /** Carries out what a decision that is stored asks for. */
  act(run: ActiveRun, effects: readonly RunEffect[]): void;
  /** Looks at what the wrapper has written and, now and then, whether it still lives. */
  look(run: ActiveRun): void;
  /** Reads the rest of the log of a run that is over, then goes on. */
  drain(run: ActiveRun): void;
  /** Follows the run's folder: output goes to the pump, `pid` and `exit` to `look`. */
  follow(run: ActiveRun): void;
  note(run: ActiveRun, title: string, reason: string | null, payload: Record<string, unknown>): void;
  /** Tells the observer; what it throws is its own trouble. */
  observe(tell: (observer: RunObserver) => void): void;
}

/** A moment of the steady clock as the host's clock would show it now, in ISO 8601. */
export function tellTime({ clock, steady }: Pick<SupervisorOptions, "clock" | "steady">, at: number): string {
  return new Date(toWallTime({ clock, steady }, at)).toISOString();
}

export function toWallTime(
  { clock, steady }: Pick<SupervisorOptions, "clock" | "steady">,
  at: number,
): number {
  return Math.round(at + clock() - steady());
}
