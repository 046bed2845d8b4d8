import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { Base } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { authFailures } from "../../platform/metrics.ts";
import { TOKEN_PREFIX } from "@flowplane/link";
import { readBearer } from "../enrolment/bearers.ts";
import {
  findBearerHolders,
  findCertificateHolders,
  findTelemetryHolders,
  type Holder,
} from "../enrolment/holders.ts";
import { readTelemetryCredential } from "../enrolment/telemetry-credential.ts";
import { recogniseToken, tokenProblem, type TokenRow } from "../enrolment/tokens.ts";
import type { AgentIdentity } from "./agent-http.ts";
import { BatchLoader } from "./batch-loader.ts";
import type { CertificateJudge } from "./client-certificate.ts";

/** What a connection proved. A token proves an organization that lets agents in; the rest prove one agent. */
export type Credential =
  | {
      readonly kind: "agent";
      readonly identity: AgentIdentity;
      /** Which of the agent's credentials: the bearer's id, or the certificate's serial number. */
      readonly proof: string;
    }
  | { readonly kind: "token"; readonly token: TokenRow };

/** What of its own the credential can be told and revoked by. */
export function proofOf(credential: Credential): string {
  return credential.kind === "token" ? credential.token.id : credential.proof;
}

/** Credentials judged good are believed this long without asking again; a revocation ends that at once. */
export const IDENTITY_CACHE_MS = 10_000;

/**
 * Turns what a request shows into a `Credential`. Every failure is an `unauthenticated` `AppError` whose sentence says what
 * to do, so that the answer is 401 before any upgrade and before a body is read.
 */
export class Credentials {
  readonly #base: Base;
  readonly #certificates: CertificateJudge;
  readonly #serials: BatchLoader<Holder>;
  readonly #bearers: BatchLoader<Holder>;
  readonly #telemetry: BatchLoader<Holder>;
  /** Good answers, in two generations: the older is dropped when the newer is `IDENTITY_CACHE_MS` old. */
  #cache = new Map<string, Holder>();
  #cacheOld = new Map<string, Holder>();
  #cacheSince: number;
  #revocations = 0;

