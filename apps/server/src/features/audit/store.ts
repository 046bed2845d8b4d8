import { sql, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { CHAIN_START, type ChainedEvent, type ChainLink } from "./chain.ts";

export type AuditRow = Selectable<Database["audit_events"]>;

/** The newest link, locked until the transaction ends, so that events of concurrent transactions follow one another. */
export async function lockHead(db: Db, organizationId: string): Promise<ChainLink> {
  return (
    db
      .insertInto("audit_heads")
      .values({ organization_id: organizationId, ...CHAIN_START })
      // Assigns the row to itself, for its lock.
      .onConflict((conflict) => conflict.column("organization_id").doUpdateSet({ seq: sql`audit_heads.seq` }))
      .returning(["seq", "hash"])
      .executeTakeFirstOrThrow()
  );
}

export interface NewLink {
  readonly event: ChainedEvent;
  readonly previousHash: string;
  readonly hash: string;
}

/** Adds events that follow one another, and moves the head to the last; whoever calls holds its lock. */
export async function appendEvents(db: Db, links: readonly NewLink[]): Promise<void> {
  const last = links.at(-1);
  if (last === undefined) return;
  await db
    .insertInto("audit_events")
    .values(
      links.map(({ event, previousHash, hash }) => ({
        ...event,
        at: new Date(event.at),
        actor: JSON.stringify(event.actor),
        metadata: JSON.stringify(event.metadata),
        previous_hash: previousHash,
        hash,
      })),
    )
    .execute();
  await db
    .updateTable("audit_heads")
    .set({ seq: last.event.seq, hash: last.hash })
    .where("organization_id", "=", last.event.organization_id)
    .execute();
}

/** The head and the newest event there is, as one statement sees them; `head` is undefined when its row is gone. */
export async function findEnds(
  db: Db,
  organizationId: string,
): Promise<{ head: ChainLink | undefined; newest_seq: number }> {
  const { rows } = await sql<{ seq: number | null; hash: string | null; newest_seq: number | null }>`
    select (select seq from audit_heads where organization_id = ${organizationId}) as seq,
      (select hash from audit_heads where organization_id = ${organizationId}) as hash,
      (select max(seq) from audit_events where organization_id = ${organizationId}) as newest_seq`.execute(
    db,
  );
  const { seq = null, hash = null, newest_seq = null } = rows[0] ?? {};
  return {
    head: seq === null || hash === null ? undefined : { seq, hash },
    newest_seq: newest_seq ?? 0,
  };
}

/** Events after a sequence number, oldest first. */
export function eventsAfter(db: Db, seq: number, limit: number): Promise<AuditRow[]> {
  return db
    .selectFrom("audit_events")
    .selectAll()
    .where("seq", ">", seq)
    .orderBy("seq")
    .limit(limit)
    .execute();
}

/** Events before a sequence number, newest first. */
export function eventsBefore(
  db: Db,
  seq: number | undefined,
  filter: { action?: string | undefined; actor_id?: string | undefined; target_id?: string | undefined },
  limit: number,
): Promise<AuditRow[]> {
  return db
    .selectFrom("audit_events")
    .selectAll()
    .$if(seq !== undefined, (query) => query.where("seq", "<", seq ?? 0))
    .$if(filter.action !== undefined, (query) => query.where("action", "=", filter.action ?? ""))
    .$if(filter.target_id !== undefined, (query) => query.where("target_id", "=", filter.target_id ?? ""))
    .$if(filter.actor_id !== undefined, (query) =>
      query.where(sql<boolean>`actor ->> 'id' = ${filter.actor_id ?? ""}`),
    )
    .orderBy("seq", "desc")
    .limit(limit)
    .execute();
}
