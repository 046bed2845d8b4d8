// What `flowplane agent status` shows: from files alone, so that it works whether the agent runs or not.

import { MIGRATIONS } from "./spool/migrations.ts";
import { HELD_BYTES_OF_ALL } from "./spool/runs.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Condition } from "@flowplane/runtime";
import { readFileIfAny, writeFileAtomically } from "./data/folder.ts";
import { certificateTimes, readIdentity, readPendingEnrolment } from "./data/identity.ts";
import { isAlive } from "./supervisor/proc.ts";
import type { ProcessIdentity } from "./supervisor/proc.ts";

export type AgentStatus = {
  /** `pending`: asked to be let in, not let in yet. */
  enrolment: "none" | "pending" | "enrolled";
  agentId: string | null;
  organizationId: string | null;
  instanceUid: string | null;
  controlPlane: string | null;
  /** Ms since epoch. */
  certificateExpiresAt: number | null;
  /** Null when no agent runs on this folder. */
  process: { pid: number; version: string; startedAt: number } | null;
  /** As last told by the running agent; empty when none runs. */
  health: Condition[];
  liveRuns: number;
  eventsWaiting: number;
  logBytesWaiting: number;
};

type Told = { identity: ProcessIdentity; version: string; startedAt: number; health: Condition[] };

/** Writes what only the running process knows. */
export function tellStatus(dataDir: string, told: Told): void {
  writeFileAtomically(join(dataDir, "status.json"), JSON.stringify(told));
}

/** The state of the agent on this data folder. Takes no lock and changes nothing; a missing folder is an agent never enrolled. */
export function agentStatus(dataDir: string): AgentStatus {
  const identity = readIdentity(dataDir);
  const told = readTold(dataDir);
  return {
    enrolment: identity ? "enrolled" : readPendingEnrolment(dataDir) ? "pending" : "none",
    agentId: identity?.agent_id ?? null,
    organizationId: identity?.organization_id ?? null,
    instanceUid: identity?.instance_uid ?? null,
    controlPlane: identity?.opamp_url ?? null,
    certificateExpiresAt: identity ? certificateTimes(identity.certificate).notAfter : null,
    process: told ? { pid: told.identity.pid, version: told.version, startedAt: told.startedAt } : null,
    health: told?.health ?? [],
    ...countSpool(join(dataDir, "spool.db")),
  };
}

function readTold(dataDir: string): Told | null {
  const text = readFileIfAny(join(dataDir, "status.json"));
  if (text === null) return null;
  const told = JSON.parse(text) as Told; // Written by `tellStatus`, as a whole.
  return isAlive(told.identity) ? told : null;
}

function countSpool(path: string): Pick<AgentStatus, "liveRuns" | "eventsWaiting" | "logBytesWaiting"> {
  if (!existsSync(path)) return { liveRuns: 0, eventsWaiting: 0, logBytesWaiting: 0 };
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    const count = (sql: string) => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
    // A spool that is being made, or brought up to date, at this moment has not all tables yet.
    if (count("PRAGMA user_version") < MIGRATIONS.length)
      return { liveRuns: 0, eventsWaiting: 0, logBytesWaiting: 0 };
    return {
      liveRuns: count("SELECT count(*) FROM runs WHERE ended_at IS NULL"),
      eventsWaiting: count("SELECT count(*) FROM events WHERE seq > (SELECT max(acked_up_to) FROM outbox)"),
      logBytesWaiting: count(HELD_BYTES_OF_ALL),
    };
  } finally {
    db.close();
  }
}
