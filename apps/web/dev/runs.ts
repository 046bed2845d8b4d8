import type { Incident, Run, RunEvent, RunState } from "@flowplane/contract";
import { isTerminal, RUN_STATES } from "@flowplane/contract";
import { jobIdOf } from "./jobs.ts";
import { idAt, iso, pick, seeded } from "./random.ts";

const PEOPLE = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra"] as const;
const COMMANDS = [
  ["nightly-import", "/usr/bin/node", ["import.js", "--since", "yesterday", "--shards", "31"]],
  ["backup", "/usr/local/bin/restic", ["backup", "--tag", "nightly", "/srv/data"]],
  ["report", "sh", ["-c", "make report && cp out/report.pdf /srv/reports/"]],
  ["migrate", "/usr/bin/psql", ["-f", "migrate.sql", "postgresql://db.example/orders"]],
  ["sleep", "sleep", ["3600"]],
  ["crawler", "/opt/crawl/crawl", ["--site", "shop.example", "--concurrency", "8"]],
] as const;
export const LARGE_LOG_LINES = 1_000_000;

export function makeRuns(
  count: number,
  agents: readonly { id: string; name: string; site_id: string }[],
  now: number,
): Run[] {
  const random = seeded(11);
  return Array.from({ length: count }, (_, index) => {
    const agent = agents[Math.floor(random() * Math.min(agents.length, 200))] ?? {
      id: "a",
      name: "a",
      site_id: "s",
    };
    const state: RunState =
      index === 0
        ? "RUNNING"
        : index === 1
          ? "FAILED"
          : index < 10
            ? (RUN_STATES[index] ?? "FAILED")
            : pick(random, [
                "SUCCEEDED",
                "SUCCEEDED",
                "SUCCEEDED",
                "SUCCEEDED",
                "FAILED",
                "STOPPED",
                "TIMED_OUT",
              ]);
    return makeRun(
      index,
      state,
      agent,
      now - index * 700_000 * (0.4 + random()) - 60_000,
      index === 1 ? LARGE_LOG_LINES : 40 + Math.floor(random() * 4_000),
      random,
      now,
    );
  });
}

export function makeRun(
  serial: number,
  state: RunState,
  agent: { id: string; name: string; site_id: string },
  createdAt: number,
  lines: number,
  random: () => number,
  now = Date.now(),
): Run {
  const [name, command, args] = pick(random, COMMANDS);
  const ended = isTerminal(state);
  const hasStarted = state !== "QUEUED" && state !== "STARTING";
  const endedAt = createdAt + 2_000 + random() * 600_000;
  const person = { type: "user", id: "user-ada", name: pick(random, PEOPLE) } as const;
  const run: Run = {
    id: idAt(createdAt, serial),
    kind: "process",
    job_id: serial < 50_000 ? jobIdOf(name, now) : null,
    site_id: agent.site_id,
    agent_id: agent.id,
    agent_name: agent.name,
    name,
    origin: serial % 3 === 0 ? "schedule" : "api",
    attempt: serial % 5 === 1 ? 2 : 1,
    retry_of: serial % 5 === 1 ? idAt(createdAt - 400_000, serial + 1) : null,
    scheduled_for: null,
    resource_policy:
      serial % 2 === 1 ? { memory_limit_mb: 2_048, cpu_limit_millicores: 1_500, pids_limit: 200 } : {},
    isolation: null,
    user: null,
    group: null,
    retry: null,
    progress: null,
    policy: { id: null, name: "Crawlers", version: 3, mode: "enforce" },
    incidents: { open: 0, total: 0 },
    intervention: null,
    frozen_since: null,
    usage: hasStarted
      ? {
          cpu_ms: 412_000,
          memory_bytes: 812_000_000,
          memory_peak_bytes: 1_120_000_000,
          processes: 7,
          at: iso(createdAt + 60_000),
        }
      : null,
    command,
    args: [...args],
    cwd: serial % 3 === 0 ? "/srv/import" : null,
    env_names: serial % 2 === 0 ? ["TZ", "IMPORT_BUCKET"] : [],
    grace_ms: 10_000,
    max_runtime_ms: serial % 4 === 0 ? 3_600_000 : null,
    state,
    state_since: iso(createdAt + 1_200),
    waiting:
      state === "QUEUED"
        ? { for: "the agent to take it", since: iso(createdAt), deadline: iso(createdAt + 3_600_000) }
        : state === "STOPPING"
          ? {
              for: "its processes to end",
              since: iso(createdAt + 90_000),
              deadline: iso(createdAt + 100_000),
            }
          : null,
    sentence: "",
    pid: hasStarted ? 4_000 + serial : null,
    exit_code: state === "SUCCEEDED" ? 0 : state === "FAILED" ? 3 : null,
    signal: state === "STOPPED" || state === "TIMED_OUT" ? "SIGTERM" : null,
    reason:
      state === "TIMED_OUT"
        ? "It ran longer than its limit of 1 h."
        : state === "FAILED_STOP"
          ? "Process 4711 survived SIGKILL (uninterruptible sleep)."
          : null,
    stop:
      state === "STOPPED"
        ? { mode: "stop", actor: person, reason: "Wrong bucket", requested_at: iso(endedAt - 900) }
        : null,
    restart_of: null,
    created_by: person,
    created_at: iso(createdAt),
    started_at: hasStarted ? iso(createdAt + 1_200) : null,
    ended_at: ended ? iso(endedAt) : null,
    log: {
      bytes: hasStarted ? lines * 83 : 0,
      lines: hasStarted ? lines : 0,
      stored_seq: hasStarted ? lines : 0,
      complete: ended,
      redactions: 0,
      expired: false,
      first_seq: 1,
      expired_until: null,
      sentence: null,
    },
  };
  return { ...run, sentence: runSentence(run) };
}

