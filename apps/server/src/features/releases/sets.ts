import { hasCapability, whyNot } from "@flowplane/opamp";
import { nudgeDesired } from "../../platform/bus/bus.ts";
import { actorRef, inTransaction, newId, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import type { AgentRow } from "../fleet/agents.ts";
import { lockAgents } from "../fleet/status.ts";
import { composeOffer } from "./offer.ts";
import {
  findAgents,
  findChosen,
  findHeld,
  findSet,
  findWantedSets,
  replaceSets,
  setRetry,
  withdrawSet,
  type ChosenRelease,
  type WantedSet,
} from "./set-store.ts";

/** What agents are to have: all of it. */
export interface AskedSet {
  readonly release_ids: readonly string[];
  /** Packages by name that may go. */
  readonly drops: readonly string[];
  readonly reason: string;
}

/** Agents and packages named in a refusal. */
const NAMED_MAX = 5;

/** Gives each of these agents a set, all or none of them. */
export async function putSets(ctx: Ctx, agentIds: readonly string[], asked: AskedSet) {
  return inTransaction(ctx, async (ctx) => {
    const ids = [...new Set(agentIds.map((id) => id.toLowerCase()))];
    const agents = await lockThem(ctx, ids);
    const releases = await choose(ctx, asked.release_ids);
    const dropped = await refuseUnsaidDrops(ctx, agents, releases, asked.drops);
    const at = new Date(ctx.now());
    await replaceSets(
      ctx.db,
      {
        organization_id: ctx.actor.organization_id,
        reason: asked.reason,
        set_by: JSON.stringify(actorRef(ctx.actor)),
        set_at: at,
        changed_at: at,
      },
      ids,
      releases,
    );
    for (const agent of agents) {
      record(ctx, {
        action: "agent.packages_set",
        target_type: "agent",
        target_id: agent.id,
        reason: asked.reason,
        metadata: {
          name: agent.name,
          releases: releases.map(({ name, version }) => `${name} ${version}`),
          dropped: dropped.get(agent.id) ?? [],
        },
      });
      notify(ctx, { topic: "agent", id: agent.id });
    }
    for (const { package_id } of releases) notify(ctx, { topic: "package", id: package_id });
    ctx.afterCommit(() => nudgeDesired(ctx.bus, ids));
    const sets = new Map((await findWantedSets(ctx.db, ids)).map((set) => [set.agent_id, set]));
    return {
      items: agents.map((agent) => ({ agent_id: agent.id, held: heldReason(agent, sets.get(agent.id)) })),
    };
  });
}

/** Has an agent's set offered once more. Throws `conflict` where there is none. */
export async function retrySet(ctx: Ctx, agentId: string, reason: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const [agent] = await lockThem(ctx, [agentId]);
    if (agent === undefined || (await findSet(ctx.db, agent.id)) === undefined)
      throw new AppError(
        "conflict",
        "Nobody said what packages this agent is to have; there is nothing to retry.",
      );
    await setRetry(ctx.db, agent.id, newId(), new Date(ctx.now()));
    tell(ctx, "agent.packages_retry", agent, reason);
  });
}

/** Offers an agent nothing any more. Done twice it is done once. */
export async function withdrawPackages(ctx: Ctx, agentId: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const [agent] = await lockThem(ctx, [agentId]);
    if (agent === undefined || (await findSet(ctx.db, agent.id)) === undefined) return undefined;
    await withdrawSet(ctx.db, agent.id, new Date(ctx.now()));
    tell(ctx, "agent.packages_withdraw", agent);
    return undefined;
  });
}

/** Why an agent is not offered what it is to have; null when it is, or when nobody said what. */
export function heldReason(agent: AgentRow, set: WantedSet | undefined): string | null {
  if (set === undefined) return null;
  if (agent.revoked_at !== null) return `The agent ${agent.name} is revoked.`;
  if (agent.approval !== "approved") return `The agent ${agent.name} is not let in yet; approve it first.`;
  // Before it has spoken nobody knows what it takes.
  if (agent.capabilities !== 0 && !hasCapability(BigInt(agent.capabilities), "AcceptsPackages")) {
    const { consequence, remedy } = whyNot("AcceptsPackages");
    return `${consequence} ${remedy}`;
  }
  const offer = composeOffer(set.packages, set);
  return offer.ok ? null : offer.reason;
}

