import { sql } from "kysely";
import type { Logger } from "pino";
import type { ActorRef, ChangeNotice, Permission, Role } from "@flowplane/contract";
import type { Config } from "../config.ts";
import { subjects, type Bus } from "./bus/bus.ts";
import type { Objects } from "./objects/objects.ts";
import type { Secrets } from "./secrets/secrets.ts";
import type { Db, Storage } from "./storage/database.ts";
import type { Traces } from "./traces/traces.ts";

export { newId } from "./ids.ts";

/** What lives as long as the process. `main.ts` builds it once; tests build a small one by hand. */
export interface Base {
  readonly config: Config;
  readonly log: Logger;
  readonly storage: Storage;
  readonly bus: Bus;
  readonly objects: Objects;
  readonly secrets: Secrets;
  /** Absent where nobody collects traces. */
  readonly traces?: Traces;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Who acts, in which organization, with which rights. It travels as one value. */
export interface Actor extends ActorRef {
  readonly organization_id: string;
  readonly role: Role;
  readonly permissions: readonly Permission[];
}

/** One operation: the process it runs in and who asked. It has no database on purpose: see `inTransaction`. */
export interface Ctx extends Base {
  readonly actor: Actor;
  readonly requestId: string;
  readonly remoteAddress: string | null;
  /** W3C trace context of the request, where traces are sent. */
  readonly traceparent?: string;
  /** Set while an idempotent request is at work: its transaction, which every `inTransaction` below it joins. */
  readonly transaction?: Pick<Tx, "db" | "beforeCommit" | "afterCommit">;
}

/** An operation inside its transaction. Functions that take a `Tx` name it `ctx`, so that the pool is out of reach. */
export interface Tx extends Ctx {
  readonly db: Db;
  /** Runs last inside the transaction, in order of registration. */
  beforeCommit(hook: () => Promise<void>): void;
  /** Runs once the change is durable; for nudges and notices, which may be lost. */
  afterCommit(hook: () => void): void;
}

/**
 * Runs `work` in one transaction that sees the actor's organization and nothing else. Inside an idempotent request
 * it is that request's transaction, which commits when the whole request has succeeded.
 */
export async function inTransaction<T>(ctx: Ctx, work: (ctx: Tx) => Promise<T>): Promise<T> {
  return asTenant(ctx, "read committed", work);
}

/**
 * The same for what reads several tables and shows them as one thing: all its statements see the database as it was at
 * the first, so that nothing of a change is shown without the rest of it.
 */
export async function inSnapshot<T>(ctx: Ctx, work: (ctx: Tx) => Promise<T>): Promise<T> {
  return asTenant(ctx, "repeatable read", work);
}

async function asTenant<T>(ctx: Ctx, isolation: Isolation, work: (ctx: Tx) => Promise<T>): Promise<T> {
  if (ctx.transaction !== undefined) return work({ ...ctx, ...ctx.transaction });
  return withHooks(ctx, ctx.storage.tenant, isolation, async (tx) => {
    await sql`select set_config('app.organization_id', ${ctx.actor.organization_id}, true)`.execute(tx.db);
    return work(tx);
  });
}

/**
 * Runs `work` in one transaction of the system role, which sees every organization. For what happens before there is
 * an organization to act in; everything else is `inTransaction`.
 */
export function inSystemTransaction<T>(ctx: Ctx, work: (ctx: Tx) => Promise<T>): Promise<T> {
  return withHooks(ctx, ctx.storage.system, "read committed", work);
}

type Isolation = "read committed" | "repeatable read";

async function withHooks<T>(
  ctx: Ctx,
  pool: Db,
  isolation: Isolation,
  work: (ctx: Tx) => Promise<T>,
): Promise<T> {
  const before: (() => Promise<void>)[] = [];
  const after: (() => void)[] = [];
  const transaction = pool.transaction();
  const begin = isolation === "read committed" ? transaction : transaction.setIsolationLevel(isolation);
  const result = await begin.execute(async (db) => {
    const value = await work({
      ...ctx,
      db,
      beforeCommit: (hook) => void before.push(hook),
      afterCommit: (hook) => void after.push(hook),
    });
    for (const hook of before) await hook();
    return value;
  });
  for (const hook of after) hook();
  return result;
}

/** Tells the organization's dashboards, after the commit, that something should be read again. */
export function notify(ctx: Tx, notice: ChangeNotice): void {
  ctx.afterCommit(() => ctx.bus.publish(subjects.changes(ctx.actor.organization_id), notice));
}

/** What a row or an answer keeps of an actor. */
export function actorRef(actor: ActorRef): ActorRef {
  return { type: actor.type, id: actor.id, name: actor.name };
}

/** ISO 8601 with milliseconds, as the contract has it. */
export function timestamp(date: Date): string;
export function timestamp(date: Date | null): string | null;
export function timestamp(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