export function runSentence(run: Run): string {
  switch (run.state) {
    case "QUEUED":
      return "Queued: the agent has not taken it yet.";
    case "STARTING":
      return "Starting.";
    case "RUNNING":
      return `Running as process ${run.pid ?? ""}.`;
    case "STOPPING":
      return "Being stopped: SIGTERM was sent, SIGKILL follows when its grace is over.";
    case "SUCCEEDED":
      return "Succeeded with exit code 0.";
    case "FAILED":
      return `Failed with exit code ${run.exit_code ?? ""}.`;
    case "STOPPED":
      return `Stopped by ${run.stop?.actor.name ?? "somebody"}: “${run.stop?.reason ?? ""}”.`;
    case "TIMED_OUT":
      return "Stopped by Flowplane: it ran longer than its limit.";
    case "FAILED_STOP":
      return "Could not be stopped: something of it survives.";
    case "LOST":
      return "Lost: the machine came back without it.";
  }
}

export function eventsOf(run: Run, incidents: readonly Incident[] = []): RunEvent[] {
  const event = (type: string, title: string, at: string | null, reason: string | null = null): RunEvent[] =>
    at === null
      ? []
      : [
          {
            id: `${run.id}-${type}`,
            at,
            type,
            title,
            reason,
            actor:
              type === "created" || type === "stop"
                ? run.created_by
                : { type: "system", id: "system", name: "Flowplane" },
            payload: type === "run.running" ? { enforced: ["memory", "pids"] } : {},
          },
        ];
  const seen = incidents.flatMap((incident): RunEvent[] => [
    {
      id: `${incident.id}-opened`,
      at: incident.opened_at,
      type: "incident.opened",
      title: incident.title,
      reason: null,
      actor: { type: "agent", id: incident.agent_id, name: incident.agent_name },
      payload: { incident_id: incident.id, category: incident.category, score: incident.score, line: 3_210 },
    },
    ...incident.interventions.map((intervention, index): RunEvent => ({
      id: `${incident.id}-${index}`,
      at: intervention.at,
      type: "incident.intervention",
      title: `${intervention.action}: ${intervention.outcome}`,
      reason: intervention.why,
      actor: intervention.actor,
      payload: { incident_id: incident.id, action: intervention.action, outcome: intervention.outcome },
    })),
  ]);
  const own = [
    ...event("created", `Launched by ${run.created_by.name}`, run.created_at),
    ...event("run.starting", `Taken by ${run.agent_name}`, run.state === "QUEUED" ? null : run.created_at),
    ...event("run.running", `Process ${run.pid ?? ""} started`, run.started_at),
    ...event(
      "stop",
      run.stop?.mode === "kill" ? "Kill requested" : "Stop requested",
      run.stop?.requested_at ?? null,
      run.stop?.reason ?? null,
    ),
    ...event("run.ended", `Ended: ${run.state.toLowerCase().replaceAll("_", " ")}`, run.ended_at, run.reason),
  ];
  return [...own, ...seen].toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
