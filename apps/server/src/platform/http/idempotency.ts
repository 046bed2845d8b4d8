import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Endpoint } from "@flowplane/contract";
import { inTransaction, type Base, type Ctx, type Tx } from "../context.ts";
import { AppError } from "../errors.ts";

/** How long a key answers again what it answered first. */
export const IDEMPOTENCY_KEY_HOURS = 24;
const HOUR_MS = 3_600_000;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;
const PURPOSE = "idempotent-answer";

export interface Keyed {
  readonly key: string;
  readonly endpoint: Endpoint;
  /** Parameters, query and body as they were validated. */
  readonly input: unknown;
}

/**
 * Does `work` once per key. The change, and the answer kept for the next asker, are one transaction: whatever
 * `work` does through `inTransaction` joins it. So a process that dies in between has done nothing, and a repetition
 * does it then; after the commit it answers from the record. A repetition while the first is at work is refused with
 * `conflict` and a second to wait. The same key for something else is an `idempotency_mismatch`.
 *
 * Failures are not kept: nothing was changed, so the next try may succeed.
 */
export async function once<T>(
  ctx: Ctx,
  keyed: Keyed,
  work: (ctx: Ctx) => Promise<T>,
): Promise<{ answer: T; replayed: boolean }> {
  if (!KEY_PATTERN.test(keyed.key))
    throw new AppError(
      "invalid_input",
      "An Idempotency-Key is 1 to 255 printable ASCII characters, without spaces.",
    );
  const endpoint = `${keyed.endpoint.method} ${keyed.endpoint.path}`;
  // The actor is part of it: an answer may hold a secret that was made for one person.
  const requestHash = sha256(JSON.stringify([ctx.actor.type, ctx.actor.id, endpoint, sorted(keyed.input)]));

  return inTransaction(ctx, async (tx) => {
    await lock(tx, keyed.key);
    const kept = await tx.db
      .selectFrom("idempotency_keys")
      .select(["request_hash", "response_sealed"])
      .where("key", "=", keyed.key)
      .executeTakeFirst();
    if (kept !== undefined) {
      if (!kept.request_hash.equals(requestHash)) {
        throw new AppError(
          "idempotency_mismatch",
          "This Idempotency-Key was used for a different request. Use a new key for a new request.",
        );
      }
      const answer = JSON.parse(tx.secrets.open(PURPOSE, kept.response_sealed).toString("utf8")) as T;
      return { answer, replayed: true };
    }
    const answer = await work({ ...tx, transaction: tx });
    await tx.db
      .insertInto("idempotency_keys")
      .values({
        organization_id: tx.actor.organization_id,
        key: keyed.key,
        endpoint,
        request_hash: requestHash,
        // Sealed, because the answer to "create a token" holds the only copy of its secret.
        response_sealed: tx.secrets.seal(PURPOSE, JSON.stringify(answer)),
        created_at: new Date(tx.now()),
      })
      .execute();
    return { answer, replayed: false };
  });
}

/** Forgets keys that have had their time. Returns how many. */
export async function cleanIdempotencyKeys(base: Base): Promise<number> {
  const before = new Date(base.now() - IDEMPOTENCY_KEY_HOURS * HOUR_MS);
  const result = await base.storage.system
    .deleteFrom("idempotency_keys")
    .where("created_at", "<", before)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Held until the transaction ends, however it ends. */
async function lock(tx: Tx, key: string): Promise<void> {
  const number = sha256(`${tx.actor.organization_id} ${key}`).readBigInt64BE();
  const { rows } = await sql<{
    locked: boolean;
  }>`select pg_try_advisory_xact_lock(${number}) as locked`.execute(tx.db);
  if (rows[0]?.locked === true) return;
  throw new AppError("conflict", "A request with this Idempotency-Key is at work. Ask again in a second.", {
    retryAfterSeconds: 1,
  });
}

/** The same value with the names of every object in order, so that equal requests hash equally. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
