import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import type { Changes } from "./changes.ts";

/** What requests on the agent's socket are answered from. */
export interface LocalContext {
  readonly db: SpoolDatabase;
  readonly dataDir: string;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly changes: Changes;
  /** Who the agent is to people; `id` is `local` while it belongs to no control plane. */
  readonly agent: () => { id: string; name: string };
  /** Events were added to the spool. */
  readonly onEvent: () => void;
}
