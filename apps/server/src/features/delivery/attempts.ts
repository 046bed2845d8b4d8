import type { Db } from "../../platform/storage/database.ts";
import type { AttemptNews } from "../fleet/status.ts";
import { updateAttempts } from "./store.ts";

/**
 * Keeps what agents said of the contents they were brought, for many agents in one statement. News of a content that
 * nobody here assigned, such as one of another server, is passed over.
 */
export async function writeAttempts(
  db: Db,
  entries: readonly {
    readonly agentId: string;
    readonly attempts: ReadonlyMap<string, AttemptNews> | null;
  }[],
): Promise<void> {
  const rows = entries.flatMap(({ agentId, attempts }) =>
    [...(attempts ?? [])].map(([hash, news]) => ({ agentId, hash, ...news })),
  );
  if (rows.length > 0) await updateAttempts(db, rows);
}
