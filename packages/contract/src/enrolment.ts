import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, Labels, ListQuery, Name, page, Timestamp } from "./common.ts";
import { AgentKind } from "./agents.ts";

const tag = "Enrolment";

export const EnrolmentToken = z.object({
  id: Id,
  name: z.string(),
  site_id: Id,
  labels: z.record(z.string(), z.string()),
  approval: z.enum(["automatic", "manual"]),
  uses: z.number().int(),
  uses_max: z.number().int().nullable(),
  expires_at: Timestamp,
  revoked_at: Timestamp.nullable(),
  state: z.enum(["usable", "expired", "used_up", "revoked"]),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type EnrolmentToken = z.output<typeof EnrolmentToken>;

/** Something the control plane saw of a token: why nobody has appeared yet, in words. */
export const EnrolmentAttempt = z.object({
  id: Id,
  at: Timestamp,
  outcome: z.enum(["enrolled", "connected", "pending", "refused"]),
  detail: z.string(),
  agent_id: Id.nullable(),
  remote_address: z.string().nullable(),
  hostname: z.string().nullable(),
});
export type EnrolmentAttempt = z.output<typeof EnrolmentAttempt>;

export const Bearer = z.object({
  id: Id,
  agent_id: Id,
  agent_name: z.string(),
  created_by: ActorRef,
  created_at: Timestamp,
  expires_at: Timestamp,
  last_used_at: Timestamp.nullable(),
  revoked_at: Timestamp.nullable(),
});
export type Bearer = z.output<typeof Bearer>;

export const TOKEN_LIFETIME_SECONDS_MAX = 31_536_000;
const TokenParams = z.object({ token_id: Id });

export const enrolmentApi = {
  enrolmentTokenList: endpoint({
    method: "GET",
    path: "/enrolment-tokens",
    tag,
    summary: "List enrolment tokens",
    access: "token:read",
    query: ListQuery,
    response: page(EnrolmentToken),
  }),
  enrolmentTokenRead: endpoint({
    method: "GET",
    path: "/enrolment-tokens/{token_id}",
    tag,
    summary: "Read one enrolment token",
    access: "token:read",
    params: TokenParams,
    response: EnrolmentToken,
  }),
  enrolmentTokenCreate: endpoint({
    method: "POST",
    path: "/enrolment-tokens",
    tag,
    summary: "Create an enrolment token; its text is shown this once",
    access: "token:write",
    body: z.object({
      name: Name.default("token"),
      site_id: Id.optional().describe("default: the organization's first site"),
      labels: Labels.default({}),
      approval: z.enum(["automatic", "manual"]).default("automatic"),
      uses_max: z.number().int().min(1).max(1_000_000).nullable().default(1),
      expires_in_seconds: z.number().int().min(1).max(TOKEN_LIFETIME_SECONDS_MAX).default(3_600),
    }),
    response: z.object({
      token: EnrolmentToken,
      secret: z.string(),
      agents_url: z.string().describe("what `flowplane agent enroll --server` takes"),
      opamp_url: z
        .string()
        .describe("WebSocket OpAMP endpoint for a collector on this host or behind a TLS proxy"),
      ca_fingerprint: z.string(),
      agent_archive: z
        .object({ url: z.string(), sha256: z.string() })
        .nullable()
        .describe("the site agent's program for a machine that has only Node; null when it was not built"),
    }),
    status: 201,
    idempotent: true,
  }),
  enrolmentTokenRevoke: endpoint({
    method: "DELETE",
    path: "/enrolment-tokens/{token_id}",
    tag,
    summary: "Revoke an enrolment token",
    access: "token:write",
    params: TokenParams,
    status: 204,
  }),
  enrolmentAttemptList: endpoint({
    method: "GET",
    path: "/enrolment-tokens/{token_id}/attempts",
    tag,
    summary: "What the control plane saw of this token, newest first",
    access: "token:read",
    params: TokenParams,
    query: ListQuery,
    response: page(EnrolmentAttempt),
  }),
  bearerList: endpoint({
    method: "GET",
    path: "/bearers",
    tag,
    summary: "List bearers of third-party agents",
    access: "token:read",
    query: ListQuery,
    response: page(Bearer),
  }),
  bearerCreate: endpoint({
    method: "POST",
    path: "/bearers",
    tag,
    summary:
      "Create a bearer for one agent that cannot do certificates: a new expected agent, or one there already",
    access: "token:write",
    body: z.object({
      name: Name.optional().describe("name of the new agent; or pass agent_id"),
      agent_id: Id.optional(),
      kind: AgentKind.default("collector"),
      site_id: Id.optional(),
      labels: Labels.default({}),
      expires_in_seconds: z.number().int().min(60).max(TOKEN_LIFETIME_SECONDS_MAX).default(7_776_000),
    }),
    response: z.object({ bearer: Bearer, secret: z.string(), opamp_url: z.string() }),
    status: 201,
    idempotent: true,
  }),
  bearerRevoke: endpoint({
    method: "DELETE",
    path: "/bearers/{bearer_id}",
    tag,
    summary: "Revoke a bearer; its live sockets end at once",
    access: "token:write",
    params: z.object({ bearer_id: Id }),
    status: 204,
  }),
  certificateAuthority: endpoint({
    method: "GET",
    path: "/certificate-authority",
    tag,
    summary: "The CA that agents are verified by, its fingerprint and its revocation list",
    access: "organization:read",
    response: z.object({
      certificate: z.string(),
      fingerprint: z.string(),
      not_after: Timestamp,
      crl: z.string(),
    }),
  }),
} as const;
