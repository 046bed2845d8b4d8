// What the detection of a host is given: its means, and whom it tells.

import type { RunStop } from "@flowplane/link";
import type { Clock, Random } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import type { RestartChanges } from "../supervisor/supervisor.ts";

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
