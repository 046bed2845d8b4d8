import type { ApiToken, Role } from "@flowplane/contract";
import { subjects } from "../../platform/bus/bus.ts";
import { actorRef, inTransaction, newId, notify, timestamp, type Ctx } from "../../platform/context.ts";
import { notFound } from "../../platform/errors.ts";
import { hashSecret } from "../../platform/secrets/secrets.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { requireRank } from "./members.ts";
import { insertApiToken, listApiTokens, lockApiToken, revokeApiToken, type ApiTokenRow } from "./store.ts";
import { newTokenSecret, writeApiToken } from "./token.ts";

export async function listTokens(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const after = idOfCursor(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listApiTokens(ctx.db, after, query.limit + 1);
    return pageOf(rows, query.limit, (row) => [row.id], apiTokenOf);
  });
}

/** Makes a token with no more rights than its maker has. The secret leaves here this once. */
export async function createToken(
  ctx: Ctx,
  input: { name: string; role: Role; expires_in_seconds: number | null },
): Promise<{ token: ApiToken; secret: string }> {
  requireRank(ctx.actor, input.role);
  const [id, secret, now] = [newId(), newTokenSecret(), ctx.now()];
  return inTransaction(ctx, async (ctx) => {
    const row = await insertApiToken(ctx.db, {
      id,
      organization_id: ctx.actor.organization_id,
      name: input.name,
      role: input.role,
      secret_hash: hashSecret(secret),
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(now),
      expires_at: input.expires_in_seconds === null ? null : new Date(now + input.expires_in_seconds * 1000),
    });
    record(ctx, {
      action: "api_token.create",
      target_type: "api_token",
      target_id: id,
      metadata: { name: input.name, role: input.role },
    });
    notify(ctx, { topic: "api_token", id });
    return { token: apiTokenOf(row), secret: writeApiToken({ id, secret }) };
  });
}

/** From the answer on, the token opens nothing; its live streams end. Revoking it again changes nothing. */
export async function revokeToken(ctx: Ctx, id: string): Promise<undefined> {
  await inTransaction(ctx, async (ctx) => {
    const row = await lockApiToken(ctx.db, id);
    if (row === undefined) throw notFound("API token", id);
    if (row.revoked_at !== null) return;
    requireRank(ctx.actor, row.role);
    await revokeApiToken(ctx.db, id, new Date(ctx.now()));
    record(ctx, {
      action: "api_token.revoke",
      target_type: "api_token",
      target_id: id,
      metadata: { name: row.name },
    });
    ctx.afterCommit(() => ctx.bus.publish(subjects.credentialsChanged, { actor_id: id }));
    notify(ctx, { topic: "api_token", id });
  });
  return undefined;
}

function apiTokenOf(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    expires_at: timestamp(row.expires_at),
    last_used_at: timestamp(row.last_used_at),
    revoked_at: timestamp(row.revoked_at),
  };
}
