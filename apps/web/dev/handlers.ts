/**
 * The mock API: one function for each endpoint of the contract, checked against it by the compiler. Special inputs reach
 * the error cases through the real pages: an agent filter of "!500" fails, a run named "!refuse" is refused.
 */
import {
  isTerminal,
  ROLE_PERMISSIONS,
  type AgentDetail,
  type Api,
  type EndpointOutput,
  type Run,
} from "@flowplane/contract";
import { makeAgent, sentenceOf, SITES } from "./agents.ts";
import { configurations } from "./configurations.ts";
import { delivery } from "./delivery.ts";
import { filterTerms } from "../src/list/filterText.ts";
import { ADA, found, MockProblem, nextSerial, paged, type Context, type Handlers } from "./answer.ts";
import { logLine } from "./log.ts";
import { idAt, iso } from "./random.ts";
import { rollouts } from "./rollouts.ts";
import { eventsOf, makeRun, runSentence } from "./runs.ts";
import { samplesOf } from "./samples.ts";
import { supervision } from "./supervision.ts";
import { telemetry } from "./telemetry.ts";
import type { World } from "./world.ts";

export const handlers: Handlers = {
  ...supervision,
  ...configurations,
  ...delivery,
  ...rollouts,
  ...telemetry,
  overview: ({ world }) => overviewOf(world),
  me: ({ role, world }) => {
    const organization = { id: "org-1", name: "Northwind Data", role };
    return {
      actor: ADA,
      email: "ada.lovelace@example.org",
      organization,
      organizations:
        world.size === "large"
          ? [organization, { id: "org-2", name: "Northwind Labs", role: "viewer" }]
          : [organization],
      permissions: [...ROLE_PERMISSIONS[role]],
      server: {
        version: "0.1.0",
        agents_url: "https://127.0.0.1:4320",
        public_url: "http://127.0.0.1:4300",
        smtp: false,
      },
    };
  },
  siteList: ({ world }, { query }) =>
    paged(
      world.sites.map((site) => ({
        ...site,
        agents: world.agents.filter(({ site_id }) => site_id === site.id).length,
      })),
      query,
    ),
  siteCreate: ({ world, bus }, { body }) => {
    const site = {
      ...found(world.sites[0]),
      ...body,
      id: `site-${nextSerial()}`,
      agents: 0,
      detection_fallback: null,
    };
    world.sites.push(site);
    bus.send({ topic: "site", id: site.id });
    return site;
  },
  siteChange: ({ world, bus }, { params, body }) => {
    const site = found(world.sites.find(({ id }) => id === params.site_id));
    const changed = {
      ...site,
      name: body.name ?? site.name,
      environment: body.environment ?? site.environment,
      launch_policy: body.launch_policy ?? site.launch_policy,
      detection_fallback: body.detection_fallback === undefined ? site.detection_fallback : null,
    };
    world.sites = world.sites.map((one) => (one === site ? changed : one));
    bus.send({ topic: "site", id: site.id });
    return changed;
  },
  retentionRead: ({ world }) => world.retention,
  retentionChange: ({ world }, { body }) => {
    world.retention = body;
    return body;
  },

  agentList: ({ world }, { query }) => {
    if (query.q === "!500")
      throw new MockProblem(
        500,
        "internal",
        "Something broke in the control plane. It is logged; try again, and pass on the request_id if it happens again.",
      );
    const found = world.agents.filter((agent) => matchesAgent(agent, query));
    const direction = query.order === "desc" ? -1 : 1;
    const keyed = found.map((agent) => ({ agent, key: agent[query.sort] ?? "" }));
    keyed.sort((a, b) => (a.key < b.key ? -direction : a.key > b.key ? direction : 0));
    return paged(
      keyed.map(({ agent }) => agent),
      query,
    );
  },
  agentFacets: ({ world }, { query }) => {
    const found = world.agents.filter((agent) => matchesAgent(agent, query));
    const facet = (value: (agent: AgentDetail) => string | null) => {
      const counts = new Map<string, number>();
      for (const agent of found) {
        const key = value(agent);
        if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts]
        .map(([key, count]) => ({ value: key, label: key, count }))
        .toSorted((a, b) => b.count - a.count);
    };
    return {
      state: facet(({ state }) => state),
      kind: facet(({ kind }) => kind),
      site: facet(({ site_id }) => SITES.find((site) => site.id === site_id)?.name ?? site_id),
      version: facet(({ version }) => version),
      os: facet(({ os }) => os),
      health_level: facet(levelOf),
      configuration: [],
    };
  },
  agentRead: ({ world }, { params }) => findAgent(world, params.agent_id),
  agentChange: (ctx, { params, body }) => {
    const { name, labels } = body;
    return changeAgent(ctx, params.agent_id, {
      ...(name === undefined ? {} : { name }),
      ...(labels === undefined ? {} : { labels }),
    });
  },
  agentApprove: (ctx, { params }) =>
    changeAgent(ctx, params.agent_id, {
      state: "connected",
      waiting: null,
      healthy: true,
      last_seen_at: iso(Date.now()),
    }),
  agentRevoke: (ctx, { params, body }) =>
    changeAgent(ctx, params.agent_id, { state: "revoked", revoked_reason: body.reason, healthy: null }),
  agentDelete: ({ world, bus }, { params }) => {
    world.agents = world.agents.filter(({ id }) => id !== params.agent_id);
    bus.send({ topic: "agent", id: params.agent_id });
    return undefined;
  },
  agentRestart: (_, { params }) => ({
    status: "restart_requested",
    agent_id: params.agent_id,
    requested_at: iso(Date.now()),
  }),
  agentWire: ({ world }, { params }) => ({ items: wireOf(findAgent(world, params.agent_id)) }),

  enrolmentTokenList: ({ world }, { query }) => paged(world.tokens, query),
  enrolmentTokenRead: ({ world }, { params }) => found(world.tokens.find(({ id }) => id === params.token_id)),
  enrolmentTokenCreate: (ctx, { body }) => {
    const token: World["tokens"][number] = {
      id: idAt(Date.now(), nextSerial()),
      name: body.name,
      site_id: body.site_id ?? "site-berlin",
      labels: body.labels,
      approval: body.approval,
      uses: 0,
      uses_max: body.uses_max,
      expires_at: iso(Date.now() + body.expires_in_seconds * 1_000),
      revoked_at: null,
      state: "usable",
      created_by: ADA,
      created_at: iso(Date.now()),
    };
    ctx.world.tokens.unshift(token);
    ctx.bus.send({ topic: "enrolment_token", id: token.id });
    // Somebody pastes the command a few seconds later, unless the token's name says otherwise.
    if (!token.name.startsWith("!")) setTimeout(() => arrive(ctx, token.id, body.approval), 6_000);
    if (token.name === "!refused") setTimeout(() => refuse(ctx, token.id), 1_000);
    return {
      token,
      secret: `fpe_eyJ2IjoxLCJvIjoib3JnLTEiLCJzIjoi${"q7Xr2".repeat(9)}In0`,
      agents_url: "https://127.0.0.1:4320",
      opamp_url: "ws://127.0.0.1:4300/v1/opamp",
      ca_fingerprint: "ab".repeat(32),
      agent_archive: { url: "https://127.0.0.1:4320/agent.tgz", sha256: "4e".repeat(32) },
    };
  },
  enrolmentTokenRevoke: ({ world, bus }, { params }) => {
    world.tokens = world.tokens.map((token) =>
      token.id === params.token_id ? { ...token, state: "revoked", revoked_at: iso(Date.now()) } : token,
    );
    bus.send({ topic: "enrolment_token", id: params.token_id });
    return undefined;
  },
  enrolmentAttemptList: ({ world }, { params, query }) =>
    paged(world.attempts.get(params.token_id) ?? [], query),
  bearerList: ({ world }, { query }) => paged(world.bearers, query),
  bearerCreate: ({ world, bus }, { body }) => {
    const bearer = {
      id: idAt(Date.now(), nextSerial()),
      agent_id: body.agent_id ?? "agent-new",
      agent_name: body.name ?? "agent",
      created_by: ADA,
      created_at: iso(Date.now()),
      expires_at: iso(Date.now() + body.expires_in_seconds * 1_000),
      last_used_at: null,
      revoked_at: null,
    };
    world.bearers.unshift(bearer);
    bus.send({ topic: "bearer", id: bearer.id });
    return {
      bearer,
      secret: `eyJhbGciOiJFUzI1NiJ9.${"Zm9vYmFy".repeat(12)}.c2ln`,
      opamp_url: "ws://127.0.0.1:4300/v1/opamp",
    };
  },
  bearerRevoke: ({ world, bus }, { params }) => {
    world.bearers = world.bearers.map((bearer) =>
      bearer.id === params.bearer_id ? { ...bearer, revoked_at: iso(Date.now()) } : bearer,
    );
    bus.send({ topic: "bearer", id: params.bearer_id });
    return undefined;
  },
  certificateAuthority: () => ({
    certificate: "",
    fingerprint: "ab".repeat(32),
    not_after: iso(2e12),
    crl: "",
  }),

  runCreate: (ctx, { body }) => {
    if (body.name === "!refuse")
      throw new MockProblem(
        409,
        "agent_gone",
        "The agent is offline since 02:14. Choose another one, or wait until it is back.",
      );
    const agent = found(ctx.world.agents.find(({ id }) => id === body.agent_id) ?? ctx.world.agents[0]);
    const made = makeRun(nextSerial(), "QUEUED", agent, Date.now(), 0, () => 0);
    return launch(ctx, {
      ...made,
      name: body.name ?? body.command.split("/").at(-1) ?? body.command,
      command: body.command,
      args: body.args,
      env_names: Object.keys(body.env),
      grace_ms: body.grace_ms,
      max_runtime_ms: body.max_runtime_ms,
    });
  },
  runList: ({ world }, { query }) => {
    const words = query.q?.toLowerCase() ?? "";
    const matching = world.runs.filter(
      (run) =>
        (query.state === undefined || run.state === query.state) &&
        (query.active === undefined || String(!isTerminal(run.state)) === query.active) &&
        (query.agent_id === undefined || run.agent_id === query.agent_id) &&
        (query.job_id === undefined || run.job_id === query.job_id) &&
        (query.from_run_id === undefined || [run.retry_of, run.restart_of].includes(query.from_run_id)) &&
        [run.name, run.command, ...run.args].join(" ").toLowerCase().includes(words),
    );
    return paged(
      matching.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1)),
      query,
    );
  },
  runRead: ({ world }, { params }) => findRun(world, params.run_id),
  runStop: (ctx, { params, body }) => stopRun(ctx, params.run_id, "stop", body.reason),
  runKill: (ctx, { params, body }) => stopRun(ctx, params.run_id, "kill", body.reason),
  runRestart: (ctx, { params }) => {
    const old = findRun(ctx.world, params.run_id);
    const agent = { id: old.agent_id ?? "", name: old.agent_name ?? "", site_id: old.site_id };
    const made = makeRun(nextSerial(), "QUEUED", agent, Date.now(), 0, () => 0);
    return launch(ctx, { ...made, name: old.name, command: old.command, args: old.args, restart_of: old.id });
  },
  runEvents: ({ world }, { params, query }) =>
    paged(
      eventsOf(
        findRun(world, params.run_id),
        world.incidents.filter(({ run_id }) => run_id === params.run_id),
      ),
      query,
    ),
  runLogs: ({ world }, { params, query }) => {
    const run = findRun(world, params.run_id);
    const last = run.log.lines;
    const to = Math.min(last, query.from_seq + query.limit - 1);
    const start = Date.parse(run.started_at ?? run.created_at);
    return {
      items: range(query.from_seq, to).map((seq) => logLine(seq, start, world.loops.has(run.id))),
      next_seq: to < last ? to + 1 : null,
      last_seq: last,
    };
  },
  runLogSearch: ({ world }, { params, query }) => {
    const run = findRun(world, params.run_id);
    const needle = query.q.toLowerCase();
    const seqs: number[] = [];
    const searchedTo = Math.min(run.log.lines, query.from_seq + 300_000);
    for (let seq = query.from_seq; seq <= searchedTo && seqs.length < query.limit; seq += 1) {
      if (logLine(seq, 0, world.loops.has(run.id)).text.toLowerCase().includes(needle)) seqs.push(seq);
    }
    return {
      seqs,
      searched_to: seqs.length === query.limit ? (seqs.at(-1) ?? searchedTo) : searchedTo,
      more: seqs.length === query.limit || searchedTo < run.log.lines,
    };
  },

  runFreeze: (ctx, { params }) => {
    changeRun(ctx, params.run_id, { frozen_since: iso(Date.now()) });
    return findRun(ctx.world, params.run_id);
  },
  runResume: (ctx, { params }) => {
    changeRun(ctx, params.run_id, { frozen_since: null });
    return findRun(ctx.world, params.run_id);
  },
  runSamples: ({ world }, { params, query }) =>
    samplesOf(findRun(world, params.run_id), query.points, Date.now()),
  logSearch: ({ world }, { query }) => ({
    items: world.runs.slice(0, 5).map((run) => ({
      run_id: run.id,
      run_name: run.name,
      line: { ...logLine(1, 0, false), text: query.q },
    })),
    next_cursor: null,
    searched: { runs: world.runs.length, bytes: 812_000_000 },
  }),

  memberList: ({ world }, { query }) => paged(world.members, query),
  memberInvite: ({ world, bus }, { body }) => {
    const member = {
      user_id: idAt(Date.now(), nextSerial()),
      email: body.email,
      name: body.name ?? body.email.split("@")[0] ?? "",
      role: body.role,
      created_at: iso(Date.now()),
      last_signed_in_at: null,
    };
    world.members.push(member);
    bus.send({ topic: "member", id: member.user_id });
    return {
      member,
      mailed: false,
      link: {
        url: `http://127.0.0.1:4300/api/auth/magic-link/verify?token=${"k3J9".repeat(8)}`,
        expires_at: iso(Date.now() + 900_000),
      },
    };
  },
  memberChange: ({ world, bus }, { params, body }) => {
    const member = found(world.members.find(({ user_id }) => user_id === params.user_id));
    if (member.role === "owner" && world.members.filter(({ role }) => role === "owner").length === 1) {
      throw new MockProblem(409, "last_owner", "This is the only owner. Make somebody else an owner first.");
    }
    const changed = { ...member, role: body.role };
    world.members = world.members.map((one) => (one === member ? changed : one));
    bus.send({ topic: "member", id: member.user_id });
    return changed;
  },
  memberRemove: ({ world, bus }, { params }) => {
    world.members = world.members.filter(({ user_id }) => user_id !== params.user_id);
    bus.send({ topic: "member", id: params.user_id });
    return undefined;
  },
  signInLinkCreate: () => ({ url: "http://127.0.0.1:4300/", expires_at: iso(Date.now() + 900_000) }),
  apiTokenList: ({ world }, { query }) => paged(world.apiTokens, query),
  apiTokenCreate: ({ world, bus }, { body }) => {
    const token = {
      id: idAt(Date.now(), nextSerial()),
      name: body.name,
      role: body.role,
      created_by: ADA,
      created_at: iso(Date.now()),
      expires_at: body.expires_in_seconds === null ? null : iso(Date.now() + body.expires_in_seconds * 1_000),
      last_used_at: null,
      revoked_at: null,
    };
    world.apiTokens.unshift(token);
    bus.send({ topic: "api_token", id: token.id });
    return { token, secret: `fpk_${token.id.slice(-8)}_${"x8Kd".repeat(8)}` };
  },
  apiTokenRevoke: ({ world, bus }, { params }) => {
    world.apiTokens = world.apiTokens.map((token) =>
      token.id === params.token_id ? { ...token, revoked_at: iso(Date.now()) } : token,
    );
    bus.send({ topic: "api_token", id: params.token_id });
    return undefined;
  },

  auditList: ({ world }, { query }) =>
    paged(
      world.audit.filter(
        (event) =>
          (query.action === undefined || event.action.includes(query.action)) &&
          (query.actor_id === undefined || event.actor.id === query.actor_id) &&
          (query.target_id === undefined || event.target_id === query.target_id),
      ),
      query,
    ),
  auditVerify: ({ world }) => ({
    intact: true,
    checked: world.audit.length,
    head: world.audit[0]?.hash ?? "0".repeat(64),
    problem: null,
  }),
};

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function findAgent(world: World, id: string): AgentDetail {
  return found(world.agents.find((agent) => agent.id === id));
}

