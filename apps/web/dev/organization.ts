/** The organization itself: who asks, sites, retention, members, API tokens, the audit log. */
import { ROLE_PERMISSIONS } from "@flowplane/contract";
import { ADA, found, MockProblem, nextSerial, paged, type Handlers } from "./answer.ts";
import { idAt, iso } from "./random.ts";

export const organization = {
  me: ({ role, world }) => {
    const organization = { id: "org-1", name: "Northwind Data", role };
    return {
      actor: ADA,
      email: "ada.lovelace@example.org",
      organization,
      organizations:
        world.size === "large"
          ? [organization, { id: "org-2", name: "Northwind Labs", role: "viewer" }]
          : [organization],
      permissions: [...ROLE_PERMISSIONS[role]],
      server: {
        version: "0.1.0",
        agents_url: "https://127.0.0.1:4320",
        public_url: "http://127.0.0.1:4300",
        smtp: false,
      },
    };
  },
  siteList: ({ world }, { query }) =>
    paged(
      world.sites.map((site) => ({
        ...site,
        agents: world.agents.filter(({ site_id }) => site_id === site.id).length,
      })),
      query,
    ),
  siteCreate: ({ world, bus }, { body }) => {
    const site = {
      ...found(world.sites[0]),
      ...body,
      id: `site-${nextSerial()}`,
      agents: 0,
      detection_fallback: null,
    };
    world.sites.push(site);
    bus.send({ topic: "site", id: site.id });
    return site;
  },
  siteChange: ({ world, bus }, { params, body }) => {
    const site = found(world.sites.find(({ id }) => id === params.site_id));
    const changed = {
      ...site,
      name: body.name ?? site.name,
      environment: body.environment ?? site.environment,
      launch_policy: body.launch_policy ?? site.launch_policy,
      detection_fallback: body.detection_fallback === undefined ? site.detection_fallback : null,
    };
    world.sites = world.sites.map((one) => (one === site ? changed : one));
    bus.send({ topic: "site", id: site.id });
    return changed;
  },
  retentionRead: ({ world }) => world.retention,
  retentionChange: ({ world }, { body }) => {
    world.retention = body;
    return body;
  },
  memberList: ({ world }, { query }) => paged(world.members, query),
  memberInvite: ({ world, bus }, { body }) => {
    const member = {
      user_id: idAt(Date.now(), nextSerial()),
      email: body.email,
      name: body.name ?? body.email.split("@")[0] ?? "",
      role: body.role,
      created_at: iso(Date.now()),
      last_signed_in_at: null,
    };
    world.members.push(member);
    bus.send({ topic: "member", id: member.user_id });
    return {
      member,
      mailed: false,
      link: {
        url: `http://127.0.0.1:4300/api/auth/magic-link/verify?token=${"k3J9".repeat(8)}`,
        expires_at: iso(Date.now() + 900_000),
      },
    };
  },
  memberChange: ({ world, bus }, { params, body }) => {
    const member = found(world.members.find(({ user_id }) => user_id === params.user_id));
    if (member.role === "owner" && world.members.filter(({ role }) => role === "owner").length === 1) {
      throw new MockProblem(409, "last_owner", "This is the only owner. Make somebody else an owner first.");
    }
    const changed = { ...member, role: body.role };
    world.members = world.members.map((one) => (one === member ? changed : one));
    bus.send({ topic: "member", id: member.user_id });
    return changed;
  },
  memberRemove: ({ world, bus }, { params }) => {
    world.members = world.members.filter(({ user_id }) => user_id !== params.user_id);
    bus.send({ topic: "member", id: params.user_id });
    return undefined;
  },
  signInLinkCreate: () => ({ url: "http://127.0.0.1:4300/", expires_at: iso(Date.now() + 900_000) }),
  apiTokenList: ({ world }, { query }) => paged(world.apiTokens, query),
  apiTokenCreate: ({ world, bus }, { body }) => {
    const token = {
      id: idAt(Date.now(), nextSerial()),
      name: body.name,
      role: body.role,
      created_by: ADA,
      created_at: iso(Date.now()),
      expires_at: body.expires_in_seconds === null ? null : iso(Date.now() + body.expires_in_seconds * 1_000),
      last_used_at: null,
      revoked_at: null,
    };
    world.apiTokens.unshift(token);
    bus.send({ topic: "api_token", id: token.id });
    return { token, secret: `fpk_${token.id.slice(-8)}_${"x8Kd".repeat(8)}` };
  },
  apiTokenRevoke: ({ world, bus }, { params }) => {
    world.apiTokens = world.apiTokens.map((token) =>
      token.id === params.token_id ? { ...token, revoked_at: iso(Date.now()) } : token,
    );
    bus.send({ topic: "api_token", id: params.token_id });
    return undefined;
  },
  auditList: ({ world }, { query }) =>
    paged(
      world.audit.filter(
        (event) =>
          (query.action === undefined || event.action.includes(query.action)) &&
          (query.actor_id === undefined || event.actor.id === query.actor_id) &&
          (query.target_id === undefined || event.target_id === query.target_id),
      ),
      query,
    ),
  auditVerify: ({ world }) => ({
    intact: true,
    checked: world.audit.length,
    head: world.audit[0]?.hash ?? "0".repeat(64),
    problem: null,
  }),
} satisfies Partial<Handlers>;
