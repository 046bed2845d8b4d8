import type { z } from "zod";
import { decodeEnrolmentToken, encodeEnrolmentToken } from "@flowplane/link";
import type { api, EnrolmentAttempt, EnrolmentToken } from "@flowplane/contract";
import {
  actorRef,
  inTransaction,
  newId,
  notify,
  timestamp,
  type Base,
  type Ctx,
  type Tx,
} from "../../platform/context.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { hashSecret, randomSecret } from "../../platform/secrets/secrets.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { AGENT_ARCHIVE_PATH } from "./agent-archive.ts";
import { record } from "../audit/audit.ts";
import { opampUrl, type Enrolment } from "./enrolment.ts";
import {
  agentsShowingToken,
  findFirstSite,
  findSite,
  findToken,
  findTokenByHash,
  insertToken,
  listAttempts,
  listTokens,
  lockToken,
  noteAttempts,
  revokeToken,
  type AttemptRow,
  type TokenRow,
} from "./store.ts";

export type { TokenRow } from "./store.ts";

type NewToken = z.output<typeof api.enrolmentTokenCreate.body>;

/** Creates a token. Its text leaves here and is nowhere else: only a hash of the secret is stored. */
export async function createToken(ctx: Ctx, { authority, addresses, archive }: Enrolment, body: NewToken) {
  const secret = randomSecret();
  const row = await inTransaction(ctx, async (ctx) => {
    const row = await insertToken(ctx.db, {
      id: newId(),
      organization_id: ctx.actor.organization_id,
      site_id: await siteFor(ctx, body.site_id),
      name: body.name,
      secret_hash: hashSecret(secret),
      labels: JSON.stringify(body.labels),
      approval: body.approval,
      uses_max: body.uses_max,
      expires_at: new Date(ctx.now() + body.expires_in_seconds * 1_000),
      revoked_at: null,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(ctx.now()),
    });
    record(ctx, {
      action: "enrolment_token.create",
      target_type: "enrolment_token",
      target_id: row.id,
      metadata: {
        name: row.name,
        approval: row.approval,
        uses_max: row.uses_max,
        expires_at: timestamp(row.expires_at),
      },
    });
    notify(ctx, { topic: "enrolment_token", id: row.id });
    return row;
  });
  const agentsUrl = addresses.agentsUrl();
  return {
    token: tokenOf(row, ctx.now()),
    secret: encodeEnrolmentToken({
      v: 1,
      o: row.organization_id,
      s: secret,
      f: authority.fingerprint,
      u: agentsUrl,
    }),
    agents_url: agentsUrl,
    opamp_url: opampUrl(addresses.httpUrl()),
    ca_fingerprint: authority.fingerprint,
    agent_archive:
      archive === undefined ? null : { url: agentsUrl + AGENT_ARCHIVE_PATH, sha256: archive.sha256 },
  };
}

export async function listEnrolmentTokens(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const after = idOfCursor(query.cursor);
  const rows = await inTransaction(ctx, (ctx) => listTokens(ctx.db, after, query.limit));
  return pageOf(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => tokenOf(row, ctx.now()),
  );
}

export async function readToken(ctx: Ctx, id: string): Promise<EnrolmentToken> {
  return inTransaction(ctx, async (ctx) => tokenOf(await mustFindToken(ctx, id), ctx.now()));
}

/** Revokes a token. Agents that show it at each connection are cut off; those that hold a certificate stay. */
export async function revokeEnrolmentToken(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const row = await lockToken(ctx.db, id);
    if (row === undefined) throw notFound("enrolment token", id);
    if (row.revoked_at !== null) return undefined;
    await revokeToken(ctx.db, id, new Date(ctx.now()));
    record(ctx, {
      action: "enrolment_token.revoke",
      target_type: "enrolment_token",
      target_id: id,
      metadata: { name: row.name },
    });
    notify(ctx, { topic: "enrolment_token", id });
    const cutOff = await agentsShowingToken(ctx.db, id);
    ctx.afterCommit(() => {
      for (const agentId of cutOff) ctx.bus.publish(subjects.agentRevoked(agentId), {});
    });
    return undefined;
  });
}