function findRun(world: World, id: string): Run {
  return found(world.runs.find((run) => run.id === id));
}

function matchesAgent(
  agent: AgentDetail,
  filter: {
    q?: string | undefined;
    kind?: string | undefined;
    state?: string | undefined;
    site_id?: string | undefined;
  },
): boolean {
  if (filter.kind !== undefined && agent.kind !== filter.kind) return false;
  if (filter.state !== undefined && agent.state !== filter.state) return false;
  if (filter.site_id !== undefined && agent.site_id !== filter.site_id) return false;
  return filterTerms(filter.q ?? "").every(({ key, value }) => {
    if (key === undefined)
      return `${agent.name} ${agent.hostname ?? ""} ${Object.values(agent.labels).join(" ")}`
        .toLowerCase()
        .includes(value.toLowerCase());
    if (key.startsWith("label.")) return agent.labels[key.slice(6)] === value;
    if (key === "kind") return agent.kind === value;
    if (key === "state") return agent.state === value;
    if (key === "version") return agent.version === value;
    if (key === "os") return agent.os === value;
    if (key === "health_level") return levelOf(agent) === value;
    return key === "site" && agent.site_id.includes(value.toLowerCase());
  });
}

function levelOf({ healthy, state }: AgentDetail): string {
  return state !== "connected" ? "offline" : healthy === false ? "unhealthy" : "healthy";
}

