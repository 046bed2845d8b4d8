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
  frameSearch,
  parseSearch,
  runSearch,
  runsSearch,
  stringifySearch,
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
