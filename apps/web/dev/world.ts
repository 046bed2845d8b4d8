import {
  LaunchPolicy,
  Retention,
  type IncidentDetail,
  type Job,
  type Secret,
  type Site,
} from "@flowplane/contract";
import type {
  AgentDetail,
  AgentView,
  Api,
  AuditEvent,
  Bearer,
  EndpointOutput,
  EnrolmentAttempt,
  EnrolmentToken,
  Member,
  Role,
  Run,
  RunEvent,
} from "@flowplane/contract";
import { makeAgents, SITES } from "./agents.ts";
import { makeConfigurations, type KeptConfiguration } from "./configurationWorld.ts";
import { makeIncidents } from "./incidents.ts";
import { makeJobs, makeSecrets } from "./jobs.ts";
import { makePolicies, type PolicyWorld } from "./policies.ts";
import { iso } from "./random.ts";
import { makeRollouts, type MockRollout } from "./rolloutWorld.ts";
import { makeRuns } from "./runs.ts";

export type Size = "empty" | "small" | "large";
type ApiToken = EndpointOutput<Api["apiTokenCreate"]>["token"];

/** Everything the mock knows of one installation. */
export interface World {
  readonly size: Size;
  agents: AgentDetail[];
  runs: Run[];
  readonly runEvents: Map<string, RunEvent[]>;
  tokens: EnrolmentToken[];
  readonly attempts: Map<string, EnrolmentAttempt[]>;
  bearers: Bearer[];
  members: Member[];
  apiTokens: ApiToken[];
  audit: AuditEvent[];
  jobs: Job[];
  incidents: IncidentDetail[];
  /** Runs whose log repeats itself. */
  readonly loops: Set<string>;
  policies: PolicyWorld;
  secrets: Secret[];
  sites: Site[];
  retention: Retention;
  views: AgentView[];
  readonly configurations: KeptConfiguration[];
  readonly rollouts: MockRollout[];
}

const COUNTS = {
  empty: { agents: 0, runs: 0, tokens: 0, audit: 0, members: 1, jobs: 0, incidents: 0 },
  small: { agents: 9, runs: 12, tokens: 4, audit: 9, members: 4, jobs: 5, incidents: 6 },
  large: {
    agents: 25_000,
    runs: 6_000,
    tokens: 120,
    audit: 3_000,
    members: 140,
    jobs: 260,
    incidents: 2_400,
  },
} as const;
const ROLES_OF: readonly Role[] = ["owner", "admin", "operator", "viewer"];
const NAMES = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov"] as const;
const ADA = { type: "user", id: "user-0", name: "Ada Lovelace" } as const;

export function makeWorld(size: Size, now: number): World {
  const count = COUNTS[size];
  const agents = makeAgents(count.agents, now);
  const plain = makeRuns(
    count.runs,
    agents.filter(({ kind }) => kind === "site"),
    now,
  );
  const incidents = makeIncidents(plain, count.incidents, now);
  const runs = plain.map((run) => withIncidents(run, incidents));
  return {
    size,
    agents,
    runs,
    jobs: makeJobs(count.jobs, runs, now),
    incidents,
    loops: new Set(incidents.map(({ run_id }) => run_id)),
    policies: makePolicies(size === "empty", now),
    secrets: makeSecrets(size === "empty", now),
    sites: SITES.map((site, index) => ({
      ...site,
      environment: "production",
      agents: 0,
      created_at: iso(now - 90_000_000 * (index + 1)),
      launch_policy: LaunchPolicy.parse(
        index === 0 ? { allow: ["/usr/bin/*", "/opt/**"], deny: ["/usr/bin/docker"] } : {},
      ),
      detection_fallback:
        index === 1 && size === "large"
          ? { until: iso(now + 2_400_000), reason: "6 interventions within 10 minutes" }
          : null,
    })),
    retention: Retention.parse({}),
    views:
      size === "empty"
        ? []
        : [{ id: "view-1", name: "Offline", search: { state: "offline" }, updated_at: iso(now) }],
    rollouts: makeRollouts(size, agents, now),
    configurations: makeConfigurations(size === "empty", now),
    runEvents: new Map(),
    tokens: Array.from({ length: count.tokens }, (_, index) => makeToken(index, now)),
    attempts: new Map(),
    bearers: agents
      .filter(({ credential }) => credential === "bearer")
      .slice(0, 60)
      .map((agent, index) => makeBearer(agent, index, now)),
    members: Array.from({ length: count.members }, (_, index) => makeMember(index, now)),
    apiTokens: Array.from({ length: Math.ceil(count.members / 3) - (size === "empty" ? 1 : 0) }, (_, index) =>
      makeApiToken(index, now),
    ),
    audit: Array.from({ length: count.audit }, (_, index) => makeAudit(count.audit - index, now, agents)),
  };
}

