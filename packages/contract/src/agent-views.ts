import { z } from "zod";
import { AGENT_KINDS, AGENT_SORTS, AGENT_STATES } from "./agents.ts";
import { Id, Timestamp } from "./common.ts";
import { endpoint } from "./endpoint.ts";

const tag = "Agents";

/** Views one person can have in an organization. */
export const AGENT_VIEWS_MAX = 30;
export const AGENT_VIEW_NAME_MAX = 60;

const ViewName = z.string().trim().min(1).max(AGENT_VIEW_NAME_MAX);

/** What the list of agents is filtered and sorted by; the fields are those of `GET /agents`. */
export const AgentViewSearch = z
  .object({
    q: z.string().max(500).optional(),
    kind: z.enum(AGENT_KINDS).optional(),
    state: z.enum(AGENT_STATES).optional(),
    site_id: Id.optional(),
    sort: z.enum(AGENT_SORTS).optional(),
    order: z.enum(["asc", "desc"]).optional(),
  })
  .strict();
export type AgentViewSearch = z.output<typeof AgentViewSearch>;

/** A filter of the list of agents with a name: one person's own, wherever they sign in. */
export const AgentView = z.object({
  id: Id,
  name: z.string(),
  search: AgentViewSearch,
  updated_at: Timestamp,
});
export type AgentView = z.output<typeof AgentView>;

export const agentViewApi = {
  agentViewList: endpoint({
    method: "GET",
    path: "/agent-views",
    tag,
    summary: "Your saved filters of the list of agents, by name",
    access: "agent:read",
    response: z.object({ items: z.array(AgentView) }),
  }),
  agentViewPut: endpoint({
    method: "PUT",
    path: "/agent-views/{view_id}",
    tag,
    summary: "Save a filter under a name, or give a saved one another name; you choose its id, a UUID",
    access: "agent:read",
    params: z.object({ view_id: Id }),
    body: z.object({ name: ViewName, search: AgentViewSearch }),
    response: AgentView,
  }),
  agentViewDelete: endpoint({
    method: "DELETE",
    path: "/agent-views/{view_id}",
    tag,
    summary: "Forget a saved filter",
    access: "agent:read",
    params: z.object({ view_id: Id }),
    status: 204,
  }),
} as const;
