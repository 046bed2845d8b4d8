/** Runs as the pages ask for them: launching, lists, logs, stopping. */
import { isTerminal, type Run } from "@flowplane/contract";
import { ADA, found, MockProblem, nextSerial, paged, type Context, type Handlers } from "./answer.ts";
import { logLine } from "./log.ts";
import { iso, range } from "./random.ts";
import { eventsOf, makeRun, runSentence } from "./runs.ts";
import { samplesOf } from "./samples.ts";
import type { World } from "./world.ts";

export const launches = {
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
    const from = Math.max(query.from_seq, run.log.first_seq);
    const to = Math.min(last, from + query.limit - 1);
    const start = Date.parse(run.started_at ?? run.created_at);
    return {
      items: range(from, to).map((seq) => logLine(seq, start, world.loops.has(run.id))),
      next_seq: to < last ? to + 1 : null,
      last_seq: last,
      first_seq: run.log.first_seq,
    };
  },
  runLogSearch: ({ world }, { params, query }) => {
    const run = findRun(world, params.run_id);
    const needle = query.q.toLowerCase();
    const seqs: number[] = [];
    const searchedTo = Math.min(run.log.lines, query.from_seq + 300_000);
    for (
      let seq = Math.max(query.from_seq, run.log.first_seq);
      seq <= searchedTo && seqs.length < query.limit;
      seq += 1
    ) {
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
} satisfies Partial<Handlers>;

function findRun(world: World, id: string): Run {
  return found(world.runs.find((run) => run.id === id));
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

function changeRun({ world, bus }: Pick<Context, "world" | "bus">, id: string, part: Partial<Run>): void {
  const index = world.runs.findIndex((run) => run.id === id);
  const changed = { ...found(world.runs[index]), ...part };
  world.runs[index] = { ...changed, sentence: runSentence(changed) };
  bus.send({ topic: "run", id }, { topic: "run_event", id: `${id}-event`, parent_id: id });
}
