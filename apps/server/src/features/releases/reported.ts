import { redactText, type PackageStatusesJson, type PackageStatusJson } from "@flowplane/opamp";
import { newId } from "../../platform/ids.ts";
import type { Db } from "../../platform/storage/database.ts";
import { ATTEMPTS_KEPT_MAX, ERROR_CHARS_MAX, REPORTED_MAX, REPORTED_TEXT_CHARS_MAX } from "./limits.ts";
import {
  findNewestAttempts,
  putAttempts,
  replaceReported,
  type AttemptRow,
  type NewAttempt,
  type NewReported,
} from "./reported-store.ts";

type Attempt = Pick<AttemptRow, "hash" | "status" | "error">;

/** Keeps what agents say of their packages: how each is now, and what came of each offer. */
export async function writePackages(
  db: Db,
  entries: readonly {
    readonly agentId: string;
    readonly packages: readonly PackageStatusesJson[] | null;
    /** ms since the epoch. */
    readonly lastSeenAt: number;
  }[],
): Promise<void> {
  const reporting = entries.filter(({ packages }) => packages !== null);
  const agentIds = reporting.map(({ agentId }) => agentId);
  const newest = new Map<string, NewAttempt>();
  for (const row of await findNewestAttempts(db, agentIds)) newest.set(`${row.agent_id} ${row.name}`, row);
  const reported: NewReported[] = [];
  const written = new Map<string, NewAttempt>();
  for (const { agentId, packages, lastSeenAt } of reporting) {
    const at = new Date(lastSeenAt);
    for (const report of packages ?? [])
      for (const [name, status] of namedOf(report)) {
        const key = `${agentId} ${name}`;
        const change = attemptAfter(newest.get(key), status);
        if (change === "none") continue;
        const known = change === "same" ? newest.get(key) : undefined;
        const row: NewAttempt = {
          id: known?.id ?? newId(),
          agent_id: agentId,
          name,
          version: shown(status.server_offered_version),
          hash: status.server_offered_hash,
          status: status.status,
          error: errorOf(status),
          started_at: known?.started_at ?? at,
          status_at: at,
        };
        newest.set(key, row);
        written.set(row.id, row);
      }
    for (const [name, status] of namedOf(packages?.at(-1)))
      reported.push({
        agent_id: agentId,
        name,
        has_version: shown(status.agent_has_version),
        offered_version: shown(status.server_offered_version),
        offered_hash: status.server_offered_hash,
        status: status.status,
        error: errorOf(status),
        percent: status.download?.percent ?? null,
        bytes_per_second: status.download?.bytes_per_second ?? null,
        reported_at: at,
      });
  }
  if (agentIds.length > 0) await replaceReported(db, agentIds, reported);
  await putAttempts(db, [...written.values()], ATTEMPTS_KEPT_MAX);
}

/**
 * What a status says of an agent's attempts at a package, of which `newest` is the last: nothing, how that one goes on (`same`), or that
 * another one has begun (`new`): by another offer, or because what had ended moves again.
 */
export function attemptAfter(
  newest: Attempt | undefined,
  status: PackageStatusJson,
): "none" | "same" | "new" {
  if (status.server_offered_hash === "") return "none";
  if (newest === undefined || newest.hash !== status.server_offered_hash) return "new";
  const isSame = newest.status === status.status;
  if (isSame && newest.error === errorOf(status)) return "none";
  const hasEnded = newest.status === "installed" || newest.status === "install_failed";
  return hasEnded && !isSame ? "new" : "same";
}

/** The first by name of what may be any number. */
function namedOf(report: PackageStatusesJson | undefined): (readonly [string, PackageStatusJson])[] {
  return Object.entries(report?.packages ?? {})
    .filter(([name]) => name !== "" && name.length <= REPORTED_TEXT_CHARS_MAX)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, REPORTED_MAX);
}

/**
 * What went wrong. Agents like to name the address that failed, which is a credential; and opamp-go goes on telling the error of
 * an installation that failed after the next one has succeeded.
 */
function errorOf({ status, error_message }: PackageStatusJson): string {
  if (status !== "install_failed") return "";
  return redactText(error_message).slice(0, ERROR_CHARS_MAX);
}

function shown(text: string): string {
  return text.slice(0, REPORTED_TEXT_CHARS_MAX);
}
