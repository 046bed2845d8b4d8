import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Actor } from "../context.ts";
import { AppError } from "../errors.ts";
import { shownCredential } from "./credential.ts";
import type { Http } from "./route.ts";

const MINUTE_SECONDS = 60;
/** Wrong, expired or revoked credentials from one address in a minute, after which only known good ones are looked at. */
export const FAILED_CREDENTIALS_PER_MINUTE_MAX = 60;
/** Changes one actor may ask for in a minute: six times the 1,000 launches a minute that a fleet must take. */
export const MUTATIONS_PER_MINUTE_MAX = 6_000;
/** Credentials remembered as good, so that somebody else's guessing at the same address does not lock their owners out. */
const KNOWN_CREDENTIALS_MAX = 10_000;

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/** A limit by key within a time. Throws `rate_limited` with the seconds to wait. */
export function createLimit(points: number, durationSeconds: number, message: string) {
  const limiter = new RateLimiterMemory({ points, duration: durationSeconds });
  const refuse = (msBeforeNext: number) =>
    new AppError("rate_limited", message, { retryAfterSeconds: Math.max(1, Math.ceil(msBeforeNext / 1000)) });
  return {
    /** Counts one. */
    async consume(key: string): Promise<void> {
      try {
        await limiter.consume(key);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw refuse(error.msBeforeNext);
        throw error;
      }
    },
    /** Counts one without refusing: what happened has happened. */
    async count(key: string): Promise<void> {
      await limiter.penalty(key);
    },
    /** Refuses when the limit has been reached, without counting. */
    async check(key: string): Promise<void> {
      const state = await limiter.get(key);
      if (state !== null && state.consumedPoints >= points) throw refuse(state.msBeforeNext);
    },
  };
}

/** Wraps the authentication with both limits: failures per address, changes per actor. */
export function limitAuthentication(authenticate: Http["authenticate"]): Http["authenticate"] {
  const failures = createLimit(
    FAILED_CREDENTIALS_PER_MINUTE_MAX,
    MINUTE_SECONDS,
    "Too many wrong, expired or revoked credentials came from this address. Wait a minute, then use a valid one.",
  );
  const mutations = createLimit(
    MUTATIONS_PER_MINUTE_MAX,
    MINUTE_SECONDS,
    `More than ${MUTATIONS_PER_MINUTE_MAX} changes in a minute. Slow down.`,
  );
  const known = new Set<string>();

  return async (request) => {
    const credential = shownCredential(request);
    if (credential === undefined) return authenticate(request);
    const fingerprint = createHash("sha256").update(credential.text).digest("base64");
    if (!known.has(fingerprint)) await failures.check(request.ip);
    const actor = await identify(authenticate, request, async () => {
      known.delete(fingerprint);
      await failures.count(request.ip);
    });
    if (actor === undefined) return undefined;
    if (known.size >= KNOWN_CREDENTIALS_MAX) known.clear();
    known.add(fingerprint);
    if (!READING.has(request.method)) await mutations.consume(actor.id);
    return actor;
  };
}

async function identify(
  authenticate: Http["authenticate"],
  request: FastifyRequest,
  onFailure: () => Promise<void>,
): Promise<Actor | undefined> {
  try {
    const actor = await authenticate(request);
    if (actor === undefined) await onFailure();
    return actor;
  } catch (error) {
    if (error instanceof AppError && error.code === "unauthenticated") await onFailure();
    throw error;
  }
}
