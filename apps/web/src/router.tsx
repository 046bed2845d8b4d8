import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { meQuery } from "./api/me.ts";
import { isNotFound, isSignedOut } from "./api/problem.ts";
import { q, queryClient } from "./api/query.ts";
import { Frame } from "./frame/Frame.tsx";
import { NotFound, PageError } from "./frame/PageError.tsx";
import {
  agentsSearch,
  auditSearch,
  configurationSearch,
  configurationsSearch,
  frameSearch,
  incidentsSearch,
  jobsSearch,
  newConfigurationSearch,
  newRolloutSearch,
  packagesSearch,
  parseSearch,
  policySearch,
  rolloutSearch,
  rolloutsSearch,
  runSearch,
  runsSearch,
  stringifySearch,
  telemetrySearch,
} from "./search.ts";
import { PageSkeleton } from "./ui/Skeleton.tsx";

const PENDING_AFTER_MS = 150;
/** An answer that is here is shown at once, however old: the live connection has it read again when it changed. */
const AT_HAND = { staleTime: "static" } as const;

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({ component: Outlet });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (raw: Record<string, unknown>): { to?: string; error?: string } => ({
    ...(typeof raw.to === "string" ? { to: raw.to } : {}),
    ...(typeof raw.error === "string" ? { error: raw.error } : {}),
  }),
  component: lazyRouteComponent(() => import("./pages/sign-in/SignIn.tsx")),
});

const device = createRoute({
  getParentRoute: () => root,
  path: "/device",
  validateSearch: (raw: Record<string, unknown>): { user_code?: string } =>
    typeof raw.user_code === "string" ? { user_code: raw.user_code } : {},
  beforeLoad: ({ context, location }) => needSession(context.queryClient, location.href),
  component: lazyRouteComponent(() => import("./pages/sign-in/Device.tsx")),
});

const frame = createRoute({
  getParentRoute: () => root,
  id: "frame",
  validateSearch: frameSearch,
  beforeLoad: ({ context, location }) => needSession(context.queryClient, location.href),
  component: Frame,
});

const overview = createRoute({
  getParentRoute: () => frame,
  path: "/",
  loader: ({ context }) => context.queryClient.query({ ...q("overview", {}), ...AT_HAND }),
  component: lazyRouteComponent(() => import("./pages/overview/Overview.tsx")),
});

const agents = createRoute({
  getParentRoute: () => frame,
  path: "/agents",
  validateSearch: agentsSearch,
  component: lazyRouteComponent(() => import("./pages/agents/Agents.tsx")),
});