/** Changes one agent and tells everybody; the sentence follows the state. */
export function changeAgent(
  { world, bus }: Pick<Context, "world" | "bus">,
  id: string,
  part: Partial<AgentDetail>,
): AgentDetail {
  const index = world.agents.findIndex((agent) => agent.id === id);
  const changed = { ...found(world.agents[index]), ...part, state_since: iso(Date.now()) };
  world.agents[index] = { ...changed, sentence: sentenceOf(changed) };
  bus.send({ topic: "agent", id });
  return found(world.agents[index]);
}

function arrive({ world, bus }: Context, tokenId: string, approval: "automatic" | "manual"): void {
  const made = makeAgent(0, Date.now(), Math.random);
  const id = idAt(Date.now(), nextSerial());
  const agent: AgentDetail = {
    ...made,
    id,
    name: `newcomer-${id.slice(-4)}`,
    hostname: `newcomer-${id.slice(-4)}.example`,
    state: approval === "manual" ? "pending" : "connected",
    created_at: iso(Date.now()),
  };
  world.agents.push({ ...agent, sentence: sentenceOf(agent) });
  world.attempts.set(tokenId, [
    {
      id: idAt(Date.now(), nextSerial()),
      at: iso(Date.now()),
      outcome: approval === "manual" ? "pending" : "enrolled",
      detail: "Enrolled with a new certificate.",
      agent_id: agent.id,
      remote_address: "10.0.0.9",
      hostname: agent.hostname,
    },
  ]);
  bus.send({ topic: "enrolment_token", id: tokenId }, { topic: "agent", id: agent.id });
}

