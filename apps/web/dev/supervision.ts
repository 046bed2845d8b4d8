/** The mock's answers about jobs, incidents, policies, evidence and secrets. */
import {
  PolicyDocument,
  type Incident,
  type IncidentDetail,
  type Job,
  type Policy,
  type PolicyComparison,
  type Run,
} from "@flowplane/contract";
import { ADA, found, MockProblem, nextSerial, paged, type Context, type Handlers } from "./answer.ts";
import { jobSentence, previewOf, stepOf } from "./jobs.ts";
import { compared } from "./policies.ts";
import { idAt, iso } from "./random.ts";
import { makeRun } from "./runs.ts";

const COMPARING_MS = 3_000;
const DAY = 86_400_000;

export const supervision = {
  jobList: ({ world }, { query }) =>
    paged(
      world.jobs
        .filter(
          (job) =>
            (query.archived === "true") === (job.archived_at !== null) &&
            `${job.name} ${job.command}`.toLowerCase().includes((query.q ?? "").toLowerCase()),
        )
        .toSorted((a, b) => a.name.localeCompare(b.name)),
      query,
    ),
  jobRead: ({ world }, { params }) => findJob(world.jobs, params.job_id),
  jobCreate: ({ world, bus }, { body }) => {
    if (world.jobs.some(({ name, archived_at }) => name === body.name && archived_at === null))
      throw new MockProblem(409, "name_taken", `A job is called ${body.name} already. Choose another name.`);
    const id = idAt(Date.now(), nextSerial());
    const job = jobOf(body, id, 1);
    world.jobs.push(job);
    bus.send({ topic: "job", id });
    return job;
  },
  jobReplace: (ctx, { params, body }) => {
    const old = findJob(ctx.world.jobs, params.job_id);
    if (body.revision !== undefined && body.revision !== old.revision)
      throw new MockProblem(
        409,
        "conflict",
        "Somebody else changed this job meanwhile. Reload it and apply your change again.",
      );
    return changeJob(ctx, old, {
      ...jobOf(body, old.id, old.revision + 1),
      created_at: old.created_at,
      last_run: old.last_run,
    });
  },
  jobArchive: (ctx, { params }) => {
    changeJob(ctx, findJob(ctx.world.jobs, params.job_id), {
      status: "ARCHIVED",
      archived_at: iso(Date.now()),
      next_run_at: null,
    });
    return undefined;
  },
  jobPause: (ctx, { params }) =>
    changeJob(ctx, findJob(ctx.world.jobs, params.job_id), { status: "PAUSED", next_run_at: null }),
  jobResume: (ctx, { params }) =>
    changeJob(ctx, findJob(ctx.world.jobs, params.job_id), {
      status: "CREATED",
      next_run_at: iso(Date.now() + 900_000),
    }),
  jobRun: (ctx, { params }) => {
    const job = findJob(ctx.world.jobs, params.job_id);
    const agent = found(ctx.world.agents[0]);
    const run: Run = {
      ...makeRun(nextSerial(), "RUNNING", agent, Date.now(), 40, () => 0),
      name: job.name,
      job_id: job.id,
      origin: "job",
      command: job.command,
      args: job.args,
    };
    ctx.world.runs.unshift(run);
    ctx.bus.send({ topic: "run", id: run.id });
    changeJob(ctx, job, {
      last_run: { id: run.id, state: run.state, created_at: run.created_at },
      runs_active: job.runs_active + 1,
    });
    return run;
  },
  schedulePreview: (_, { body }) => {
    if (body.schedule_policy.cron?.includes("99") === true)
      throw new MockProblem(400, "invalid_input", "“99” is no minute: minutes go from 0 to 59.");
    return previewOf(body.schedule_policy, body.count, Date.now());
  },
  scheduleCalendar: ({ world }, { query }) => {
    const from = query.from === undefined ? Date.now() : Date.parse(query.from);
    return {
      items: world.jobs
        .filter(({ schedule_policy, status }) => schedule_policy?.cron !== undefined && status === "CREATED")
        .slice(0, 40)
        .map((job) => {
          const step = stepOf(job.schedule_policy?.cron ?? "");
          const first = Math.ceil(from / step) * step;
          const count = Math.floor((query.days * DAY) / step);
          return {
            job_id: job.id,
            name: job.name,
            times: Array.from({ length: Math.min(200, count) }, (_, index) => iso(first + index * step)),
            more: Math.max(0, count - 200),
          };
        }),
    };
  },

  incidentList: ({ world }, { query }) =>
    paged(
      world.incidents
        .filter(
          (incident) =>
            (query.state === undefined || incident.state === query.state) &&
            (query.category === undefined || incident.category === query.category) &&
            (query.severity === undefined || incident.severity === query.severity) &&
            (query.run_id === undefined || incident.run_id === query.run_id) &&
            (query.job_id === undefined || incident.job_id === query.job_id) &&
            (query.agent_id === undefined || incident.agent_id === query.agent_id) &&
            (query.site_id === undefined || incident.site_id === query.site_id),
        )
        .toSorted((a, b) => (a.opened_at < b.opened_at ? 1 : -1)),
      query,
    ),
  incidentRead: ({ world }, { params }) => findIncident(world.incidents, params.incident_id),
  incidentAcknowledge: (ctx, { params }) =>
    changeIncident(ctx, params.incident_id, { state: "acknowledged", acknowledged_by: ADA }),
  incidentClose: (ctx, { params, body }) =>
    changeIncident(ctx, params.incident_id, {
      state: "closed",
      closed_at: iso(Date.now()),
      closed_because: body.reason,
    }),
  incidentFeedback: (ctx, { params, body }) =>
    changeIncident(ctx, params.incident_id, {
      feedback: { verdict: body.verdict, note: body.note ?? null, actor: ADA, at: iso(Date.now()) },
    }),

  policyList: ({ world }, { query }) => paged(world.policies.policies, query),
  policyRead: ({ world }, { params }) => findPolicy(world.policies.policies, params.policy_id),
  policyCreate: ({ world, bus }, { body }) => {
    const id = idAt(Date.now(), nextSerial());
    const now = iso(Date.now());
    world.policies.versions.push({
      policy_id: id,
      version: 1,
      document: body.document,
      hash: "5e".repeat(32),
      message: "The first version",
      created_by: ADA,
      created_at: now,
    });
    const policy: Policy = {
      id,
      name: body.name,
      description: body.description,
      current_version: 1,
      current: body.document,
      is_default: false,
      runs_30d: 0,
      incidents_30d: 0,
      created_by: ADA,
      created_at: now,
      updated_at: now,
    };
    world.policies.policies.push(policy);
    bus.send({ topic: "policy", id });
    return policy;
  },
  policyChange: ({ world, bus }, { params, body }) => {
    const policy = findPolicy(world.policies.policies, params.policy_id);
    const changed: Policy = {
      ...policy,
      name: body.name ?? policy.name,
      description: body.description ?? policy.description,
      is_default: body.is_default ?? policy.is_default,
    };
    world.policies.policies = world.policies.policies.map((one) =>
      one === policy ? changed : body.is_default === true ? { ...one, is_default: false } : one,
    );
    bus.send({ topic: "policy", id: policy.id });
    return changed;
  },
  policyArchive: ({ world, bus }, { params }) => {
    world.policies.policies = world.policies.policies.filter(({ id }) => id !== params.policy_id);
    bus.send({ topic: "policy", id: params.policy_id });
    return undefined;
  },
  policyVersionList: ({ world }, { params, query }) =>
    paged(
      world.policies.versions
        .filter(({ policy_id }) => policy_id === params.policy_id)
        .toSorted((a, b) => b.version - a.version),
      query,
    ),
  policyVersionCreate: ({ world, bus }, { params, body }) => {
    const policy = findPolicy(world.policies.policies, params.policy_id);
    const version = {
      policy_id: policy.id,
      version: policy.current_version + 1,
      document: body.document,
      hash: "7f".repeat(32),
      message: body.message,
      created_by: ADA,
      created_at: iso(Date.now()),
    };
    world.policies.versions.push(version);
    world.policies.policies = world.policies.policies.map((one) =>
      one === policy
        ? { ...one, current_version: version.version, current: body.document, updated_at: version.created_at }
        : one,
    );
    bus.send({ topic: "policy", id: policy.id });
    return version;
  },
  policyCompare: (ctx, { params, body }) => {
    const policy = findPolicy(ctx.world.policies.policies, params.policy_id);
    const base = body.base_version ?? policy.current_version;
    const comparison: PolicyComparison = {
      id: idAt(Date.now(), nextSerial()),
      policy_id: policy.id,
      state: "running",
      progress: { done: 61, total: 184 },
      base: { policy_id: policy.id, version: base, label: `${policy.name} v${base}` },
      candidate:
        "version" in body.candidate
          ? {
              policy_id: policy.id,
              version: body.candidate.version,
              label: `${policy.name} v${body.candidate.version}`,
            }
          : { policy_id: null, version: null, label: "the draft" },
      since: iso(Date.now() - body.days * DAY),
      summary: null,
      runs: [],
      error: null,
      created_by: ADA,
      created_at: iso(Date.now()),
    };
    ctx.world.policies.comparisons.push(comparison);
    setTimeout(() => finish(ctx, comparison), COMPARING_MS);
    return comparison;
  },
  policyComparisonRead: ({ world }, { params }) =>
    found(world.policies.comparisons.find(({ id }) => id === params.comparison_id)),
  policySuggestions: ({ world }, { params }) => {
    const policy = findPolicy(world.policies.policies, params.policy_id);
    const wrong = world.incidents.filter(({ feedback }) => feedback?.verdict === "wrong").slice(0, 2);
    return {
      items:
        wrong.length === 0 || policy.is_default
          ? []
          : [
              {
                policy_id: policy.id,
                title: "Treat “all 8 connections are busy” as benign",
                why: `${wrong.length} incidents that were called wrong were mostly made of this line.`,
                document: PolicyDocument.parse({
                  ...policy.current,
                  benign: [...policy.current.benign, "all 8 connections are busy"],
                }),
                incident_ids: wrong.map(({ id }) => id),
              },
            ],
    };
  },

  runReplay: ({ world }, { params, body }) => {
    const run = found(world.runs.find(({ id }) => id === params.run_id));
    const other = body.policy !== undefined || body.policy_document !== undefined;
    const start = Date.parse(run.started_at ?? run.created_at);
    const decision = (at: number, line: number, kind: string, score: number, action: string | null) => ({
      at: iso(start + at),
      line,
      kind,
      category: "loop",
      score,
      action,
      outcome: action === null ? null : other ? "would have" : "done",
      recorded: !other || action === null,
      replayed: true,
    });
    return {
      run_id: run.id,
      equal: other ? null : true,
      intact: true,
      problem: null,
      events: 41_208,
      decisions: [
        decision(150_000, 1_250, "suspected", 62, null),
        decision(190_000, 1_583, "cleared", 31, null),
        decision(386_000, LOOP_LINE, "suspected", 66, null),
        decision(398_000, LOOP_LINE + 100, "confirmed", 94, other ? "stop" : "restart"),
      ],
      sentence: other
        ? "Under this policy the run would have been stopped after 6 m 38 s, at line 3,310."
        : "Equal: 4 decisions of 41,208 events came out byte for byte as they were recorded.",
    };
  },

  secretList: ({ world }, { query }) => paged(world.secrets, query),
  secretPut: ({ world, bus }, { params, body }) => {
    const now = iso(Date.now());
    const old = world.secrets.find(({ name }) => name === params.secret_name);
    const secret = {
      name: params.secret_name,
      site_id: body.site_id,
      created_by: ADA,
      created_at: old?.created_at ?? now,
      updated_at: now,
      last_used_at: old?.last_used_at ?? null,
    };
    world.secrets = [...world.secrets.filter((one) => one !== old), secret];
    bus.send({ topic: "secret", id: secret.name });
    return secret;
  },
  secretDelete: ({ world, bus }, { params }) => {
    world.secrets = world.secrets.filter(({ name }) => name !== params.secret_name);
    bus.send({ topic: "secret", id: params.secret_name });
    return undefined;
  },
} satisfies Partial<Handlers>;