/** A run knows how many incidents it had, and what an enforcing policy did to it. */
function withIncidents(run: Run, incidents: readonly IncidentDetail[]): Run {
  const mine = incidents.filter(({ run_id }) => run_id === run.id);
  if (mine.length === 0) return run;
  const done = mine.find(({ interventions }) =>
    interventions.some(({ action, outcome }) => outcome === "done" && action !== "notify"),
  );
  const frozen = done?.interventions.find(({ action }) => action === "freeze");
  return {
    ...run,
    incidents: { open: mine.filter(({ state }) => state === "open").length, total: mine.length },
    log: { ...run.log, redactions: 214 },
    frozen_since: frozen !== undefined && run.state === "RUNNING" ? frozen.at : null,
    ...(done !== undefined && run.ended_at !== null && frozen === undefined
      ? {
          state: "STOPPED" as const,
          sentence: done.sentence,
          stop: {
            mode: "stop" as const,
            actor: { type: "system" as const, id: "system", name: "Flowplane" },
            reason: done.title,
            requested_at: done.opened_at,
          },
        }
      : {}),
  };
}

function makeToken(index: number, now: number): EnrolmentToken {
  const state = (["usable", "used_up", "expired", "revoked"] as const)[index % 4] ?? "usable";
  return {
    id: `tok-${index}`,
    name: ["Berlin web servers", "One collector", "Old build machines", "Oslo edge"][index % 4] ?? "token",
    site_id: "site-berlin",
    labels: index % 2 === 0 ? { env: "prod" } : {},
    approval: index % 3 === 0 ? "manual" : "automatic",
    uses: state === "used_up" ? 1 : index * 3,
    uses_max: index % 2 === 0 ? null : 1,
    expires_at: iso(state === "expired" ? now - 86_400_000 : now + 2_400_000 * (index + 1)),
    revoked_at: state === "revoked" ? iso(now - 5_000_000) : null,
    state,
    created_by: ADA,
    created_at: iso(now - 90_000_000),
  };
}

function makeBearer(agent: AgentDetail, index: number, now: number): Bearer {
  return {
    id: `bearer-${index}`,
    agent_id: agent.id,
    agent_name: agent.name,
    created_by: ADA,
    created_at: iso(now - 400_000_000),
    expires_at: iso(now + 5_000_000_000),
    last_used_at: agent.last_seen_at,
    revoked_at: index % 5 === 4 ? iso(now - 50_000_000) : null,
  };
}

function makeMember(index: number, now: number): Member {
  const name = index < NAMES.length ? (NAMES[index] ?? "") : `Person ${index}`;
  return {
    user_id: `user-${index}`,
    email: `${name.toLowerCase().replace(" ", ".")}@example.org`,
    name,
    role: ROLES_OF[Math.min(index, 3)] ?? "viewer",
    created_at: iso(now - 9_000_000_000 / (index + 1)),
    last_signed_in_at: index % 4 === 3 ? null : iso(now - index * 7_000_000 - 240_000),
  };
}

function makeApiToken(index: number, now: number): ApiToken {
  return {
    id: `api-${index}`,
    name: ["CI launcher", "Nightly report", "Old script"][index % 3] ?? "token",
    role: index % 2 === 0 ? "service" : "viewer",
    created_by: ADA,
    created_at: iso(now - 800_000_000),
    expires_at: index % 2 === 0 ? null : iso(now + 3_000_000_000),
    last_used_at: index % 3 === 2 ? null : iso(now - 40_000),
    revoked_at: index % 3 === 2 ? iso(now - 9_000_000) : null,
  };
}

function makeAudit(seq: number, now: number, agents: readonly AgentDetail[]): AuditEvent {
  const kinds = [
    ["run.stop", "run", "Wrong bucket"],
    ["agent.approve", "agent", null],
    ["enrolment_token.create", "enrolment_token", null],
    ["agent.revoke", "agent", "The machine was sold."],
    ["member.invite", "member", null],
    ["run.create", "run", null],
  ] as const;
  const [action, type, reason] = kinds[seq % kinds.length] ?? kinds[0];
  return {
    seq,
    at: iso(now - (3_001 - Math.min(seq, 3_000)) * 60_000),
    actor: seq % 9 === 0 ? { type: "api_token", id: "api-0", name: "CI launcher" } : ADA,
    action,
    target_type: type,
    target_id: type === "agent" ? (agents[seq % Math.max(1, agents.length)]?.id ?? "a") : `${type}-${seq}`,
    reason,
    request_id: `req-${seq.toString(16).padStart(8, "0")}`,
    remote_address: "10.0.0.7",
    metadata: type === "agent" ? { name: agents[seq % Math.max(1, agents.length)]?.name ?? "" } : {},
    previous_hash: (seq - 1).toString(16).padStart(64, "7a"),
    hash: seq.toString(16).padStart(64, "7a"),
  };
}
