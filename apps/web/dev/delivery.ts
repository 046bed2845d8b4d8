/** The mock's answers about what agents were sent and what they run. */
import type { AgentConfiguration, AgentDetail, DeliveryState } from "@flowplane/contract";
import { found, paged, type Handlers } from "./answer.ts";
import { iso } from "./random.ts";
import type { World } from "./world.ts";

const RECEIVERS = `receivers:
  otlp:
    protocols:
      grpc: { endpoint: 127.0.0.1:4317 }
`;
const OFFERED = `${RECEIVERS}processors:
  batch:
    timeout: 2s
exporters:
  otlphttp/backend:
    endpoint: https://backend.example:4318
    headers:
      authorization: \${secret:BACKEND_TOKEN}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlphttp/backend]
`;
const EFFECTIVE = OFFERED.replace("timeout: 2s", "timeout: 5s").replace(
  "${secret:BACKEND_TOKEN}",
  '"[REDACTED]"',
);
const STATES: readonly DeliveryState[] = ["in_sync", "failed", "applying", "held", "in_sync"];

const SENTENCES: Readonly<Record<DeliveryState, string>> = {
  none: "No configuration is assigned to it; it runs its own.",
  waiting: "It is not reachable; it gets edge v7 when it comes back.",
  offered: "edge v7 is on its way to it.",
  applying: "It is applying edge v7.",
  in_sync: "It runs edge v7, as it should.",
  failed: "It refused edge v7 and runs edge v6.",
  held: "edge v7 is not sent: its client would restart without end on it.",
};

export const delivery = {
  agentConfiguration: ({ world }, { params }) => configurationOf(world, params.agent_id),
  agentConfigurationRetry: ({ world }, { params }) => configurationOf(world, params.agent_id),
  variableList: (_, { query }) => paged([], query),
  variablePut: (_, { params, body }) => ({
    name: params.variable_name,
    ...body,
    created_by: { type: "user", id: "u-1", name: "Ada Lovelace" },
    updated_at: new Date().toISOString(),
  }),
  variableDelete: () => undefined,
  configurationPlaces: ({ world }) => {
    const agents = world.agents.filter(({ kind }) => kind === "collector").length;
    const states = (in_sync: number, failed: number, waiting: number) => ({
      none: 0,
      waiting,
      offered: 0,
      applying: 0,
      in_sync,
      failed,
      held: 0,
    });
    return agents === 0
      ? { items: [] }
      : {
          items: [
            {
              version: 7,
              agents: Math.ceil(agents * 0.6),
              states: states(Math.ceil(agents * 0.6) - 1, 1, 0),
            },
            { version: 6, agents: Math.floor(agents * 0.4), states: states(Math.floor(agents * 0.4), 0, 0) },
          ],
        };
  },
} satisfies Partial<Handlers>;

/** How far one of the fleet's Collectors has come; other agents are assigned nothing. */
export function deliveryStateOf(world: World, agent: AgentDetail): DeliveryState {
  if (agent.kind !== "collector") return "none";
  // Every fifth agent of the fleet is one.
  return STATES[Math.floor(world.agents.indexOf(agent) / 5) % STATES.length] ?? "in_sync";
}

function configurationOf(world: World, agentId: string): AgentConfiguration {
  const agent = found(world.agents.find(({ id }) => id === agentId));
  const index = world.agents.filter(({ kind }) => kind === "collector").indexOf(agent);
  const isCollector = agent.kind === "collector";
  const state = deliveryStateOf(world, agent);
  const now = Date.now();
  const entry = (body: string) => [{ name: "", content_type: "text/yaml", body }];
  const isApart = state === "failed" || state === "held" || state === "applying";
  return {
    state,
    sentence: SENTENCES[state],
    waiting:
      state === "applying"
        ? {
            for: "the agent to say that it runs it",
            since: iso(now - 40_000),
            deadline: iso(now + 260_000),
          }
        : null,
    assigned: isCollector
      ? {
          configuration_id: "configuration-1",
          configuration_name: "edge",
          version: 7,
          rollout_id: world.rollouts[0]?.core.id ?? null,
          assigned_at: iso(now - 3_000_000),
          hash: "7c".repeat(32),
          inputs_changed: state === "in_sync" && index > 3,
        }
      : null,
    offered: isCollector ? entry(OFFERED) : [],
    effective: isCollector ? entry(isApart ? EFFECTIVE : OFFERED) : agent.effective_config,
    effective_at: agent.effective_config_at,
    drift: isCollector
      ? { in_sync: !isApart, changes: isApart ? ["processors › batch › timeout: 2s offered, 5s runs"] : [] }
      : null,
    profile: {
      name: isCollector
        ? index % 2 === 0
          ? "opampsupervisor 0.161"
          : "opampextension 0.161"
        : "Flowplane site agent",
      configurable: isCollector && index % 2 === 0,
      notes:
        isCollector && index % 2 === 0
          ? [
              "It restarts its Collector for every change; data in flight is lost unless its queues are on disk.",
            ]
          : [
              "The opampextension only reports; it cannot take a configuration. Run the Collector under the supervisor with:\ncapabilities:\n  accepts_remote_config: true\n  reports_effective_config: true",
            ],
    },
    problems: [],
    attempts: isCollector
      ? [
          attempt(
            7,
            state === "failed" ? "failed" : state === "applying" ? "applying" : "applied",
            now - 3_000_000,
            state === "failed" ? `error decoding 'exporters': unknown type: "kafka"` : "",
          ),
          attempt(6, "applied", now - 90_000_000, ""),
          attempt(
            5,
            "rolled_itself_back",
            now - 190_000_000,
            "collector crashed within 20 s; the last working configuration was restored",
          ),
        ]
      : [],
  };
  function attempt(
    version: number,
    status: AgentConfiguration["attempts"][number]["status"],
    at: number,
    error_message: string,
  ) {
    return {
      hash: `${version}c`.repeat(32),
      configuration_id: "configuration-1",
      version,
      rollout_id: world.rollouts[0]?.core.id ?? null,
      offered_at: iso(at),
      status,
      status_at: iso(at + 9_000),
      error_message,
      rolled_back_to: status === "rolled_itself_back" ? "6c".repeat(32) : null,
    };
  }
}
