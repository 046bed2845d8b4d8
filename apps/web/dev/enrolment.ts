/** Ways in: enrolment tokens and who comes with them, bearer credentials, the certificate authority. */
import type { AgentDetail } from "@flowplane/contract";
import { makeAgent, sentenceOf } from "./agents.ts";
import { ADA, found, nextSerial, paged, type Context, type Handlers } from "./answer.ts";
import { idAt, iso } from "./random.ts";
import type { World } from "./world.ts";

export const enrolment = {
  enrolmentTokenList: ({ world }, { query }) => paged(world.tokens, query),
  enrolmentTokenRead: ({ world }, { params }) => found(world.tokens.find(({ id }) => id === params.token_id)),
  enrolmentTokenCreate: (ctx, { body }) => {
    const token: World["tokens"][number] = {
      id: idAt(Date.now(), nextSerial()),
      name: body.name,
      site_id: body.site_id ?? "site-berlin",
      labels: body.labels,
      approval: body.approval,
      uses: 0,
      uses_max: body.uses_max,
      expires_at: iso(Date.now() + body.expires_in_seconds * 1_000),
      revoked_at: null,
      state: "usable",
      created_by: ADA,
      created_at: iso(Date.now()),
    };
    ctx.world.tokens.unshift(token);
    ctx.bus.send({ topic: "enrolment_token", id: token.id });
    // Somebody pastes the command a few seconds later, unless the token's name says otherwise.
    if (!token.name.startsWith("!")) setTimeout(() => arrive(ctx, token.id, body.approval), 6_000);
    if (token.name === "!refused") setTimeout(() => refuse(ctx, token.id), 1_000);
    return {
      token,
      secret: `fpe_eyJ2IjoxLCJvIjoib3JnLTEiLCJzIjoi${"q7Xr2".repeat(9)}In0`,
      agents_url: "https://127.0.0.1:4320",
      opamp_url: "ws://127.0.0.1:4300/v1/opamp",
      ca_fingerprint: "ab".repeat(32),
      agent_archive: { url: "https://127.0.0.1:4320/agent.tgz", sha256: "4e".repeat(32) },
    };
  },
  enrolmentTokenRevoke: ({ world, bus }, { params }) => {
    world.tokens = world.tokens.map((token) =>
      token.id === params.token_id ? { ...token, state: "revoked", revoked_at: iso(Date.now()) } : token,
    );
    bus.send({ topic: "enrolment_token", id: params.token_id });
    return undefined;
  },
  enrolmentAttemptList: ({ world }, { params, query }) =>
    paged(world.attempts.get(params.token_id) ?? [], query),
  bearerList: ({ world }, { query }) => paged(world.bearers, query),
  bearerCreate: ({ world, bus }, { body }) => {
    const bearer = {
      id: idAt(Date.now(), nextSerial()),
      agent_id: body.agent_id ?? "agent-new",
      agent_name: body.name ?? "agent",
      created_by: ADA,
      created_at: iso(Date.now()),
      expires_at: iso(Date.now() + body.expires_in_seconds * 1_000),
      last_used_at: null,
      revoked_at: null,
    };
    world.bearers.unshift(bearer);
    bus.send({ topic: "bearer", id: bearer.id });
    return {
      bearer,
      secret: `eyJhbGciOiJFUzI1NiJ9.${"Zm9vYmFy".repeat(12)}.c2ln`,
      opamp_url: "ws://127.0.0.1:4300/v1/opamp",
    };
  },
  bearerRevoke: ({ world, bus }, { params }) => {
    world.bearers = world.bearers.map((bearer) =>
      bearer.id === params.bearer_id ? { ...bearer, revoked_at: iso(Date.now()) } : bearer,
    );
    bus.send({ topic: "bearer", id: params.bearer_id });
    return undefined;
  },
  certificateAuthority: () => ({
    certificate: "",
    fingerprint: "ab".repeat(32),
    not_after: iso(2e12),
    crl: "",
  }),
} satisfies Partial<Handlers>;

function arrive({ world, bus }: Context, tokenId: string, approval: "automatic" | "manual"): void {
  const made = makeAgent(0, Date.now(), Math.random);
  const id = idAt(Date.now(), nextSerial());
  const agent: AgentDetail = {
    ...made,
    id,
    name: `newcomer-${id.slice(-4)}`,
    hostname: `newcomer-${id.slice(-4)}.example`,
    state: approval === "manual" ? "pending" : "connected",
    created_at: iso(Date.now()),
  };
  world.agents.push({ ...agent, sentence: sentenceOf(agent) });
  world.attempts.set(tokenId, [
    {
      id: idAt(Date.now(), nextSerial()),
      at: iso(Date.now()),
      outcome: approval === "manual" ? "pending" : "enrolled",
      detail: "Enrolled with a new certificate.",
      agent_id: agent.id,
      remote_address: "10.0.0.9",
      hostname: agent.hostname,
    },
  ]);
  bus.send({ topic: "enrolment_token", id: tokenId }, { topic: "agent", id: agent.id });
}

function refuse({ world, bus }: Context, tokenId: string): void {
  world.attempts.set(tokenId, [
    {
      id: idAt(Date.now(), nextSerial()),
      at: iso(Date.now()),
      outcome: "refused",
      detail: "the token was used up. Make a new one, or allow more uses.",
      agent_id: null,
      remote_address: "10.0.0.9",
      hostname: "late.example",
    },
  ]);
  bus.send({ topic: "enrolment_token", id: tokenId });
}