const agent = createRoute({
  getParentRoute: () => frame,
  path: "/agents/$agentId",
  loader: ({ context, params }) =>
    orNotFound(
      context.queryClient.query({ ...q("agentRead", { params: { agent_id: params.agentId } }), ...AT_HAND }),
    ),
  component: lazyRouteComponent(() => import("./pages/agent/Agent.tsx")),
});
const agentTabs = [
  createRoute({
    getParentRoute: () => agent,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/agent/AgentOverview.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/runs",
    component: lazyRouteComponent(() => import("./pages/agent/AgentRuns.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/configuration",
    component: lazyRouteComponent(() => import("./pages/agent/AgentConfiguration.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/packages",
    loader: ({ context, params }) =>
      context.queryClient.query({
        ...q("agentPackages", { params: { agent_id: params.agentId } }),
        ...AT_HAND,
      }),
    component: lazyRouteComponent(() => import("./pages/agent/AgentPackages.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/telemetry",
    validateSearch: telemetrySearch,
    component: lazyRouteComponent(() => import("./pages/agent/AgentTelemetry.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/identity",
    component: lazyRouteComponent(() => import("./pages/agent/AgentIdentity.tsx")),
  }),
  createRoute({
    getParentRoute: () => agent,
    path: "/wire",
    component: lazyRouteComponent(() => import("./pages/agent/AgentWire.tsx")),
  }),
] as const;

const runs = createRoute({
  getParentRoute: () => frame,
  path: "/runs",
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import("./pages/runs/Runs.tsx")),
});

const run = createRoute({
  getParentRoute: () => frame,
  path: "/runs/$runId",
  validateSearch: runSearch,
  loader: ({ context, params }) =>
    orNotFound(
      context.queryClient.query({ ...q("runRead", { params: { run_id: params.runId } }), ...AT_HAND }),
    ),
  component: lazyRouteComponent(() => import("./pages/run/Run.tsx")),
});

const incidents = createRoute({
  getParentRoute: () => frame,
  path: "/incidents",
  validateSearch: incidentsSearch,
  component: lazyRouteComponent(() => import("./pages/incidents/Incidents.tsx")),
});

const incident = createRoute({
  getParentRoute: () => frame,
  path: "/incidents/$incidentId",
  loader: ({ context, params }) =>
    orNotFound(
      context.queryClient.query({
        ...q("incidentRead", { params: { incident_id: params.incidentId } }),
        ...AT_HAND,
      }),
    ),
  component: lazyRouteComponent(() => import("./pages/incident/Incident.tsx")),
});

const detect = createRoute({
  getParentRoute: () => frame,
  path: "/incidents/saved-log",
  component: lazyRouteComponent(() => import("./pages/detect/Detect.tsx")),
});

const jobs = createRoute({
  getParentRoute: () => frame,
  path: "/jobs",
  validateSearch: jobsSearch,
  component: lazyRouteComponent(() => import("./pages/jobs/Jobs.tsx")),
});

const jobCalendar = createRoute({
  getParentRoute: () => frame,
  path: "/jobs/calendar",
  component: lazyRouteComponent(() => import("./pages/jobs/JobCalendar.tsx")),
});

const newJob = createRoute({
  getParentRoute: () => frame,
  path: "/jobs/new",
  component: lazyRouteComponent(() => import("./pages/job-editor/NewJob.tsx")),
});

const readJob = (client: QueryClient, jobId: string) =>
  orNotFound(client.query({ ...q("jobRead", { params: { job_id: jobId } }), ...AT_HAND }));

const job = createRoute({
  getParentRoute: () => frame,
  path: "/jobs/$jobId",
  loader: ({ context, params }) => readJob(context.queryClient, params.jobId),
  component: lazyRouteComponent(() => import("./pages/job/Job.tsx")),
});
const jobTabs = [
  createRoute({
    getParentRoute: () => job,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/job/JobRuns.tsx")),
  }),
  createRoute({
    getParentRoute: () => job,
    path: "/schedule",
    component: lazyRouteComponent(() => import("./pages/job/JobSchedule.tsx")),
  }),
  createRoute({
    getParentRoute: () => job,
    path: "/definition",
    component: lazyRouteComponent(() => import("./pages/job/JobDefinition.tsx")),
  }),
] as const;

const editJob = createRoute({
  getParentRoute: () => frame,
  path: "/jobs/$jobId/edit",
  loader: ({ context, params }) => readJob(context.queryClient, params.jobId),
  component: lazyRouteComponent(() => import("./pages/job-editor/EditJob.tsx")),
});

const policies = createRoute({
  getParentRoute: () => frame,
  path: "/policies",
  component: lazyRouteComponent(() => import("./pages/policies/Policies.tsx")),
});

const newPolicy = createRoute({
  getParentRoute: () => frame,
  path: "/policies/new",
  component: lazyRouteComponent(() => import("./pages/policy-editor/NewPolicy.tsx")),
});

const readPolicy = (client: QueryClient, policyId: string) =>
  orNotFound(client.query({ ...q("policyRead", { params: { policy_id: policyId } }), ...AT_HAND }));

const policy = createRoute({
  getParentRoute: () => frame,
  path: "/policies/$policyId",
  validateSearch: policySearch,
  loader: ({ context, params }) => readPolicy(context.queryClient, params.policyId),
  component: lazyRouteComponent(() => import("./pages/policy/Policy.tsx")),
});
const policyTabs = [
  createRoute({
    getParentRoute: () => policy,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/policy/PolicyCurrent.tsx")),
  }),
  createRoute({
    getParentRoute: () => policy,
    path: "/versions",
    component: lazyRouteComponent(() => import("./pages/policy/PolicyVersions.tsx")),
  }),
  createRoute({
    getParentRoute: () => policy,
    path: "/compare",
    component: lazyRouteComponent(() => import("./pages/policy/PolicyCompare.tsx")),
  }),
  createRoute({
    getParentRoute: () => policy,
    path: "/suggestions",
    component: lazyRouteComponent(() => import("./pages/policy/PolicySuggestions.tsx")),
  }),
] as const;

const editPolicy = createRoute({
  getParentRoute: () => frame,
  path: "/policies/$policyId/edit",
  validateSearch: policySearch,
  loader: ({ context, params }) => readPolicy(context.queryClient, params.policyId),
  component: lazyRouteComponent(() => import("./pages/policy-editor/EditPolicy.tsx")),
});

const packages = createRoute({
  getParentRoute: () => frame,
  path: "/packages",
  validateSearch: packagesSearch,
  component: lazyRouteComponent(() => import("./pages/packages/Packages.tsx")),
});

const packageRoute = createRoute({
  getParentRoute: () => frame,
  path: "/packages/$packageId",
  loader: ({ context, params }) =>
    orNotFound(
      context.queryClient.query({
        ...q("packageRead", { params: { package_id: params.packageId } }),
        ...AT_HAND,
      }),
    ),
  component: lazyRouteComponent(() => import("./pages/package/Package.tsx")),
});

const configurations = createRoute({
  getParentRoute: () => frame,
  path: "/configurations",
  validateSearch: configurationsSearch,
  component: lazyRouteComponent(() => import("./pages/configurations/Configurations.tsx")),
});

const newConfiguration = createRoute({
  getParentRoute: () => frame,
  path: "/configurations/new",
  validateSearch: newConfigurationSearch,
  component: lazyRouteComponent(() => import("./pages/configuration/NewConfiguration.tsx")),
});

const configuration = createRoute({
  getParentRoute: () => frame,
  path: "/configurations/$configurationId",
  validateSearch: configurationSearch,
  loader: ({ context, params }) =>
    orNotFound(
      Promise.all([
        context.queryClient.query({
          ...q("configurationRead", { params: { configuration_id: params.configurationId } }),
          ...AT_HAND,
        }),
        context.queryClient.query({
          ...q("configurationDraftRead", { params: { configuration_id: params.configurationId } }),
          ...AT_HAND,
        }),
      ]),
    ),
  component: lazyRouteComponent(() => import("./pages/configuration/Configuration.tsx")),
});
const configurationTabs = [
  createRoute({
    getParentRoute: () => configuration,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/configuration/ConfigurationEditor.tsx")),
  }),
  createRoute({
    getParentRoute: () => configuration,
    path: "/preview",
    component: lazyRouteComponent(() => import("./pages/configuration/ConfigurationPreview.tsx")),
  }),
  createRoute({
    getParentRoute: () => configuration,
    path: "/versions",
    component: lazyRouteComponent(() => import("./pages/configuration/ConfigurationVersions.tsx")),
  }),
  createRoute({
    getParentRoute: () => configuration,
    path: "/places",
    component: lazyRouteComponent(() => import("./pages/configuration/ConfigurationPlaces.tsx")),
  }),
  createRoute({
    getParentRoute: () => configuration,
    path: "/settings",
    component: lazyRouteComponent(() => import("./pages/configuration/ConfigurationSettings.tsx")),
  }),
] as const;

const rollouts = createRoute({
  getParentRoute: () => frame,
  path: "/rollouts",
  validateSearch: rolloutsSearch,
  component: lazyRouteComponent(() => import("./pages/rollouts/Rollouts.tsx")),
});

const newRollout = createRoute({
  getParentRoute: () => frame,
  path: "/rollouts/new",
  validateSearch: newRolloutSearch,
  component: lazyRouteComponent(() => import("./pages/new-rollout/NewRollout.tsx")),
});

const rollout = createRoute({
  getParentRoute: () => frame,
  path: "/rollouts/$rolloutId",
  validateSearch: rolloutSearch,
  loader: ({ context, params }) =>
    orNotFound(
      context.queryClient.query({
        ...q("rolloutRead", { params: { rollout_id: params.rolloutId } }),
        ...AT_HAND,
      }),
    ),
  component: lazyRouteComponent(() => import("./pages/rollout/Rollout.tsx")),
});

const settings = createRoute({
  getParentRoute: () => frame,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/Settings.tsx")),
});
const settingsTabs = [
  createRoute({
    getParentRoute: () => settings,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/settings/Secrets.tsx")),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/sites",
    component: lazyRouteComponent(() => import("./pages/settings/Sites.tsx")),
  }),
  createRoute({
    getParentRoute: () => settings,
    path: "/retention",
    component: lazyRouteComponent(() => import("./pages/settings/Retention.tsx")),
  }),
] as const;

const tokens = createRoute({
  getParentRoute: () => frame,
  path: "/tokens",
  component: lazyRouteComponent(() => import("./pages/tokens/Tokens.tsx")),
});
const tokenTabs = [
  createRoute({
    getParentRoute: () => tokens,
    path: "/",
    component: lazyRouteComponent(() => import("./pages/tokens/EnrolmentTokens.tsx")),
  }),
  createRoute({
    getParentRoute: () => tokens,
    path: "/bearers",
    component: lazyRouteComponent(() => import("./pages/tokens/Bearers.tsx")),
  }),
  createRoute({
    getParentRoute: () => tokens,
    path: "/api",
    component: lazyRouteComponent(() => import("./pages/tokens/ApiTokens.tsx")),
  }),
] as const;

const members = createRoute({
  getParentRoute: () => frame,
  path: "/members",
  component: lazyRouteComponent(() => import("./pages/members/Members.tsx")),
});

const audit = createRoute({
  getParentRoute: () => frame,
  path: "/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import("./pages/audit/Audit.tsx")),
});

export const routeTree = root.addChildren([
  signIn,
  device,
  frame.addChildren([
    overview,
    agents,
    agent.addChildren(agentTabs),
    runs,
    run,
    incidents,
    detect,
    incident,
    jobs,
    jobCalendar,
    newJob,
    job.addChildren(jobTabs),
    editJob,
    policies,
    newPolicy,
    policy.addChildren(policyTabs),
    editPolicy,
    configurations,
    newConfiguration,
    configuration.addChildren(configurationTabs),
    packages,
    packageRoute,
    rollouts,
    newRollout,
    rollout,
    settings.addChildren(settingsTabs),
    tokens.addChildren(tokenTabs),
    members,
    audit,
  ]),
]);

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingMs: PENDING_AFTER_MS,
  defaultPendingMinMs: 0,
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
  parseSearch,
  stringifySearch,
});

/** Before anything else of a page is read: who is here. Whoever is not signed in is sent there, and back afterwards. */
async function needSession(client: QueryClient, href: string): Promise<void> {
  try {
    await client.query({ ...meQuery, ...AT_HAND });
  } catch (error) {
    throw isSignedOut(error) ? redirect({ to: "/sign-in", search: href === "/" ? {} : { to: href } }) : error;
  }
}

async function orNotFound<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw isNotFound(error) ? notFound() : error;
  }
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
