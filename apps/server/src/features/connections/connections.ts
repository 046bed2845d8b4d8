import type { z } from "zod";
import type { api, ConnectionOffer } from "@flowplane/contract";
import { hasCapability, whyNot } from "@flowplane/opamp";
import { nudgeDesired } from "../../platform/bus/bus.ts";
import {
  actorRef,
  inTransaction,
  newId,
  notify,
  timestamp,
  type Ctx,
  type Tx,
} from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import type { Db } from "../../platform/storage/database.ts";
import { record } from "../audit/audit.ts";
import { issueBearer } from "../enrolment/bearers.ts";
import { OPAMP_PATH, type Enrolment } from "../enrolment/enrolment.ts";
import type { AgentRow } from "../fleet/agents.ts";
import { endpointProblem } from "./check-endpoint.ts";
import { isSecure, sealSettings, settingsFor } from "./settings.ts";
import { offerSentence, standing } from "./sentence.ts";
import { findAgent, findNewest, insertOffer, lockAgent, setState, type OfferRow } from "./store.ts";

type Asked = z.output<typeof api.agentConnectionOffer.body>;

/** How an agent is connected, and the newest settings it was offered. */
export async function readConnection(ctx: Ctx, agentId: string) {
  return inTransaction(ctx, async (ctx) => {
    const agent = await findAgent(ctx.db, agentId);
    if (agent === undefined) throw notFound("agent", agentId);
    const offer = await findNewest(ctx.db, agentId);
    return {
      reached_url: agent.reached_url,
      why_not: whyNotOffered(agent),
      offer: offer === undefined ? null : offerOf(offer, ctx.now()),
    };
  });
}

/** What an agent's page has to say of an offer; null when all is as it should be. */
export async function connectionSentence(db: Db, agentId: string, now: number): Promise<string | null> {
  const offer = await findNewest(db, agentId);
  if (offer === undefined) return null;
  const { state } = standing(offer, now);
  return state === "applied" || state === "withdrawn" ? null : offerSentence(offer, now);
}

/**
 * Offers an agent a credential of its own in complete connection settings. It is sent at once or when the agent comes; what it has
 * now stays valid until it has come with the new one.
 */
export async function offerConnection(ctx: Ctx, enrolment: Enrolment, agentId: string, asked: Asked) {
  const target = await inTransaction(ctx, async (ctx) => {
    const agent = await findAgent(ctx.db, agentId);
    if (agent === undefined) throw notFound("agent", agentId);
    return targetOf(agent, enrolment, asked);
  });
  const unreachable = await endpointProblem(target.endpoint, target.ca);
  return inTransaction(ctx, async (ctx) => {
    const agent = await lockAgent(ctx.db, agentId);
    if (agent === undefined) throw notFound("agent", agentId);
    const problem = whyNotOffered(agent);
    if (problem !== null) throw new AppError("conflict", problem);
    await replaceOpen(ctx, agentId);
    const { bearer, secret } = await issueBearer(ctx, agent, asked.expires_in_seconds);
    const { sealed, hash } = sealSettings(ctx.secrets, settingsFor({ ...target, secret }));
    const mayForget = !hasCapability(BigInt(agent.capabilities), "ReportsConnectionSettingsStatus");
    const at = new Date(ctx.now());
    const row = await insertOffer(ctx.db, {
      id: newId(),
      organization_id: ctx.actor.organization_id,
      agent_id: agentId,
      bearer_id: bearer.id,
      endpoint: target.endpoint,
      sealed,
      hash,
      retire_old: asked.retire_old ?? !mayForget,
      reason: asked.reason,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: at,
      deadline_at: new Date(ctx.now() + asked.deadline_seconds * 1_000),
      state: "offered",
      state_at: at,
    });
    record(ctx, {
      action: "agent.connection_offer",
      target_type: "agent",
      target_id: agentId,
      reason: asked.reason,
      metadata: {
        name: agent.name,
        endpoint: target.endpoint,
        bearer_id: bearer.id,
        retire_old: row.retire_old,
        deadline_at: timestamp(row.deadline_at),
      },
    });
    notify(ctx, { topic: "agent", id: agentId });
    ctx.afterCommit(() => nudgeDesired(ctx.bus, [agentId]));
    const warnings = [
      ...(unreachable === null
        ? []
        : [
            `${target.endpoint} cannot be reached from this server (${unreachable}). An agent that takes it as it is may be lost there.`,
          ]),
      ...(mayForget ? [row.retire_old ? FORGETS_AND_RETIRES : FORGETS] : []),
    ];
    return { offer: offerOf(row, ctx.now()), secret, warnings };
  });
}