  constructor(base: Base, certificates: CertificateJudge) {
    this.#base = base;
    this.#certificates = certificates;
    this.#cacheSince = base.now();
    this.#serials = new BatchLoader((serials) => findCertificateHolders(base.storage.system, serials));
    this.#bearers = new BatchLoader((ids) =>
      findBearerHolders(base.storage.system, ids, new Date(base.now())),
    );
    this.#telemetry = new BatchLoader((keys) => findTelemetryHolders(base.storage.system, keys));
  }

  /**
   * Who this request is from. `trustHeader`: the listener is behind the proxy that sets the configured certificate header.
   */
  async of(request: IncomingMessage, trustHeader: boolean): Promise<Credential> {
    const verdict = this.#certificateOf(request, trustHeader);
    if (verdict?.ok === true) return this.#certificateHolder(verdict.claims);
    const bearer = bearerIn(request.headers.authorization);
    // One of ours that is no good is not overlooked for a bearer; somebody else's may be meant for a proxy.
    if (verdict !== undefined && (!verdict.foreign || bearer === undefined))
      throw unauthenticated(verdict.problem);
    if (bearer === undefined) {
      throw unauthenticated(
        "Show a client certificate, or `Authorization: Bearer` with an enrolment token or an agent's bearer.",
      );
    }
    return this.#bearerOrToken(bearer);
  }

  /** As `of`, for a request that somebody else received and of which only the Authorization header is known. */
  async ofHeader(authorization: string | undefined): Promise<Credential> {
    const bearer = bearerIn(authorization);
    if (bearer === undefined)
      throw unauthenticated("Show `Authorization: Bearer` with an enrolment token or an agent's bearer.");
    return this.#bearerOrToken(bearer);
  }

  /** As `of`, for what only one agent may do: an enrolment token is not enough. */
  async agentOf(request: IncomingMessage): Promise<AgentIdentity> {
    const credential = await this.of(request, false);
    if (credential.kind === "token")
      throw unauthenticated("An enrolment token is not enough here. Enrol first.");
    return credential.identity;
  }

  /** Who sends telemetry about itself: as `agentOf`, or by the credential that agents are offered for it. */
  async telemetryOf(request: IncomingMessage, trustHeader: boolean): Promise<AgentIdentity> {
    const bearer = bearerIn(request.headers.authorization);
    const claims = bearer === undefined ? null : await readTelemetryCredential(this.#base, bearer);
    if (claims === null) {
      const credential = await this.of(request, trustHeader);
      if (credential.kind === "agent") return credential.identity;
      throw unauthenticated(
        "An enrolment token does not say which agent this is from. Create a bearer for the agent, or let it enrol.",
      );
    }
    const key = `${claims.agentId} ${claims.epoch}`;
    const holder = await this.#cached(`t:${key}`, () => this.#telemetry.load(key));
    if (holder === undefined || holder.identity.organization_id !== claims.organizationId)
      throw unauthenticated("The agent of this credential was deleted, or was given another one since.");
    if (holder.problem !== null) throw unauthenticated(holder.problem);
    return holder.identity;
  }

  /** Forgets what was believed of an agent: it was revoked, or something of it was. */
  forget(agentId: string): void {
    this.#revocations += 1;
    for (const cache of [this.#cache, this.#cacheOld]) {
      for (const [key, { identity }] of cache) if (identity.agent_id === agentId) cache.delete(key);
    }
  }

  #certificateOf(request: IncomingMessage, trustHeader: boolean) {
    const { clientCertificateHeader } = this.#base.config;
    if (trustHeader && clientCertificateHeader !== undefined) {
      const forwarded = request.headers[clientCertificateHeader];
      if (typeof forwarded === "string" && forwarded !== "")
        return this.#certificates.ofPem(forwarded, this.#base.now());
    }
    return request.socket instanceof TLSSocket
      ? this.#certificates.ofSocket(request.socket, this.#base.now())
      : undefined;
  }

  async #certificateHolder(claims: { serial: string; agentId: string }): Promise<Credential> {
    const holder = await this.#cached(`s:${claims.serial}`, () => this.#serials.load(claims.serial));
    if (holder === undefined || holder.identity.agent_id !== claims.agentId)
      throw unauthenticated("The agent of this certificate is not known here any more. Enrol again.");
    return agentCredential(holder, claims.serial);
  }

  #bearerOrToken(text: string): Promise<Credential> {
    return text.startsWith(TOKEN_PREFIX) ? this.#tokenHolder(text) : this.#bearerHolder(text);
  }

  async #bearerHolder(text: string): Promise<Credential> {
    const claims = await readBearer(this.#base, text);
    if (claims === null)
      throw unauthenticated("The bearer is not valid here, or has expired. Create a new one.");
    const holder = await this.#cached(`b:${claims.bearerId}`, () => this.#bearers.load(claims.bearerId));
    if (holder === undefined || holder.identity.agent_id !== claims.agentId)
      throw unauthenticated("The bearer, or its agent, was deleted. Create a new one.");
    return agentCredential(holder, claims.bearerId);
  }

  async #tokenHolder(text: string): Promise<Credential> {
    const token = await recogniseToken(this.#base, text);
    if (token === null)
      throw unauthenticated("This enrolment token is unknown here. Copy it again, or create a new one.");
    // Expired and used up still let those in who came before; the first message tells which it is.
    if (token.revoked_at !== null) throw unauthenticated(tokenProblem(token, this.#base.now()) ?? "");
    return { kind: "token", token };
  }

  async #cached(key: string, load: () => Promise<Holder | undefined>): Promise<Holder | undefined> {
    const now = this.#base.now();
    if (now - this.#cacheSince >= IDENTITY_CACHE_MS) {
      this.#cacheOld = now - this.#cacheSince >= 2 * IDENTITY_CACHE_MS ? new Map() : this.#cache;
      this.#cache = new Map();
      this.#cacheSince = now;
    }
    const known = this.#cache.get(key) ?? this.#cacheOld.get(key);
    if (known !== undefined) return known;
    for (;;) {
      const revocations = this.#revocations;
      const holder = await load();
      // What was read while something was revoked may be from before that.
      if (revocations !== this.#revocations) continue;
      if (holder !== undefined && holder.problem === null) this.#cache.set(key, holder);
      return holder;
    }
  }
}

function agentCredential({ identity, problem }: Holder, proof: string): Credential {
  if (problem !== null) throw unauthenticated(problem);
  return { kind: "agent", identity, proof };
}

function bearerIn(authorization: string | undefined): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1];
}

function unauthenticated(sentence: string): AppError {
  authFailures.inc({ listener: "agents" });
  return new AppError("unauthenticated", sentence);
}
