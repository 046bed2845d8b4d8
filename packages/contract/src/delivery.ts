import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Id, Reason, Timestamp, Waiting } from "./common.ts";
import { ConfigurationProblem } from "./configurations.ts";
import { ConfigEntry } from "./agents.ts";
import { DeliveryState } from "./delivery-state.ts";

const tag = "Configurations";

/** One try to bring one content to one agent. */
export const ConfigurationAttempt = z.object({
  hash: z.string(),
  configuration_id: Id.nullable().describe("null: nothing of ours, the way back of a rollout"),
  version: z.number().int().nullable(),
  rollout_id: Id.nullable(),
  offered_at: Timestamp.nullable(),
  status: z.enum(["waiting", "offered", "applying", "applied", "failed", "rolled_itself_back"]),
  status_at: Timestamp,
  error_message: z.string(),
  rolled_back_to: z.string().nullable().describe("the hash the agent went back to by itself"),
});
export type ConfigurationAttempt = z.output<typeof ConfigurationAttempt>;

/** What an agent should run, what it was sent, and what it says it runs. */
export const AgentConfiguration = z.object({
  state: DeliveryState,
  sentence: z.string(),
  waiting: Waiting.nullable(),
  assigned: z
    .object({
      configuration_id: Id,
      configuration_name: z.string(),
      version: z.number().int(),
      rollout_id: Id.nullable(),
      assigned_at: Timestamp,
      hash: z.string(),
      inputs_changed: z
        .boolean()
        .describe("a variable or secret has another value since; a rollout brings it"),
    })
    .nullable(),
  offered: z.array(ConfigEntry).describe("composed as it is sent, secrets as references"),
  effective: z.array(ConfigEntry),
  effective_at: Timestamp.nullable(),
  drift: z
    .object({ in_sync: z.boolean(), changes: z.array(z.string()) })
    .nullable()
    .describe(
      "effective against offered, without what the agent adds itself; null when nothing is assigned or reported",
    ),
  profile: z.object({
    name: z.string().describe("which kind of client this is"),
    configurable: z.boolean(),
    notes: z.array(z.string()).describe("what it cannot take, and the lines that would change it"),
  }),
  problems: z.array(ConfigurationProblem),
  attempts: z.array(ConfigurationAttempt).describe("newest first"),
});
export type AgentConfiguration = z.output<typeof AgentConfiguration>;

const AgentParams = z.object({ agent_id: Id });

export const deliveryApi = {
  agentConfiguration: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/configuration",
    tag,
    summary: "What an agent should run, what it was offered and what it runs",
    access: "agent:read",
    params: AgentParams,
    response: AgentConfiguration,
  }),
  agentConfigurationRetry: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/configuration/retry",
    tag,
    summary: "Offer once more what an agent refused",
    access: "rollout:write",
    params: AgentParams,
    body: z.object({ reason: Reason }),
    response: AgentConfiguration,
  }),
  configurationPlaces: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/places",
    tag,
    summary: "Where a configuration runs: agents by version and delivery state",
    access: "agent:read",
    params: z.object({ configuration_id: Id }),
    response: z.object({
      items: z.array(
        z.object({
          version: z.number().int(),
          agents: z.number().int(),
          states: z.record(DeliveryState, z.number().int()),
        }),
      ),
    }),
  }),
} as const;