async function lockThem(ctx: Tx, ids: readonly string[]): Promise<AgentRow[]> {
  const wrong = ids.find((id) => !isUuid(id));
  if (wrong !== undefined) throw notFound("agent", wrong);
  await lockAgents(ctx.db, ids);
  const found = new Map((await findAgents(ctx.db, ids)).map((agent) => [agent.id, agent]));
  return ids.map((id) => {
    const agent = found.get(id.toLowerCase());
    if (agent === undefined) throw notFound("agent", id);
    if (agent.kind === "gateway")
      throw new AppError("conflict", `${agent.name} is a gateway of the REST API, which knows no packages.`);
    return agent;
  });
}

async function choose(ctx: Tx, ids: readonly string[]): Promise<ChosenRelease[]> {
  const wrong = ids.find((id) => !isUuid(id));
  if (wrong !== undefined) throw notFound("release", wrong);
  const found = new Map((await findChosen(ctx.db, ids)).map((release) => [release.id, release]));
  const chosen = [...new Set(ids.map((id) => id.toLowerCase()))].map((id) => {
    const release = found.get(id);
    if (release === undefined) throw notFound("release", id);
    if (release.published_at === null)
      throw new AppError(
        "conflict",
        `The release ${release.version} of ${release.name} is not published; it may still change.`,
      );
    return release;
  });
  const twice = chosen.find((release) =>
    chosen.some((other) => other !== release && other.package_id === release.package_id),
  );
  if (twice !== undefined)
    throw new AppError(
      "invalid_input",
      `There are two releases of ${twice.name} in the set; an agent has one.`,
      {
        fields: [{ pointer: "/release_ids", message: "names a package twice" }],
      },
    );
  return chosen;
}

/** What agents would delete has to be named by who asks. Gives the names by agent. */
async function refuseUnsaidDrops(
  ctx: Tx,
  agents: readonly AgentRow[],
  releases: readonly ChosenRelease[],
  drops: readonly string[],
): Promise<Map<string, string[]>> {
  const stays = new Set(releases.map(({ name }) => name));
  const said = new Set(drops);
  const held = await findHeld(
    ctx.db,
    agents.map(({ id }) => id),
  );
  const dropped = new Map<string, string[]>();
  const unsaid: string[] = [];
  const names = new Set<string>();
  for (const agent of agents) {
    const lost = [...(held.get(agent.id) ?? [])].filter((name) => !stays.has(name)).toSorted();
    if (lost.length > 0) dropped.set(agent.id, lost);
    const unnamed = lost.filter((name) => !said.has(name));
    if (unnamed.length > 0) unsaid.push(agent.name);
    for (const name of unnamed) names.add(name);
  }
  if (unsaid.length === 0) return dropped;
  const more = unsaid.length > NAMED_MAX ? ` and ${unsaid.length - NAMED_MAX} more` : "";
  const lost = [...names].toSorted();
  throw new AppError(
    "conflict",
    `${unsaid.slice(0, NAMED_MAX).join(", ")}${more} would delete ${lost.slice(0, NAMED_MAX).join(", ")}${lost.length > NAMED_MAX ? ` and ${lost.length - NAMED_MAX} more` : ""}, which the set does not name. Add ${lost.length === 1 ? "it" : "them"} to the set, or say that ${lost.length === 1 ? "it" : "they"} shall go: drops.`,
    { fields: lost.slice(0, NAMED_MAX).map((name) => ({ pointer: "/drops", message: name })) },
  );
}

function tell(ctx: Tx, action: string, agent: AgentRow, reason?: string): void {
  record(ctx, {
    action,
    target_type: "agent",
    target_id: agent.id,
    ...(reason === undefined ? {} : { reason }),
    metadata: { name: agent.name },
  });
  notify(ctx, { topic: "agent", id: agent.id });
  ctx.afterCommit(() => nudgeDesired(ctx.bus, [agent.id]));
}