function refuse({ world, bus }: Context, tokenId: string): void {
  world.attempts.set(tokenId, [
    {
      id: idAt(Date.now(), nextSerial()),
      at: iso(Date.now()),
      outcome: "refused",
      detail: "the token was used up. Make a new one, or allow more uses.",
      agent_id: null,
      remote_address: "10.0.0.9",
      hostname: "late.example",
    },
  ]);
  bus.send({ topic: "enrolment_token", id: tokenId });
}

function launch(ctx: Context, run: Run): Run {
  ctx.world.runs.unshift(run);
  ctx.bus.send({ topic: "run", id: run.id });
  setTimeout(
    () =>
      changeRun(ctx, run.id, { state: "RUNNING", waiting: null, pid: 4_242, started_at: iso(Date.now()) }),
    400,
  );
  return run;
}

function stopRun(ctx: Context, id: string, mode: "stop" | "kill", reason: string) {
  const at = iso(Date.now());
  changeRun(ctx, id, {
    state: "STOPPING",
    stop: { mode, actor: ADA, reason, requested_at: at },
    waiting: { for: "its processes to end", since: at, deadline: iso(Date.now() + 10_000) },
  });
  setTimeout(() => {
    const run = findRun(ctx.world, id);
    changeRun(ctx, id, {
      state: "STOPPED",
      signal: mode === "kill" ? "SIGKILL" : "SIGTERM",
      waiting: null,
      ended_at: iso(Date.now()),
      log: { ...run.log, complete: true },
    });
  }, 1_500);
  return { status: "stop_requested" as const, run_id: id, lifecycle: "STOPPING" as const, requested_at: at };
}

