import type { AgentConfiguration, AgentDetail } from "@flowplane/contract";
import { found, paged, type Handlers } from "./answer.ts";

/** Of an agent that was never assigned anything: what it runs, and whether it could be. */
function unassigned({ kind, effective_config, effective_config_at }: AgentDetail): AgentConfiguration {
  const configurable = kind === "collector";
  return {
    state: "none",
    sentence: "No configuration is assigned to it.",
    waiting: null,
    assigned: null,
    offered: [],
    effective: effective_config,
    effective_at: effective_config_at,
    drift: null,
    profile: {
      name: configurable ? "opampsupervisor" : "site_agent",
      configurable,
      notes: configurable ? [] : ["A site agent runs jobs; it is no Collector and has no pipelines."],
    },
    problems: [],
    attempts: [],
  };
}

export const delivery: Pick<
  Handlers,
  | "agentConfiguration"
  | "agentConfigurationRetry"
  | "configurationPlaces"
  | "variableList"
  | "variablePut"
  | "variableDelete"
> = {
  agentConfiguration: ({ world }, { params }) =>
    unassigned(found(world.agents.find(({ id }) => id === params.agent_id))),
  agentConfigurationRetry: ({ world }, { params }) =>
    unassigned(found(world.agents.find(({ id }) => id === params.agent_id))),
  configurationPlaces: () => ({ items: [] }),
  variableList: (_, { query }) => paged([], query),
  variablePut: (_, { params, body }) => ({
    name: params.variable_name,
    ...body,
    created_by: { type: "user", id: "u-1", name: "Ada Lovelace" },
    updated_at: new Date().toISOString(),
  }),
  variableDelete: () => undefined,
};
