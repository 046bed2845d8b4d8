import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, Reason, Timestamp } from "./common.ts";

const tag = "Agents";
const DAY_SECONDS = 86_400;
const PEM_CHARS_MAX = 65_536;
const AgentParams = z.object({ agent_id: Id });

/** `failed` also when nobody came with the new settings before the deadline; the old ones are good in any case. */
export const CONNECTION_OFFER_STATES = ["offered", "applying", "applied", "failed", "withdrawn"] as const;

/** Connection settings that were offered to an agent. The credential in them is shown to the agent alone. */
export const ConnectionOffer = z.object({
  id: Id,
  endpoint: z.string(),
  state: z.enum(CONNECTION_OFFER_STATES),
  since: Timestamp,
  sentence: z.string().describe("where it stands, and what that means for the old credential"),
  bearer_id: Id,
  retire_old: z.boolean(),
  reason: z.string(),
  created_by: ActorRef,
  created_at: Timestamp,
  deadline_at: Timestamp,
});
export type ConnectionOffer = z.output<typeof ConnectionOffer>;

export const AgentConnection = z.object({
  reached_url: z
    .string()
    .nullable()
    .describe("where the agent last reached this control plane; what an offer without an endpoint repeats"),
  why_not: z.string().nullable().describe("why this agent cannot be offered connection settings now"),
  offer: ConnectionOffer.nullable().describe("the newest offer"),
});
export type AgentConnection = z.output<typeof AgentConnection>;

export const connectionApi = {
  agentConnectionRead: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/connection",
    tag,
    summary: "How an agent reaches the control plane, and what settings it was offered last",
    access: "agent:read",
    params: AgentParams,
    response: AgentConnection,
  }),
  agentConnectionOffer: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/connection",
    tag,
    summary:
      "Offer an agent OpAMP connection settings: a new credential, and another address if one is given",
    access: "agent:write",
    params: AgentParams,
    body: z.object({
      reason: Reason,
      endpoint: z
        .url()
        .max(2_000)
        .optional()
        .describe("ws, wss, http or https; default: where the agent reaches the control plane now"),
      ca: z
        .string()
        .max(PEM_CHARS_MAX)
        .optional()
        .describe(
          "PEM of the authority of a new address's certificate; default: those the agent's system trusts",
        ),
      expires_in_seconds: z
        .number()
        .int()
        .min(3_600)
        .max(365 * DAY_SECONDS)
        .default(90 * DAY_SECONDS)
        .describe("life of the new credential"),
      deadline_seconds: z
        .number()
        .int()
        .min(60)
        .max(30 * DAY_SECONDS)
        .default(3_600)
        .describe("when the offer counts as failed if the agent has not come with the new credential"),
      retire_old: z
        .boolean()
        .optional()
        .describe(
          "whether old credentials of this agent end once it has come with the new one; default: yes, but for clients that may forget the new one at their restart",
        ),
    }),
    response: z.object({
      offer: ConnectionOffer,
      secret: z
        .string()
        .describe(
          "the new bearer's text, for the file of a client that keeps offers in memory alone; shown this once",
        ),
      warnings: z.array(z.string()),
    }),
    status: 202,
    idempotent: true,
  }),
  agentConnectionWithdraw: endpoint({
    method: "DELETE",
    path: "/agents/{agent_id}/connection",
    tag,
    summary: "Offer the settings no more; an agent that has them already may still come with them",
    access: "agent:write",
    params: AgentParams,
    status: 204,
  }),
} as const;