export function changeRun(
  { world, bus }: Pick<Context, "world" | "bus">,
  id: string,
  part: Partial<Run>,
): void {
  const index = world.runs.findIndex((run) => run.id === id);
  const changed = { ...found(world.runs[index]), ...part };
  world.runs[index] = { ...changed, sentence: runSentence(changed) };
  bus.send({ topic: "run", id }, { topic: "run_event", id: `${id}-event`, parent_id: id });
}

function wireOf(agent: AgentDetail) {
  return Array.from({ length: agent.instance_uid === null ? 0 : 40 }, (_, index) => {
    const received = index % 2 === 0;
    return {
      at: iso(Date.now() - index * 15_000),
      direction: received ? ("received" as const) : ("sent" as const),
      bytes: received ? 96 + ((index * 37) % 400) : 24,
      summary: received
        ? index % 10 === 0
          ? "Full report: description, health, effective configuration"
          : "Heartbeat"
        : "Acknowledged",
      message: {
        instance_uid: agent.instance_uid,
        sequence_num: 4_000 - index,
        ...(received
          ? {
              capabilities: ["ReportsStatus", "ReportsHealth"],
              health: { healthy: true, status: "StatusOK" },
            }
          : { flags: 0 }),
        headers: { authorization: "[redacted]" },
      },
    };
  });
}