const LOOP_LINE = 3_210;

function findJob(jobs: readonly Job[], id: string): Job {
  return found(jobs.find((job) => job.id === id));
}

function findPolicy(policies: readonly Policy[], id: string): Policy {
  return found(policies.find((policy) => policy.id === id));
}

function findIncident(incidents: readonly IncidentDetail[], id: string): IncidentDetail {
  return found(incidents.find((incident) => incident.id === id));
}

function jobOf(body: Parameters<Handlers["jobCreate"]>[1]["body"], id: string, revision: number): Job {
  const schedule = body.schedule_policy ?? null;
  const job: Job = {
    id,
    job_id: id,
    status: schedule?.paused === true ? "PAUSED" : "CREATED",
    site_id: body.site_id ?? null,
    name: body.name,
    description: body.description,
    command: body.command,
    args: body.args,
    cwd: body.cwd ?? null,
    grace_ms: body.grace_ms,
    env_policy: {
      inherit: body.env_policy?.inherit ?? [],
      set: Object.fromEntries(Object.keys(body.env_policy?.set ?? {}).map((name) => [name, ""])),
      secrets: body.env_policy?.secrets ?? {},
    },
    resource_policy: body.resource_policy ?? {},
    user: body.user ?? null,
    group: body.group ?? null,
    isolation: body.isolation ?? null,
    retry: body.retry ?? null,
    progress: body.progress ?? null,
    schedule_policy: schedule,
    schedule_in_words: schedule === null ? null : previewOf(schedule, 1, Date.now()).in_words,
    placement: body.placement,
    concurrency_max: body.concurrency_max,
    policy: null,
    detection_policy_version: body.detection_policy_version ?? null,
    managed_by: null,
    sentence: "",
    next_run_at: schedule === null ? null : (previewOf(schedule, 1, Date.now()).times[0]?.at ?? null),
    last_run: null,
    runs_active: 0,
    revision,
    created_by: ADA,
    created_at: iso(Date.now()),
    updated_at: iso(Date.now()),
    archived_at: null,
  };
  return { ...job, sentence: jobSentence(job) };
}

function changeJob({ world, bus }: Context, old: Job, part: Partial<Job>): Job {
  const changed = { ...old, ...part };
  const next = { ...changed, sentence: jobSentence(changed) };
  world.jobs = world.jobs.map((job) => (job.id === old.id ? next : job));
  bus.send({ topic: "job", id: old.id });
  return next;
}

function changeIncident({ world, bus }: Context, id: string, part: Partial<Incident>): Incident {
  const changed = { ...findIncident(world.incidents, id), ...part };
  world.incidents = world.incidents.map((incident) => (incident.id === id ? changed : incident));
  bus.send({ topic: "incident", id });
  return changed;
}

function finish({ world, bus }: Context, comparison: PolicyComparison): void {
  const done: PolicyComparison = {
    ...comparison,
    state: "done",
    progress: { done: 184, total: 184 },
    ...compared(world.runs),
  };
  world.policies.comparisons = world.policies.comparisons.map((one) => (one.id === done.id ? done : one));
  bus.send({ topic: "policy_comparison", id: done.id, parent_id: done.policy_id });
}
