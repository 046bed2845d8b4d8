import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import type { AgentRow } from "../fleet/agents.ts";
import { OFFERS_KEPT_MAX } from "./limits.ts";

export type OfferRow = Selectable<Database["connection_offers"]>;
export type OfferState = OfferRow["state"];

export function lockAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export function findAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
}

export function findNewest(db: Db, agentId: string): Promise<OfferRow | undefined> {
  return db
    .selectFrom("connection_offers")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** The newest offer of each of these agents, of whatever organization. */
export async function findNewestOf(system: Db, agentIds: readonly string[]): Promise<OfferRow[]> {
  return system
    .selectFrom("connection_offers")
    .selectAll()
    .distinctOn("agent_id")
    .where("agent_id", "in", [...agentIds])
    .orderBy("agent_id")
    .orderBy("id", "desc")
    .execute();
}

/** Agents whose offers changed since a moment. */
export async function findChangedSince(system: Db, since: Date): Promise<string[]> {
  const rows = await system
    .selectFrom("connection_offers")
    .select("agent_id")
    .distinct()
    .where("state_at", ">=", since)
    .execute();
  return rows.map(({ agent_id }) => agent_id);
}

/** Stores an offer and forgets the oldest of the agent's. */
export async function insertOffer(db: Db, row: Insertable<Database["connection_offers"]>): Promise<OfferRow> {
  const stored = await db
    .insertInto("connection_offers")
    .values(row)
    .returningAll()
    .executeTakeFirstOrThrow();
  await sql`
    delete from connection_offers where agent_id = ${row.agent_id} and id not in (
      select id from connection_offers where agent_id = ${row.agent_id} order by id desc limit ${OFFERS_KEPT_MAX})`.execute(
    db,
  );
  return stored;
}

/** What is over holds no secret any more. */
export async function setState(
  db: Db,
  id: string,
  change: { readonly state: OfferState; readonly state_at: Date; readonly detail?: string },
): Promise<void> {
  const isOver = change.state !== "offered" && change.state !== "applying";
  await db
    .updateTable("connection_offers")
    .set({ ...change, ...(isOver ? { sealed: null } : {}) })
    .where("id", "=", id)
    .execute();
}