export async function listTokenAttempts(
  ctx: Ctx,
  id: string,
  query: { cursor?: string | undefined; limit: number },
) {
  const before = idOfCursor(query.cursor);
  const rows = await inTransaction(ctx, async (ctx) => {
    await mustFindToken(ctx, id);
    return listAttempts(ctx.db, id, before, query.limit);
  });
  return pageOf(rows, query.limit, (row) => [row.id], attemptOf);
}

/** A token as the API shows it. Its state is judged now, never stored. */
export function tokenOf(row: TokenRow, now: number): EnrolmentToken {
  return {
    id: row.id,
    name: row.name,
    site_id: row.site_id,
    labels: row.labels,
    approval: row.approval,
    uses: row.uses,
    uses_max: row.uses_max,
    expires_at: timestamp(row.expires_at),
    revoked_at: timestamp(row.revoked_at),
    state: tokenState(row, now),
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}

export function tokenState(
  row: Pick<TokenRow, "revoked_at" | "expires_at" | "uses" | "uses_max">,
  now: number,
): EnrolmentToken["state"] {
  if (row.revoked_at !== null) return "revoked";
  if (row.expires_at.getTime() <= now) return "expired";
  if (row.uses_max !== null && row.uses >= row.uses_max) return "used_up";
  return "usable";
}

/** Why a token lets nobody new in, as a sentence for whoever runs the agent; null when it does. */
export function tokenProblem(row: TokenRow, now: number): string | null {
  switch (tokenState(row, now)) {
    case "usable":
      return null;
    case "revoked":
      return "The enrolment token was revoked. Create a new one.";
    case "expired":
      return `The enrolment token expired at ${timestamp(row.expires_at)}. Create a new one.`;
    case "used_up":
      return `The enrolment token was good for ${row.uses_max} use${row.uses_max === 1 ? "" : "s"} and has had ${row.uses}. Create a new one.`;
  }
}

/**
 * The stored token behind a token's text, whatever state it is in; null when we never made it, or made it for another
 * organization than it says.
 */
export async function recogniseToken(base: Pick<Base, "storage">, text: string): Promise<TokenRow | null> {
  const token = decodeEnrolmentToken(text);
  if (!token.ok) return null;
  const row = await findTokenByHash(base.storage.system, hashSecret(token.value.s));
  return row === undefined || row.organization_id !== token.value.o ? null : row;
}

/** What came of showing a token. */
export type TokenAttempt = Pick<EnrolmentAttempt, "outcome" | "detail" | "agent_id" | "hostname">;

/** Notes what came of showing a token, for the page that waits for the agent. */
export function noteTokenAttempt(ctx: Tx, token: TokenRow, attempt: TokenAttempt): Promise<void> {
  return noteTokenAttempts(ctx, token, [{ ...attempt, remote_address: ctx.remoteAddress }]);
}

/** As `noteTokenAttempt`, for many who showed it. */
export async function noteTokenAttempts(
  ctx: Tx,
  token: TokenRow,
  attempts: readonly (TokenAttempt & Pick<AttemptRow, "remote_address">)[],
): Promise<void> {
  const fixed = { organization_id: token.organization_id, token_id: token.id, at: new Date(ctx.now()) };
  await noteAttempts(
    ctx.db,
    token.id,
    attempts.map((attempt) => ({ id: newId(), ...fixed, ...attempt })),
  );
  notify(ctx, { topic: "enrolment_token", id: token.id });
}

/** The site asked for, or the organization's first. */
export async function siteFor(ctx: Tx, asked: string | undefined): Promise<string> {
  const site = asked === undefined ? await findFirstSite(ctx.db) : await findSite(ctx.db, asked);
  if (site !== undefined) return site.id;
  if (asked !== undefined) throw notFound("site", asked);
  throw new AppError("conflict", "The organization has no site yet. Create one first.");
}

async function mustFindToken(ctx: Tx, id: string): Promise<TokenRow> {
  const row = await findToken(ctx.db, id);
  if (row === undefined) throw notFound("enrolment token", id);
  return row;
}

function attemptOf(row: AttemptRow): EnrolmentAttempt {
  return {
    id: row.id,
    at: timestamp(row.at),
    outcome: row.outcome,
    detail: row.detail,
    agent_id: row.agent_id,
    remote_address: row.remote_address,
    hostname: row.hostname,
  };
}
