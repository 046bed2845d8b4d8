import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Id, Labels, ListQuery, Name, page, Reason, Timestamp, Waiting } from "./common.ts";
import { DeliveryState } from "./delivery-state.ts";

const tag = "Agents";
export const AGENT_KINDS = ["site", "collector", "gateway"] as const;
/** `pending`: waits for approval. `expected`: a credential exists, nobody has come yet. */
export const AGENT_STATES = ["expected", "pending", "connected", "stale", "offline", "revoked"] as const;
export const AGENT_SORTS = ["name", "last_seen_at", "created_at", "version", "state"] as const;
export const AgentKind = z.enum(AGENT_KINDS);
export const AgentState = z.enum(AGENT_STATES);
export type AgentState = z.output<typeof AgentState>;

/** One node of the health tree an agent reports; the root is the agent itself. */
export interface Health {
  healthy: boolean;
  status: string;
  last_error: string;
  start_time: string | null;
  status_time: string | null;
  components: Record<string, Health>;
}
export const Health: z.ZodType<Health> = z.lazy(() =>
  z.object({
    healthy: z.boolean(),
    status: z.string(),
    last_error: z.string(),
    start_time: z.string().nullable(),
    status_time: z.string().nullable(),
    components: z.record(z.string(), Health),
  }),
);

export const Agent = z.object({
  id: Id,
  site_id: Id,
  kind: AgentKind,
  name: z.string(),
  instance_uid: z
    .string()
    .nullable()
    .describe("OpAMP instance_uid as a UUID; null until the agent came for the first time"),
  state: AgentState,
  state_since: Timestamp,
  waiting: Waiting.nullable(),
  healthy: z.boolean().nullable(),
  health_status: z.string().nullable(),
  version: z.string().nullable(),
  os: z.string().nullable(),
  hostname: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  transport: z.enum(["websocket", "http"]).nullable(),
  last_seen_at: Timestamp.nullable(),
  certificate_expires_at: Timestamp.nullable(),
  created_at: Timestamp,
});
export type Agent = z.output<typeof Agent>;

/** What an offer of connection settings means for an agent now. */
export const CONNECTION_CHANGES = ["reconnecting", "kept_old", "unknown_since_offer"] as const;
export const ConnectionChange = z.object({
  state: z
    .enum(CONNECTION_CHANGES)
    .describe(
      "reconnecting: it has not come with them yet; kept_old: it refused them or did not come in time; unknown_since_offer: it has not said how it is since",
    ),
  since: Timestamp,
  sentence: z.string(),
});
export type ConnectionChange = z.output<typeof ConnectionChange>;
const connection_change = ConnectionChange.nullable().describe(
  "null: no offer of connection settings is under way or failed",
);

/** An agent in a list of them, with the version of a configuration that is assigned to it. */
export const ListedAgent = Agent.extend({
  configuration: z
    .object({ id: Id, name: z.string(), version: z.number().int(), state: DeliveryState })
    .nullable()
    .describe("null: nothing of ours is assigned; it runs its own"),
  connection_change,
});
export type ListedAgent = z.output<typeof ListedAgent>;

export const Certificate = z.object({
  serial: z.string(),
  fingerprint: z.string(),
  not_before: Timestamp,
  not_after: Timestamp,
  revoked_at: Timestamp.nullable(),
  revoked_reason: z.string().nullable(),
});

/** One OpAMP capability bit: whether the agent has it, and if not, what that means and how to change it. */
export const AgentCapability = z.object({
  name: z.string(),
  present: z.boolean(),
  why_not: z.string().nullable(),
});

export const ConfigEntry = z.object({ name: z.string(), content_type: z.string(), body: z.string() });