function overviewOf(world: World): EndpointOutput<Api["overview"]> {
  const now = Date.now();
  const states = Object.entries(Object.groupBy(world.agents, ({ state }) => state)).map(
    ([state, agents]) => ({ state: state as AgentDetail["state"], count: agents.length }),
  );
  const active = world.runs.filter(({ state }) => !isTerminal(state)).length;
  const hours = range(0, 23).map((index) => {
    const from = Math.floor(now / 3_600_000 - 23 + index) * 3_600_000;
    const inHour = world.runs.filter(
      ({ created_at }) => Date.parse(created_at) >= from && Date.parse(created_at) < from + 3_600_000,
    );
    return {
      hour: iso(from),
      states: Object.fromEntries(
        Object.entries(Object.groupBy(inHour, ({ state }) => state)).map(([state, runs]) => [
          state,
          runs.length,
        ]),
      ),
    };
  });
  const needs = world.agents.slice(0, 400).flatMap((agent): EndpointOutput<Api["overview"]>["needs"] => {
    const base = { since: agent.state_since, resource: "agent" as const, id: agent.id };
    if (agent.state === "offline")
      return [{ ...base, kind: "agent_offline", severity: "bad", title: `${agent.name} is offline` }];
    if (agent.state === "pending")
      return [
        { ...base, kind: "agent_pending", severity: "attention", title: `${agent.name} waits for approval` },
      ];
    return agent.healthy === false
      ? [
          {
            ...base,
            kind: "agent_unhealthy",
            severity: "attention",
            title: `${agent.name} reports something unhealthy`,
          },
        ]
      : [];
  });
  const survivors = world.runs
    .filter(({ state }) => state === "FAILED_STOP")
    .map((run) => ({
      kind: "run_failed_stop" as const,
      severity: "bad" as const,
      title: `${run.name} could not be stopped on ${run.agent_name}`,
      since: run.state_since,
      resource: "run" as const,
      id: run.id,
    }));
  const open = world.incidents
    .filter(({ state }) => state === "open")
    .map((incident) => ({
      kind: "incident" as const,
      severity: incident.severity === "critical" ? ("bad" as const) : ("attention" as const),
      title: `${incident.run_name}: ${incident.title}`,
      since: incident.opened_at,
      resource: "incident" as const,
      id: incident.id,
    }));
  const storms = world.sites.flatMap((site) =>
    site.detection_fallback === null
      ? []
      : [
          {
            kind: "detection_fallback" as const,
            severity: "attention" as const,
            title: `Too many interventions in ${site.name}: every policy there only watches`,
            since: iso(now - 600_000),
            resource: "site" as const,
            id: site.id,
          },
        ],
  );
  const connected = states.find(({ state }) => state === "connected")?.count ?? 0;
  return {
    sentence:
      world.agents.length === 0
        ? "No agent yet: add the first one to begin."
        : `${connected.toLocaleString("en")} of ${world.agents.length.toLocaleString("en")} agents connected, ${active} runs active, ${needs.length + survivors.length + open.length + storms.length} things need you.`,
    needs: [
      ...open,
      ...storms,
      ...survivors,
      ...needs.toSorted((a, b) => (a.severity === b.severity ? 0 : a.severity === "bad" ? -1 : 1)),
    ].slice(0, 12),
    agents: states,
    runs: hours,
    runs_active: active,
    checklist: {
      agent_enrolled: world.agents.length > 0,
      first_run: world.runs.length > 0,
      first_collector: world.agents.some(({ kind }) => kind === "collector"),
    },
  };
}
