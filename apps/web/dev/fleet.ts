/** Agents as the pages ask for them: lists, facets, one agent and what is done to it. */
import type { AgentDetail } from "@flowplane/contract";
import { sentenceOf, SITES } from "./agents.ts";
import { deliveryStateOf } from "./delivery.ts";
import { filterTerms } from "../src/list/filterText.ts";
import { found, MockProblem, paged, type Context, type Handlers } from "./answer.ts";
import { iso } from "./random.ts";
import type { World } from "./world.ts";

export const fleet = {
  agentList: ({ world }, { query }) => {
    if (query.q === "!500")
      throw new MockProblem(
        500,
        "internal",
        "Something broke in the control plane. It is logged; try again, and pass on the request_id if it happens again.",
      );
    const found = world.agents.filter((agent) => matchesAgent(agent, query));
    const direction = query.order === "desc" ? -1 : 1;
    const keyed = found.map((agent) => ({ agent, key: agent[query.sort] ?? "" }));
    keyed.sort((a, b) => (a.key < b.key ? -direction : a.key > b.key ? direction : 0));
    const page = paged(
      keyed.map(({ agent }) => agent),
      query,
    );
    return {
      ...page,
      items: page.items.map((agent) => {
        const state = deliveryStateOf(world, agent);
        const configuration =
          state === "none" ? null : { id: "configuration-1", name: "edge", version: 7, state };
        return { ...agent, configuration };
      }),
    };
  },
  agentFacets: ({ world }, { query }) => {
    const found = world.agents.filter((agent) => matchesAgent(agent, query));
    const facet = (value: (agent: AgentDetail) => string | null) => {
      const counts = new Map<string, number>();
      for (const agent of found) {
        const key = value(agent);
        if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts]
        .map(([key, count]) => ({ value: key, label: key, count }))
        .toSorted((a, b) => b.count - a.count);
    };
    return {
      state: facet(({ state }) => state),
      kind: facet(({ kind }) => kind),
      site: facet(({ site_id }) => SITES.find((site) => site.id === site_id)?.name ?? site_id),
      version: facet(({ version }) => version),
      os: facet(({ os }) => os),
      health_level: facet(levelOf),
      configuration: [],
    };
  },
  agentRead: ({ world }, { params }) => findAgent(world, params.agent_id),
  agentChange: (ctx, { params, body }) => {
    const { name, labels } = body;
    return changeAgent(ctx, params.agent_id, {
      ...(name === undefined ? {} : { name }),
      ...(labels === undefined ? {} : { labels }),
    });
  },
  agentApprove: (ctx, { params }) =>
    changeAgent(ctx, params.agent_id, {
      state: "connected",
      waiting: null,
      healthy: true,
      last_seen_at: iso(Date.now()),
    }),
  agentRevoke: (ctx, { params, body }) =>
    changeAgent(ctx, params.agent_id, { state: "revoked", revoked_reason: body.reason, healthy: null }),
  agentViewList: ({ world }) => ({ items: world.views }),
  agentViewPut: ({ world }, { params, body }) => {
    const view = { id: params.view_id, ...body, updated_at: iso(Date.now()) };
    world.views = [...world.views.filter(({ id }) => id !== view.id), view].toSorted((a, b) =>
      a.name.localeCompare(b.name),
    );
    return view;
  },
  agentViewDelete: ({ world }, { params }) => {
    world.views = world.views.filter(({ id }) => id !== params.view_id);
  },
  agentDelete: ({ world, bus }, { params }) => {
    world.agents = world.agents.filter(({ id }) => id !== params.agent_id);
    bus.send({ topic: "agent", id: params.agent_id });
    return undefined;
  },
  agentRestart: (_, { params }) => ({
    status: "restart_requested",
    agent_id: params.agent_id,
    requested_at: iso(Date.now()),
  }),
  agentConnectionRead: () => ({
    reached_url: "wss://fleet.example:4320/v1/opamp",
    why_not: null,
    offer: null,
  }),
  agentConnectionOffer: ({ world }, { params, body }) => {
    findAgent(world, params.agent_id);
    const now = iso(Date.now());
    return {
      offer: {
        id: crypto.randomUUID(),
        endpoint: body.endpoint ?? "wss://fleet.example:4320/v1/opamp",
        state: "offered" as const,
        since: now,
        sentence:
          "New connection settings wait for the agent to come with them; the old credential stays valid.",
        bearer_id: crypto.randomUUID(),
        retire_old: body.retire_old ?? true,
        reason: body.reason,
        created_by: { type: "user" as const, id: crypto.randomUUID(), name: "Ada" },
        created_at: now,
        deadline_at: iso(Date.now() + 3_600_000),
      },
      secret: "shown-this-once",
      warnings: [],
    };
  },
  agentConnectionWithdraw: () => undefined,
  agentWire: ({ world }, { params }) => ({ items: wireOf(findAgent(world, params.agent_id)) }),
} satisfies Partial<Handlers>;