export const AgentDetail = Agent.extend({
  sentence: z.string().describe("one true sentence about the agent now"),
  connection_change,
  identifying_attributes: z.record(z.string(), z.unknown()),
  non_identifying_attributes: z.record(z.string(), z.unknown()),
  health: Health.nullable(),
  capabilities: z.array(AgentCapability),
  custom_capabilities: z.array(z.string()),
  effective_config: z.array(ConfigEntry),
  effective_config_at: Timestamp.nullable(),
  remote_config_status: z
    .object({ status: z.string(), hash: z.string(), error_message: z.string() })
    .nullable(),
  certificates: z.array(Certificate),
  credential: z.enum(["certificate", "bearer", "token"]).nullable(),
  remote_address: z.string().nullable(),
  connected_at: Timestamp.nullable(),
  enrolment_token_id: Id.nullable(),
  revoked_reason: z.string().nullable(),
});
export type AgentDetail = z.output<typeof AgentDetail>;

export const WireMessage = z.object({
  at: Timestamp,
  direction: z.enum(["received", "sent"]),
  bytes: z.number().int(),
  summary: z.string(),
  message: z.record(z.string(), z.unknown()).describe("decoded, secrets redacted"),
});
export type WireMessage = z.output<typeof WireMessage>;

const AgentFilter = z.object({
  q: z
    .string()
    .max(500)
    .optional()
    .describe(
      "words match name, hostname and labels; `kind:`, `state:`, `site:`, `version:`, `os:`, `health:`, `health_level:`, `configuration:`, `config_state:`, `label.KEY=VALUE` filter",
    ),
  kind: AgentKind.optional(),
  state: AgentState.optional(),
  site_id: Id.optional(),
});
const AgentParams = z.object({ agent_id: Id });
const Facet = z.array(z.object({ value: z.string(), label: z.string(), count: z.number().int() }));

export const agentApi = {
  agentList: endpoint({
    method: "GET",
    path: "/agents",
    tag,
    summary: "List agents, filtered, sorted and paged by the server",
    access: "agent:read",
    query: ListQuery.extend(AgentFilter.shape).extend({
      sort: z.enum(AGENT_SORTS).default("name"),
      order: z.enum(["asc", "desc"]).default("asc"),
    }),
    response: page(ListedAgent),
  }),
  agentFacets: endpoint({
    method: "GET",
    path: "/agents/facets",
    tag,
    summary:
      "Count the matching agents by state, kind, site, version, operating system, level of health and configuration",
    access: "agent:read",
    query: AgentFilter,
    response: z.object({
      state: Facet,
      kind: Facet,
      site: Facet,
      version: Facet,
      os: Facet,
      health_level: Facet,
      configuration: Facet,
    }),
  }),
  agentRead: endpoint({
    method: "GET",
    path: "/agents/{agent_id}",
    tag,
    summary: "Read one agent whole",
    access: "agent:read",
    params: AgentParams,
    response: AgentDetail,
  }),
  agentChange: endpoint({
    method: "PATCH",
    path: "/agents/{agent_id}",
    tag,
    summary: "Rename an agent or change its labels",
    access: "agent:write",
    params: AgentParams,
    body: z.object({ name: Name.optional(), labels: Labels.optional() }),
    response: Agent,
  }),
  agentApprove: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/approve",
    tag,
    summary: "Let a waiting agent in",
    access: "agent:write",
    params: AgentParams,
    response: Agent,
  }),
  agentRevoke: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/revoke",
    tag,
    summary: "Revoke an agent's identity: its sockets end at once and it is refused from then on",
    access: "agent:write",
    params: AgentParams,
    body: z.object({ reason: Reason }),
    response: Agent,
  }),
  agentDelete: endpoint({
    method: "DELETE",
    path: "/agents/{agent_id}",
    tag,
    summary:
      "Forget a revoked, expected or offline agent; its identity is revoked and its runs' history stays",
    access: "agent:write",
    params: AgentParams,
    status: 204,
  }),
  agentRestart: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/restart",
    tag,
    summary: "Ask the agent to restart (OpAMP command, only when it accepts that)",
    access: "agent:write",
    params: AgentParams,
    body: z.object({ reason: Reason }),
    response: z.object({ status: z.literal("restart_requested"), agent_id: Id, requested_at: Timestamp }),
    status: 202,
  }),
  agentWire: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/wire",
    tag,
    summary: "The last OpAMP messages both ways, decoded, secrets redacted",
    access: "agent:wire",
    params: AgentParams,
    response: z.object({ items: z.array(WireMessage) }),
  }),
} as const;
