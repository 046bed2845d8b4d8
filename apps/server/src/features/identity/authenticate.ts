import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { ROLE_PERMISSIONS } from "@flowplane/contract";
import { authSecret } from "../../platform/auth/options.ts";
import { openSession } from "../../platform/auth/session-token.ts";
import { subjects, type CredentialsChanged } from "../../platform/bus/bus.ts";
import type { Actor, Base } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { shownCredential, type Credential } from "../../platform/http/credential.ts";
import { secretMatches } from "../../platform/secrets/secrets.ts";
import { findApiToken, findSession, membershipsOf, touchApiToken } from "./store.ts";
import { readApiToken } from "./token.ts";

/** How long an answer is remembered. In this process a revocation makes it forgotten at once; elsewhere after this. */
export const ACTOR_CACHE_MS = 5_000;
const ACTOR_CACHE_MAX = 10_000;
/** `last_used_at` is for people, so it is written once a minute at most. */
export const LAST_USED_EVERY_MS = 60_000;
export const ORGANIZATION_HEADER = "flowplane-organization";

interface Found {
  readonly actor: Actor;
  /** Milliseconds since the epoch; the credential's own end. */
  readonly expiresAt: number;
}

/**
 * Tells who a request comes from, by API token or session. Undefined when it shows none, or one that never was ours.
 * Throws `unauthenticated` for one that has expired, was revoked, or belongs to nobody's member any more.
 */
export function createAuthenticate(base: Base): (request: FastifyRequest) => Promise<Actor | undefined> {
  const cache = new Map<string, Found & { readonly until: number }>();
  const lastUsed = new Map<string, number>();
  const secret = authSecret(base);
  /** Counts what was forgotten, so that a look-up begun before does not bring it back. */
  let generation = 0;
  base.bus.subscribe(subjects.credentialsChanged, ({ data }) => {
    const { actor_id } = data as CredentialsChanged;
    generation += 1;
    for (const [key, entry] of cache) if (entry.actor.id === actor_id) cache.delete(key);
  });

  const remember = (key: string, found: Found, now: number) => {
    if (cache.size >= ACTOR_CACHE_MAX) cache.clear();
    cache.set(key, { ...found, until: Math.min(now + ACTOR_CACHE_MS, found.expiresAt) });
  };
  const noteUse = (actor: Actor, now: number) => {
    if (actor.type !== "api_token" || now - (lastUsed.get(actor.id) ?? 0) < LAST_USED_EVERY_MS) return;
    if (lastUsed.size >= ACTOR_CACHE_MAX) lastUsed.clear();
    lastUsed.set(actor.id, now);
    touchApiToken(base.storage.system, actor.id, new Date(now)).catch((error: unknown) => {
      base.log.warn({ error }, "last_used_at of an API token was not written");
    });
  };

  return async (request) => {
    const credential = shownCredential(request);
    if (credential === undefined) return undefined;
    const header = request.headers[ORGANIZATION_HEADER];
    const organizationId = typeof header === "string" && header !== "" ? header : undefined;
    const key = createHash("sha256")
      .update(`${credential.kind} ${organizationId ?? ""} ${credential.text}`)
      .digest("base64");
    const now = base.now();
    const known = cache.get(key);
    if (known !== undefined && now < known.until) {
      noteUse(known.actor, now);
      return known.actor;
    }
    const before = generation;
    const found = await look(base, secret, credential, organizationId, now);
    if (found === undefined) return undefined;
    if (generation === before) remember(key, found, now);
    noteUse(found.actor, now);
    return found.actor;
  };
}

function look(
  base: Base,
  secret: string,
  credential: Credential,
  organizationId: string | undefined,
  now: number,
): Promise<Found | undefined> {
  if (credential.kind === "bearer" && credential.text.startsWith("fpk_"))
    return lookUpApiToken(base, credential.text, organizationId, now);
  return lookUpSession(base, openSession(decode(credential.text), secret), organizationId, now);
}

async function lookUpApiToken(
  base: Base,
  text: string,
  organizationId: string | undefined,
  now: number,
): Promise<Found | undefined> {
  const token = readApiToken(text);
  if (token === undefined) return undefined;
  const row = await findApiToken(base.storage.system, token.id);
  if (row === undefined || !secretMatches(token.secret, row.secret_hash)) return undefined;
  if (row.revoked_at !== null)
    throw new AppError("unauthenticated", "This API token was revoked. Use another one.");
  const expiresAt = row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  if (expiresAt <= now) throw new AppError("unauthenticated", "This API token has expired. Make a new one.");
  if (organizationId !== undefined && organizationId !== row.organization_id)
    throw notFound("organization", organizationId);
  return {
    expiresAt,
    actor: {
      type: "api_token",
      id: row.id,
      name: row.name,
      organization_id: row.organization_id,
      role: row.role,
      permissions: ROLE_PERMISSIONS[row.role],
    },
  };
}

async function lookUpSession(
  base: Base,
  token: string | undefined,
  organizationId: string | undefined,
  now: number,
): Promise<Found | undefined> {
  if (token === undefined) return undefined;
  const session = await findSession(base.storage.system, token);
  if (session === undefined) return undefined;
  if (session.expires_at.getTime() <= now)
    throw new AppError("unauthenticated", "Your session has ended. Sign in again.");
  const memberships = await membershipsOf(base.storage.system, session.user_id);
  const membership =
    organizationId === undefined ? memberships[0] : memberships.find((each) => each.id === organizationId);
  if (membership === undefined) {
    if (organizationId !== undefined) throw notFound("organization", organizationId);
    throw new AppError(
      "unauthenticated",
      "You are no member of any organization. Ask an owner or admin to invite you.",
    );
  }
  return {
    expiresAt: session.expires_at.getTime(),
    actor: {
      type: "user",
      id: session.user_id,
      name: session.name === "" ? session.email : session.name,
      organization_id: membership.id,
      role: membership.role,
      permissions: ROLE_PERMISSIONS[membership.role],
    },
  };
}

/** Cookies arrive percent-encoded, bearers as they are; a signature holds no percent sign, so both may be decoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
