import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Timestamp } from "./common.ts";
import { LaunchPolicy } from "./execution.ts";
import { PERMISSIONS, ROLES } from "./roles.ts";

const tag = "Identity";
export const RoleName = z.enum(ROLES);

export const Organization = z.object({ id: Id, name: Name, role: RoleName });

export const Me = z.object({
  actor: ActorRef,
  email: z.string().nullable(),
  organization: Organization,
  /** All organizations this person belongs to; switch with the `Flowplane-Organization` header. */
  organizations: z.array(Organization),
  permissions: z.array(z.enum(PERMISSIONS)),
  server: z.object({
    version: z.string(),
    agents_url: z.string(),
    public_url: z.string(),
    smtp: z.boolean(),
  }),
});
export type Me = z.output<typeof Me>;

export const Site = z.object({
  id: Id,
  name: Name,
  environment: z.string(),
  agents: z.number().int(),
  created_at: Timestamp,
  launch_policy: LaunchPolicy,
  /** The kill-storm guard has every policy of this site in shadow until then. */
  detection_fallback: z.object({ until: Timestamp, reason: z.string() }).nullable(),
});
export type Site = z.output<typeof Site>;

export const Member = z.object({
  user_id: Id,
  email: z.string(),
  name: z.string(),
  role: RoleName,
  created_at: Timestamp,
  last_signed_in_at: Timestamp.nullable(),
});
export type Member = z.output<typeof Member>;

export const ApiToken = z.object({
  id: Id,
  name: Name,
  role: RoleName,
  created_by: ActorRef,
  created_at: Timestamp,
  expires_at: Timestamp.nullable(),
  last_used_at: Timestamp.nullable(),
  revoked_at: Timestamp.nullable(),
});
export type ApiToken = z.output<typeof ApiToken>;

/** A link that signs one person in once. */
export const SignInLink = z.object({ url: z.string(), expires_at: Timestamp });

/** Days until things are deleted, counted from a run's end. Runs with an incident keep everything for `incident_days`. */
/** How long what is kept, in days. Runs that had an incident are kept for `incident_days` when that is longer. */
export const Retention = z
  .object({
    log_days: z.number().int().min(1).max(3_650).default(90),
    log_hot_days: z
      .number()
      .int()
      .min(1)
      .max(3_650)
      .default(7)
      .describe("after this, segments are packed into fewer, smaller objects"),
    evidence_days: z.number().int().min(1).max(3_650).default(90),
    samples_days: z.number().int().min(1).max(3_650).default(30),
    run_days: z.number().int().min(1).max(3_650).default(395).describe("the run and its timeline"),
    incident_days: z.number().int().min(1).max(3_650).default(395),
    telemetry_report_days: z
      .number()
      .int()
      .min(1)
      .max(30)
      .default(2)
      .describe("what agents report of themselves, at the interval they report it"),
    telemetry_minute_days: z.number().int().min(1).max(90).default(7).describe("throughput by the minute"),
    telemetry_ten_minute_days: z
      .number()
      .int()
      .min(1)
      .max(730)
      .default(90)
      .describe("throughput by ten minutes, and of the whole fleet by the minute"),
    own_log_days: z.number().int().min(1).max(90).default(7).describe("agents' own logs"),
    own_trace_days: z.number().int().min(1).max(30).default(3).describe("agents' own traces"),
    health_days: z.number().int().min(1).max(730).default(90).describe("agents' changes of health"),
  })
  .superRefine((retention, ctx) => {
    const refuse = (field: string, message: string) =>
      ctx.addIssue({ code: "custom", path: [field], message });
    if (retention.log_hot_days > retention.log_days)
      refuse("log_hot_days", `must not be above log_days, which is ${retention.log_days}`);
    for (const field of ["log_days", "evidence_days", "samples_days"] as const)
      if (retention[field] > retention.run_days)
        refuse(field, `goes with the run, which is kept for ${retention.run_days} days (run_days)`);
  });
export type Retention = z.output<typeof Retention>;