/** Ends an open offer. Done twice it is done once. */
export async function withdrawConnection(ctx: Ctx, agentId: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const agent = await lockAgent(ctx.db, agentId);
    if (agent === undefined) throw notFound("agent", agentId);
    const withdrawn = await replaceOpen(ctx, agentId);
    if (withdrawn === undefined) return undefined;
    record(ctx, {
      action: "agent.connection_withdraw",
      target_type: "agent",
      target_id: agentId,
      metadata: { name: agent.name, offer_id: withdrawn.id, endpoint: withdrawn.endpoint },
    });
    notify(ctx, { topic: "agent", id: agentId });
    ctx.afterCommit(() => nudgeDesired(ctx.bus, [agentId]));
    return undefined;
  });
}

const FORGETS =
  "A client that does not report what becomes of settings, as opampsupervisor, keeps them in memory alone: restarted, it comes with what its file says. So its old credential stays valid. Put the new one into its file, then offer once more with retire_old.";
const FORGETS_AND_RETIRES =
  "A client that does not report what becomes of settings, as opampsupervisor, keeps them in memory alone: restarted, it comes with what its file says, and is refused. Put the new credential into its file before it restarts.";

/** Its credential stays good: the agent may have the settings already, and be on its way with them. */
async function replaceOpen(ctx: Tx, agentId: string): Promise<OfferRow | undefined> {
  const open = await findNewest(ctx.db, agentId);
  if (open === undefined || open.sealed === null) return undefined;
  await setState(ctx.db, open.id, { state: "withdrawn", state_at: new Date(ctx.now()) });
  return open;
}

function whyNotOffered(agent: AgentRow): string | null {
  if (agent.kind === "site") return "A site agent renews its certificate by itself, and finds its way by it.";
  if (agent.kind === "gateway")
    return "A gateway of the REST API knows no connection settings; create a bearer for it.";
  if (agent.revoked_at !== null) return `The agent ${agent.name} is revoked.`;
  if (agent.approval !== "approved") return `The agent ${agent.name} is not let in yet; approve it first.`;
  if (hasCapability(BigInt(agent.capabilities), "AcceptsOpAMPConnectionSettings")) return null;
  const { consequence, remedy } = whyNot("AcceptsOpAMPConnectionSettings");
  return `${consequence} ${remedy}`;
}

/** Where it shall come to, and whom it shall trust there. */
function targetOf(agent: AgentRow, { addresses, authority }: Enrolment, asked: Asked) {
  const problem = whyNotOffered(agent);
  if (problem !== null) throw new AppError("conflict", problem);
  const reached = agent.reached_url;
  const endpoint = asked.endpoint ?? reached;
  const refuse = (message: string) =>
    new AppError("invalid_input", message, { fields: [{ pointer: "/endpoint", message }] });
  if (endpoint === null)
    throw refuse(
      `It is not known where ${agent.name} reaches this control plane. Say where it shall come to: endpoint.`,
    );
  if (!/^(?:wss?|https?):\/\/[^\s/@]+/i.test(endpoint))
    throw refuse(
      "An endpoint is an address of OpAMP: ws, wss, http or https, and no name or password in it.",
    );
  const isNowSecure = (reached !== null && isSecure(reached)) || agent.credential === "certificate";
  if (isNowSecure && !isSecure(endpoint))
    throw refuse(
      `${agent.name} is connected over TLS; ${endpoint} would send its credential in the clear. Offer a wss or https address, such as ${opampUrlOf(addresses.agentsUrl())}.`,
    );
  if (asked.ca !== undefined) return { endpoint, ca: asked.ca };
  const isOwnListener =
    isAt(endpoint, addresses.agentsUrl()) || (endpoint === reached && !isAt(endpoint, addresses.httpUrl()));
  return { endpoint, ca: isSecure(endpoint) && isOwnListener ? authority.certificatePem : null };
}

function opampUrlOf(url: string): string {
  return url.replace(/^http/, "ws") + OPAMP_PATH;
}

function isAt(url: string, other: string): boolean {
  return new URL(url).host === new URL(other).host;
}

function offerOf(row: OfferRow, now: number): ConnectionOffer {
  const { state, since } = standing(row, now);
  return {
    id: row.id,
    endpoint: row.endpoint,
    state,
    since: timestamp(since),
    sentence: offerSentence(row, now),
    bearer_id: row.bearer_id,
    retire_old: row.retire_old,
    reason: row.reason,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    deadline_at: timestamp(row.deadline_at),
  };
}
