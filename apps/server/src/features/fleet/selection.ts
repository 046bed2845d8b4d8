import { sql, type RawBuilder } from "kysely";
import { AppError } from "../../platform/errors.ts";
import type { Db } from "../../platform/storage/database.ts";
import { parseAgentQuery } from "./query.ts";
import { matchingIds } from "./store.ts";

/**
 * A subquery for the ids of the agents that a filter of the query bar matches and, when one is named, that are to run
 * a configuration. For other features' figures of part of a fleet. Throws `invalid_input` for a filter that is none.
 */
export function agentsMatching(
  db: Db,
  {
    q,
    configuration,
    now,
  }: {
    q: string | undefined;
    configuration: { id: string | undefined; version: number | undefined };
    now: number;
  },
): RawBuilder<unknown> {
  const parsed = parseAgentQuery(q ?? "");
  if (!parsed.ok)
    throw new AppError("invalid_input", parsed.problem, {
      fields: [{ pointer: "query/q", message: parsed.problem }],
    });
  const matching = matchingIds(db, { query: parsed.query }, now);
  if (configuration.id === undefined) return sql`${matching}`;
  const version = configuration.version;
  return sql`select m.id from (${matching}) m join agent_assignments a on a.agent_id = m.id
    where a.configuration_id = ${configuration.id}
      and ${version === undefined ? sql`true` : sql`a.version = ${version}`}`;
}