function findAgent(world: World, id: string): AgentDetail {
  return found(world.agents.find((agent) => agent.id === id));
}

function matchesAgent(
  agent: AgentDetail,
  filter: {
    q?: string | undefined;
    kind?: string | undefined;
    state?: string | undefined;
    site_id?: string | undefined;
  },
): boolean {
  if (filter.kind !== undefined && agent.kind !== filter.kind) return false;
  if (filter.state !== undefined && agent.state !== filter.state) return false;
  if (filter.site_id !== undefined && agent.site_id !== filter.site_id) return false;
  return filterTerms(filter.q ?? "").every(({ key, value }) => {
    if (key === undefined)
      return `${agent.name} ${agent.hostname ?? ""} ${Object.values(agent.labels).join(" ")}`
        .toLowerCase()
        .includes(value.toLowerCase());
    if (key.startsWith("label.")) return agent.labels[key.slice(6)] === value;
    if (key === "kind") return agent.kind === value;
    if (key === "state") return agent.state === value;
    if (key === "version") return agent.version === value;
    if (key === "os") return agent.os === value;
    if (key === "health_level") return levelOf(agent) === value;
    return key === "site" && agent.site_id.includes(value.toLowerCase());
  });
}

function levelOf({ healthy, state }: AgentDetail): string {
  return state !== "connected" ? "offline" : healthy === false ? "unhealthy" : "healthy";
}

/** Changes one agent and tells everybody; the sentence follows the state. */
export function changeAgent(
  { world, bus }: Pick<Context, "world" | "bus">,
  id: string,
  part: Partial<AgentDetail>,
): AgentDetail {
  const index = world.agents.findIndex((agent) => agent.id === id);
  const changed = { ...found(world.agents[index]), ...part, state_since: iso(Date.now()) };
  world.agents[index] = { ...changed, sentence: sentenceOf(changed) };
  bus.send({ topic: "agent", id });
  return found(world.agents[index]);
}

function wireOf(agent: AgentDetail) {
  return Array.from({ length: agent.instance_uid === null ? 0 : 40 }, (_, index) => {
    const received = index % 2 === 0;
    return {
      at: iso(Date.now() - index * 15_000),
      direction: received ? ("received" as const) : ("sent" as const),
      bytes: received ? 96 + ((index * 37) % 400) : 24,
      summary: received
        ? index % 10 === 0
          ? "Full report: description, health, effective configuration"
          : "Heartbeat"
        : "Acknowledged",
      message: {
        instance_uid: agent.instance_uid,
        sequence_num: 4_000 - index,
        ...(received
          ? {
              capabilities: ["ReportsStatus", "ReportsHealth"],
              health: { healthy: true, status: "StatusOK" },
            }
          : { flags: 0 }),
        headers: { authorization: "[redacted]" },
      },
    };
  });
}