export const identityApi = {
  me: endpoint({
    method: "GET",
    path: "/me",
    tag,
    summary: "Who am I, where, and what may I do",
    access: "signed_in",
    response: Me,
  }),
  siteList: endpoint({
    method: "GET",
    path: "/sites",
    tag,
    summary: "List sites",
    access: "organization:read",
    query: ListQuery,
    response: page(Site),
  }),
  siteCreate: endpoint({
    method: "POST",
    path: "/sites",
    tag,
    summary: "Create a site",
    access: "site:write",
    body: z.object({ name: Name, environment: z.string().trim().max(60).default("production") }),
    response: Site,
    status: 201,
    idempotent: true,
  }),
  siteChange: endpoint({
    method: "PATCH",
    path: "/sites/{site_id}",
    tag,
    summary: "Rename a site, or say what may be started in it",
    access: "site:write",
    params: z.object({ site_id: Id }),
    body: z.object({
      name: Name.optional(),
      environment: z.string().trim().max(60).optional(),
      launch_policy: LaunchPolicy.optional(),
      detection_fallback: z.null().optional().describe("null ends the guard's fall back to shadow now"),
    }),
    response: Site,
  }),
  retentionRead: endpoint({
    method: "GET",
    path: "/retention",
    tag,
    summary: "How long what is kept",
    access: "organization:read",
    response: Retention,
  }),
  retentionChange: endpoint({
    method: "PUT",
    path: "/retention",
    tag,
    summary: "Say how long what is kept",
    access: "organization:write",
    body: Retention,
    response: Retention,
  }),
  memberList: endpoint({
    method: "GET",
    path: "/members",
    tag,
    summary: "List members",
    access: "member:read",
    query: ListQuery,
    response: page(Member),
  }),
  memberInvite: endpoint({
    method: "POST",
    path: "/members",
    tag,
    summary: "Invite a person; mails a sign-in link when SMTP is configured, else returns one to pass on",
    access: "member:write",
    body: z.object({ email: z.email(), name: Name.optional(), role: RoleName }),
    response: z.object({ member: Member, mailed: z.boolean(), link: SignInLink.nullable() }),
    status: 201,
    idempotent: true,
  }),
  memberChange: endpoint({
    method: "PATCH",
    path: "/members/{user_id}",
    tag,
    summary: "Change a member's role",
    access: "member:write",
    params: z.object({ user_id: Id }),
    body: z.object({ role: RoleName }),
    response: Member,
  }),
  memberRemove: endpoint({
    method: "DELETE",
    path: "/members/{user_id}",
    tag,
    summary: "Remove a member; their sessions end at once",
    access: "member:write",
    params: z.object({ user_id: Id }),
    status: 204,
  }),
  signInLinkCreate: endpoint({
    method: "POST",
    path: "/sign-in-links",
    tag,
    summary: "Make a one-time sign-in link for a member",
    access: "member:write",
    body: z.object({ user_id: Id.optional().describe("default: the oldest owner") }),
    response: SignInLink,
    status: 201,
  }),
  apiTokenList: endpoint({
    method: "GET",
    path: "/api-tokens",
    tag,
    summary: "List API tokens",
    access: "api_token:write",
    query: ListQuery,
    response: page(ApiToken),
  }),
  apiTokenCreate: endpoint({
    method: "POST",
    path: "/api-tokens",
    tag,
    summary: "Create an API token; the secret is shown this once",
    access: "api_token:write",
    body: z.object({
      name: Name,
      role: RoleName,
      expires_in_seconds: z.number().int().min(60).max(31_536_000).nullable().default(null),
    }),
    response: z.object({ token: ApiToken, secret: z.string() }),
    status: 201,
    idempotent: true,
  }),
  apiTokenRevoke: endpoint({
    method: "DELETE",
    path: "/api-tokens/{token_id}",
    tag,
    summary: "Revoke an API token at once",
    access: "api_token:write",
    params: z.object({ token_id: Id }),
    status: 204,
  }),
} as const;
