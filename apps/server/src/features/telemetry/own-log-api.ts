import { sql } from "kysely";
import type { z } from "zod";
import type { api } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { agentExists, type OwnLogRow } from "./store.ts";

type Query = z.output<typeof api.agentOwnLogs.query>;

/** An agent's own log, newest first. */
export async function listOwnLogs(ctx: Ctx, agentId: string, query: Query) {
  const after = cursorOf(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    if (!(await agentExists(ctx.db, agentId))) throw notFound("agent", agentId);
    const { rows } = await sql<OwnLogRow>`
      select at, digest::text as digest, severity, body, attributes from own_logs
      where agent_id = ${agentId} and severity >= ${query.severity_min}
        and ${after === undefined ? sql`true` : sql`(at, digest) < (to_timestamp(${after[0]} / 1000.0), ${after[1]}::bigint)`}
      order by at desc, own_logs.digest desc limit ${query.limit + 1}`.execute(ctx.db);
    return pageOf(
      rows,
      query.limit,
      (row) => [row.at.getTime(), row.digest],
      ({ at, severity, body, attributes }) => ({ at: timestamp(at), severity, body, attributes }),
    );
  });
}

function cursorOf(cursor: string | undefined): [number, string] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [at, digest] = values;
  if (
    !Number.isSafeInteger(at) ||
    typeof digest !== "string" ||
    !/^-?\d{1,19}$/.test(digest) ||
    BigInt.asIntN(64, BigInt(digest)) !== BigInt(digest)
  )
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return [at as number, digest];
}
