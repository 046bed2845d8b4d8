import { jwtVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";
import type { z } from "zod";
import type { api, Bearer } from "@flowplane/contract";
import { subjects } from "../../platform/bus/bus.ts";
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
import { AppError, notFound } from "../../platform/errors.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { opampUrl, type Enrolment } from "./enrolment.ts";
import { insertAgent, type AgentRow } from "../fleet/agents.ts";
import {
  findAgent,
  insertBearer,
  listBearers,
  lockAgent,
  lockBearer,
  revokeBearer,
  type BearerRow,
} from "./store.ts";
import { siteFor } from "./tokens.ts";

type NewBearer = z.output<typeof api.bearerCreate.body>;

const ISSUER = "flowplane";
const AUDIENCE = "flowplane-opamp";
const KEY_PURPOSE = "agent-bearer";
/** What the token is, as the older gateway documents say it in the token itself. */
const TYPE = "opamp_token";

/** What a bearer's text says and our key vouches for. Whether it was revoked is in the database. */
export interface BearerClaims {
  readonly bearerId: string;
  readonly agentId: string;
  readonly organizationId: string;
}

/** Makes a bearer for an agent that is there, or for one that is from now on expected. */
export async function createBearer(ctx: Ctx, { addresses }: Enrolment, body: NewBearer) {
  const issued = await inTransaction(ctx, async (ctx) =>
    issueBearer(ctx, await agentFor(ctx, body), body.expires_in_seconds),
  );
  return { ...issued, opamp_url: opampUrl(addresses.httpUrl()) };
}

/** Makes a bearer for an agent whose row the caller has locked or made. `secret` is its text, which is stored nowhere. */
export async function issueBearer(
  ctx: Tx,
  agent: AgentRow,
  expiresInSeconds: number,
): Promise<{ bearer: Bearer; secret: string }> {
  const expiresAt = new Date(ctx.now() + expiresInSeconds * 1_000);
  const row = await insertBearer(ctx.db, {
    id: newId(),
    organization_id: ctx.actor.organization_id,
    agent_id: agent.id,
    created_by: JSON.stringify(actorRef(ctx.actor)),
    created_at: new Date(ctx.now()),
    expires_at: expiresAt,
    last_used_at: null,
    revoked_at: null,
  });
  record(ctx, {
    action: "bearer.create",
    target_type: "bearer",
    target_id: row.id,
    metadata: { agent_id: agent.id, agent_name: agent.name, expires_at: timestamp(expiresAt) },
  });
  notify(ctx, { topic: "bearer", id: row.id });
  const secret = await new SignJWT({ org_id: row.organization_id, type: TYPE })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setJti(row.id)
    .setSubject(row.agent_id)
    .setIssuedAt(Math.floor(ctx.now() / 1_000))
    .setExpirationTime(Math.ceil(expiresAt.getTime() / 1_000))
    .sign(ctx.secrets.derive(KEY_PURPOSE));
  return { bearer: bearerOf({ ...row, agent_name: agent.name }), secret };
}

/** Reads a bearer's text, or null when it is not ours, was changed, or has expired. */
export async function readBearer(
  base: Pick<Base, "secrets" | "now">,
  text: string,
): Promise<BearerClaims | null> {
  try {
    const { payload } = await jwtVerify(text, base.secrets.derive(KEY_PURPOSE), {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: new Date(base.now()),
      requiredClaims: ["jti", "sub", "exp"],
    });
    // Bearers of before have no type, and their organization under a shorter name.
    const { type = TYPE, org_id: organizationId = payload["org"] } = payload;
    if (type !== TYPE || typeof organizationId !== "string") return null;
    return { bearerId: String(payload.jti), agentId: String(payload.sub), organizationId };
  } catch (error) {
    if (error instanceof JOSEError) return null;
    throw error;
  }
}

export async function listAgentBearers(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const after = idOfCursor(query.cursor);
  const rows = await inTransaction(ctx, (ctx) => listBearers(ctx.db, after, query.limit));
  return pageOf(rows, query.limit, (row) => [row.id], bearerOf);
}

/** Revokes one bearer and ends what is connected by it. The agent may still have others, or a certificate. */
export async function revokeAgentBearer(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const row = await lockBearer(ctx.db, id);
    if (row === undefined) throw notFound("bearer", id);
    if (row.revoked_at !== null) return undefined;
    await revokeBearer(ctx.db, id, new Date(ctx.now()));
    const agent = await findAgent(ctx.db, row.agent_id);
    record(ctx, {
      action: "bearer.revoke",
      target_type: "bearer",
      target_id: id,
      metadata: { agent_id: row.agent_id, agent_name: agent?.name ?? null },
    });
    notify(ctx, { topic: "bearer", id });
    ctx.afterCommit(() => ctx.bus.publish(subjects.agentRevoked(row.agent_id), { proofs: [id] }));
    return undefined;
  });
}

async function agentFor(ctx: Tx, body: NewBearer): Promise<AgentRow> {
  if (body.agent_id !== undefined) {
    const agent = await lockAgent(ctx.db, body.agent_id);
    if (agent === undefined) throw notFound("agent", body.agent_id);
    if (agent.revoked_at !== null)
      throw new AppError("conflict", `The agent ${agent.name} is revoked. Delete it and create a new one.`);
    return agent;
  }
  if (body.name === undefined) {
    throw new AppError(
      "invalid_input",
      "Say which agent the bearer is for: `name` for a new one, or `agent_id`.",
      {
        fields: [{ pointer: "/name", message: "is needed when there is no agent_id" }],
      },
    );
  }
  const agent = await insertAgent(ctx.db, {
    id: newId(),
    organization_id: ctx.actor.organization_id,
    site_id: await siteFor(ctx, body.site_id),
    kind: body.kind,
    name: body.name,
    instance_uid: null,
    approval: "expected",
    labels: JSON.stringify(body.labels),
    created_at: new Date(ctx.now()),
  });
  notify(ctx, { topic: "agent", id: agent.id });
  return agent;
}

function bearerOf(row: BearerRow & { agent_name: string }): Bearer {
  return {
    id: row.id,
    agent_id: row.agent_id,
    agent_name: row.agent_name,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    expires_at: timestamp(row.expires_at),
    last_used_at: timestamp(row.last_used_at),
    revoked_at: timestamp(row.revoked_at),
  };
}
