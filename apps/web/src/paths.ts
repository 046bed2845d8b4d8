/** The one place that knows where things are. Each answers link options: `<Link {...paths.run(id)}>`. */
import type { AddPlatform, AgentsSearch, AuditSearch, RunsSearch, RunSearch } from "./search.ts";

export const AGENT_TABS = ["", "runs", "configuration", "identity", "wire"] as const;
export type AgentTab = (typeof AGENT_TABS)[number];

export const paths = {
  overview: () => ({ to: "/" }) as const,
  agents: (search: AgentsSearch = {}) => ({ to: "/agents", search }) as const,
  agent: (agentId: string) => ({ to: "/agents/$agentId", params: { agentId } }) as const,
  agentTab: (agentId: string, tab: AgentTab) => ({ to: AGENT_TAB_TO[tab], params: { agentId } }) as const,
  runs: (search: RunsSearch = {}) => ({ to: "/runs", search }) as const,
  run: (runId: string, search: RunSearch = {}) =>
    ({ to: "/runs/$runId", params: { runId }, search }) as const,
  tokens: () => ({ to: "/tokens" }) as const,
  bearers: () => ({ to: "/tokens/bearers" }) as const,
  apiTokens: () => ({ to: "/tokens/api" }) as const,
  members: () => ({ to: "/members" }) as const,
  audit: (search: AuditSearch = {}) => ({ to: "/audit", search }) as const,
  signIn: () => ({ to: "/sign-in" }) as const,
  /** Opens a dialog over the page one is on. */
  addAgent: (add: AddPlatform = "linux") =>
    ({ to: ".", search: (now: object) => ({ ...now, add, launch: undefined }) }) as const,
  launchRun: (agentId = "any") =>
    ({ to: ".", search: (now: object) => ({ ...now, launch: agentId, add: undefined }) }) as const,
  closeDialog: () =>
    ({ to: ".", search: (now: object) => ({ ...now, launch: undefined, add: undefined }) }) as const,
};

const AGENT_TAB_TO = {
  "": "/agents/$agentId",
  runs: "/agents/$agentId/runs",
  configuration: "/agents/$agentId/configuration",
  identity: "/agents/$agentId/identity",
  wire: "/agents/$agentId/wire",
} as const;

/** Where a resource named by the server (a need, an audit target) is shown; undefined when it has no page. */
export function pathOfResource(type: string, id: string) {
  if (type === "agent") return paths.agent(id);
  if (type === "agents") return paths.agents({ q: id });
  // Many agents alike are named by the query that finds them.
  if (type === "agents") return paths.agents({ q: id });
  if (type === "run") return paths.run(id);
  if (type === "enrolment_token") return paths.tokens();
  if (type === "bearer") return paths.bearers();
  if (type === "api_token") return paths.apiTokens();
  if (type === "member" || type === "user" || type === "membership") return paths.members();
  return undefined;
}
