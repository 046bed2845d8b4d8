/** The one place that knows where things are. Each answers link options: `<Link {...paths.run(id)}>`. */
import type {
  AddPlatform,
  AgentsSearch,
  AuditSearch,
  ConfigurationSearch,
  ConfigurationsSearch,
  IncidentsSearch,
  JobsSearch,
  NewRolloutSearch,
  PackagesSearch,
  PolicySearch,
  RolloutSearch,
  RolloutsSearch,
  RunsSearch,
  RunSearch,
} from "./search.ts";

export const AGENT_TABS = ["", "runs", "configuration", "packages", "telemetry", "identity", "wire"] as const;
export type AgentTab = (typeof AGENT_TABS)[number];
export const JOB_TABS = ["", "schedule", "definition"] as const;
export type JobTab = (typeof JOB_TABS)[number];
export const POLICY_TABS = ["", "versions", "compare", "suggestions"] as const;
export type PolicyTab = (typeof POLICY_TABS)[number];

export const CONFIGURATION_TABS = ["", "preview", "versions", "places", "settings"] as const;
export type ConfigurationTab = (typeof CONFIGURATION_TABS)[number];

export const paths = {
  overview: () => ({ to: "/" }) as const,
  agents: (search: AgentsSearch = {}) => ({ to: "/agents", search }) as const,
  agent: (agentId: string) => ({ to: "/agents/$agentId", params: { agentId } }) as const,
  agentTab: (agentId: string, tab: AgentTab) => ({ to: AGENT_TAB_TO[tab], params: { agentId } }) as const,
  runs: (search: RunsSearch = {}) => ({ to: "/runs", search }) as const,
  run: (runId: string, search: RunSearch = {}) =>
    ({ to: "/runs/$runId", params: { runId }, search }) as const,
  incidents: (search: IncidentsSearch = {}) => ({ to: "/incidents", search }) as const,
  incident: (incidentId: string) => ({ to: "/incidents/$incidentId", params: { incidentId } }) as const,
  detect: () => ({ to: "/incidents/saved-log" }) as const,
  jobs: (search: JobsSearch = {}) => ({ to: "/jobs", search }) as const,
  jobCalendar: () => ({ to: "/jobs/calendar" }) as const,
  newJob: () => ({ to: "/jobs/new" }) as const,
  job: (jobId: string) => ({ to: "/jobs/$jobId", params: { jobId } }) as const,
  jobTab: (jobId: string, tab: JobTab) => ({ to: JOB_TAB_TO[tab], params: { jobId } }) as const,
  editJob: (jobId: string) => ({ to: "/jobs/$jobId/edit", params: { jobId } }) as const,
  policies: () => ({ to: "/policies" }) as const,
  newPolicy: () => ({ to: "/policies/new" }) as const,
  policy: (policyId: string) => ({ to: "/policies/$policyId", params: { policyId } }) as const,
  policyTab: (policyId: string, tab: PolicyTab, search: PolicySearch = {}) =>
    ({ to: POLICY_TAB_TO[tab], params: { policyId }, search }) as const,
  editPolicy: (policyId: string, search: PolicySearch = {}) =>
    ({ to: "/policies/$policyId/edit", params: { policyId }, search }) as const,
  configurations: (search: ConfigurationsSearch = {}) => ({ to: "/configurations", search }) as const,
  newConfiguration: (agentId?: string) =>
    ({ to: "/configurations/new", search: agentId === undefined ? {} : { agent_id: agentId } }) as const,
  configuration: (configurationId: string) =>
    ({ to: "/configurations/$configurationId", params: { configurationId } }) as const,
  configurationTab: (configurationId: string, tab: ConfigurationTab, search: ConfigurationSearch = {}) =>
    ({ to: CONFIGURATION_TAB_TO[tab], params: { configurationId }, search }) as const,
  rollouts: (search: RolloutsSearch = {}) => ({ to: "/rollouts", search }) as const,
  rollout: (rolloutId: string, search: RolloutSearch = {}) =>
    ({ to: "/rollouts/$rolloutId", params: { rolloutId }, search }) as const,
  newRollout: (search: NewRolloutSearch = {}) => ({ to: "/rollouts/new", search }) as const,
  packages: (search: PackagesSearch = {}) => ({ to: "/packages", search }) as const,
  package: (packageId: string) => ({ to: "/packages/$packageId", params: { packageId } }) as const,
  secrets: () => ({ to: "/settings" }) as const,
  sites: () => ({ to: "/settings/sites" }) as const,
  retention: () => ({ to: "/settings/retention" }) as const,
  tokens: () => ({ to: "/tokens" }) as const,
  bearers: () => ({ to: "/tokens/bearers" }) as const,
  apiTokens: () => ({ to: "/tokens/api" }) as const,
  members: () => ({ to: "/members" }) as const,
  audit: (search: AuditSearch = {}) => ({ to: "/audit", search }) as const,
  signIn: () => ({ to: "/sign-in" }) as const,
  /** Opens a dialog over the page one is on. */
  addAgent: (add: AddPlatform = "linux") =>
    ({ to: ".", search: (now: object) => ({ ...now, ...NO_DIALOG, add }) }) as const,
  /** With `like`, the dialog begins with that run's command. */
  launchRun: (agentId = "any", like?: string) =>
    ({ to: ".", search: (now: object) => ({ ...now, ...NO_DIALOG, launch: agentId, like }) }) as const,
  closeDialog: () => ({ to: ".", search: (now: object) => ({ ...now, ...NO_DIALOG }) }) as const,
};

const NO_DIALOG = { add: undefined, launch: undefined, like: undefined } as const;

const JOB_TAB_TO = {
  "": "/jobs/$jobId",
  schedule: "/jobs/$jobId/schedule",
  definition: "/jobs/$jobId/definition",
} as const;

const POLICY_TAB_TO = {
  "": "/policies/$policyId",
  versions: "/policies/$policyId/versions",
  compare: "/policies/$policyId/compare",
  suggestions: "/policies/$policyId/suggestions",
} as const;

const AGENT_TAB_TO = {
  "": "/agents/$agentId",
  runs: "/agents/$agentId/runs",
  configuration: "/agents/$agentId/configuration",
  packages: "/agents/$agentId/packages",
  telemetry: "/agents/$agentId/telemetry",
  identity: "/agents/$agentId/identity",
  wire: "/agents/$agentId/wire",
} as const;

const CONFIGURATION_TAB_TO = {
  "": "/configurations/$configurationId",
  preview: "/configurations/$configurationId/preview",
  versions: "/configurations/$configurationId/versions",
  places: "/configurations/$configurationId/places",
  settings: "/configurations/$configurationId/settings",
} as const;

/** Where a resource named by the server (a need, an audit target) is shown; undefined when it has no page. */
export function pathOfResource(type: string, id: string) {
  if (type === "agent") return paths.agent(id);
  // Many agents alike are named by the query that finds them.
  if (type === "agents") return paths.agents({ q: id });
  if (type === "run") return paths.run(id);
  if (type === "incident") return paths.incident(id);
  if (type === "job") return paths.job(id);
  if (type === "policy") return paths.policy(id);
  if (type === "configuration") return paths.configuration(id);
  if (type === "rollout") return paths.rollout(id);
  if (type === "package") return paths.package(id);
  if (type === "secret") return paths.secrets();
  if (type === "site") return paths.sites();
  if (type === "retention") return paths.retention();
  if (type === "enrolment_token") return paths.tokens();
  if (type === "bearer") return paths.bearers();
  if (type === "api_token") return paths.apiTokens();
  if (type === "member" || type === "user" || type === "membership") return paths.members();
  return undefined;
}
