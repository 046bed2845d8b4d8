import type { Run } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type Api, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { findAgent, findRun } from "../find.ts";
import { formatCommand, formatDuration, formatWhen, shortId } from "../format.ts";
import { parseCount, parseDurationMs } from "../input.ts";
import { listUpTo } from "../listing.ts";
import { reasonOf } from "../reasons.ts";
import { exitWord, runStyle } from "../run-words.ts";
import { printable } from "../text-width.ts";
import type { Column } from "../table.ts";

/** Ended runs `ps` shows beside the active ones. */
const PS_RECENT = 20;
const PS_ACTIVE_MAX = 1_000;
const PS_ALL_MAX = 100_000;

interface PsOptions extends ApiOptions {
  all?: true;
  active?: true;
  agent?: string;
  state?: Run["state"];
  query?: string;
  limit?: number;
}

const STATES = "QUEUED STARTING RUNNING STOPPING SUCCEEDED FAILED STOPPED TIMED_OUT FAILED_STOP LOST".split(
  " ",
);

export function declareRuns(program: Command, context: Context): void {
  const ps = apiCommand(program, "ps", "List runs: the active ones and the last 20 that ended")
    .option("--all", "every run")
    .option("--active", "only runs that have not ended")
    .option("-a, --agent <agent>", "only runs of this agent")
    .option("-q, --query <words>", "words in name, command or arguments")
    .option("--limit <n>", "at most so many", parseCount)
    .action((options: PsOptions) => listRuns(context, options));
  ps.addOption(ps.createOption("--state <state>", "only runs in this state").choices(STATES));

  for (const [name, summary] of [
    ["stop", "Stop runs: SIGTERM, the grace period, then SIGKILL to everything they started"],
    ["kill", "Kill runs at once, with everything they started"],
  ] as const) {
    const command = apiCommand(program, name, summary)
      .argument("<run...>", "id, a part of one, or - for the newest")
      .option("-r, --reason <text>", "why; it is shown on the run and kept in the audit log")
      .option("-w, --wait", "return when they have ended");
    if (name === "stop")
      command.option("--grace <duration>", "time between SIGTERM and SIGKILL", parseDurationMs);
    command.action((runs: string[], options: StopOptions) => stopRuns(context, name, runs, options));
  }

  for (const [name, summary, word] of [
    ["freeze", "Pause runs: their processes stay where they are and get no CPU", "paused"],
    ["resume", "Let paused runs go on", "goes on"],
  ] as const)
    apiCommand(program, name, summary)
      .argument("<run...>", "id, a part of one, or - for the newest")
      .option("-r, --reason <text>", "why; it is shown on the run")
      .action((runs: string[], options: StopOptions) => freezeRuns(context, name, word, runs, options));

  apiCommand(program, "restart", "Launch the command of a run that has ended again, as a new run")
    .argument("<run>", "id, a part of one, or - for the newest")
    .option("-r, --reason <text>", "why; it is shown on the new run")
    .action((wanted: string, options: ApiOptions & { reason?: string }) =>
      restartRun(context, wanted, options),
    );

  apiCommand(program, "events", "Show what happened to a run, and who did it")
    .argument("<run>", "id, a part of one, or - for the newest")
    .action((wanted: string, options: ApiOptions) => listEvents(context, wanted, options));
}

async function listRuns(context: Context, options: PsOptions): Promise<void> {
  const api = await openApi(context, options);
  const runs = await chooseRuns(api, options);
  if (options.json === true) return api.output.json(runs);
  if (runs.length === 0) {
    api.output.print("No runs.");
    if (options.agent === undefined && options.query === undefined && options.state === undefined) {
      api.output.note("Start one with: flowplane run -- COMMAND");
    }
    return;
  }
  api.output.table(runColumns(api, context.now()), runs);
}

async function chooseRuns({ client }: Api, options: PsOptions): Promise<Run[]> {
  const agentId = options.agent === undefined ? undefined : (await findAgent(client, options.agent)).id;
  const filter = {
    ...(agentId === undefined ? {} : { agent_id: agentId }),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.query === undefined ? {} : { q: options.query }),
  };
  const list = async (extra: { active?: "true" }, max: number) =>
    (await listUpTo((page) => client.runList({ query: { ...filter, ...extra, ...page } }), max)).items;
  const { limit } = options;
  if (options.active === true) return await list({ active: "true" }, limit ?? PS_ACTIVE_MAX);
  if (options.all === true || options.state !== undefined || limit !== undefined)
    return await list({}, limit ?? PS_ALL_MAX);
  const [active, newest] = await Promise.all([list({ active: "true" }, PS_ACTIVE_MAX), list({}, PS_RECENT)]);
  const known = new Set(newest.map((run) => run.id));
  return [...newest, ...active.filter((run) => !known.has(run.id))];
}

function runColumns({ output }: Api, now: number): Column<Run>[] {
  return [
    { title: "RUN", value: (run) => shortId(run.id) },
    {
      title: "STATE",
      value: (run) => run.state,
      paint: (cell, run) => output.style(runStyle(run.state), cell),
    },
    { title: "EXIT", value: exitWord },
    { title: "AGENT", value: (run) => run.agent_name ?? "", shrinkTo: 8 },
    { title: "CREATED", value: (run) => formatWhen(run.created_at, now) },
    { title: "TOOK", align: "right", value: (run) => took(run, now) },
    { title: "NAME", value: (run) => run.name, shrinkTo: 8 },
    { title: "COMMAND", value: (run) => formatCommand(run.command, run.args), shrinkTo: 12 },
  ];
}

function took(run: Run, now: number): string {
  if (run.started_at === null) return "-";
  const endMs = run.ended_at === null ? now : Date.parse(run.ended_at);
  return formatDuration(Math.max(0, endMs - Date.parse(run.started_at)));
}

interface StopOptions extends ApiOptions {
  reason?: string;
  wait?: true;
  grace?: number;
}

async function stopRuns(
  context: Context,
  mode: "stop" | "kill",
  wanted: readonly string[],
  options: StopOptions,
): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const reason = options.reason ?? reasonOf(mode);
  const answers = [];
  for (const each of wanted) {
    const run = await findRun(client, each);
    const params = { run_id: run.id };
    const answer =
      mode === "kill"
        ? await client.runKill({ params, body: { reason } })
        : await client.runStop({
            params,
            body: { reason, ...(options.grace === undefined ? {} : { grace_ms: options.grace }) },
          });
    const ended = options.wait === true ? await waitForEnd(api, run.id) : null;
    answers.push(ended ?? answer);
    if (options.json !== true) {
      output.print(
        ended === null
          ? `${shortId(run.id)} ${answer.lifecycle}: asked to ${mode}`
          : `${shortId(run.id)} ${ended.state}: exit ${exitWord(ended)}`,
      );
    }
    if (ended?.state === "FAILED_STOP") context.exitCode = EXIT.failed;
  }
  if (options.json === true) output.json(answers);
}

async function freezeRuns(
  context: Context,
  name: "freeze" | "resume",
  word: string,
  wanted: readonly string[],
  options: StopOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const reason = options.reason ?? reasonOf(name);
  const answers: Run[] = [];
  for (const each of wanted) {
    const params = { run_id: (await findRun(client, each)).id };
    const call = name === "freeze" ? client.runFreeze : client.runResume;
    const run = await call({ params, body: { reason } });
    answers.push(run);
    if (options.json !== true) output.print(`${shortId(run.id)} ${word}`);
  }
  if (options.json === true) output.json(answers);
}

/** Waits for the event that ends the run's log, whose lines are not asked for again. */
async function waitForEnd(api: Api, runId: string): Promise<Run> {
  const { routes, followEvents } = await import("@flowplane/contract/light");
  const done = new AbortController();
  const read = () => api.client.runRead({ params: { run_id: runId } });
  try {
    const query = { from_seq: (await read()).log.stored_seq + 1 };
    const input = { params: { run_id: runId }, query };
    for await (const event of followEvents(api.options, routes.runLogStream, input, {
      signal: done.signal,
    })) {
      if (event.event === "end") break;
    }
  } finally {
    done.abort();
  }
  return await read();
}

async function restartRun(
  context: Context,
  wanted: string,
  options: ApiOptions & { reason?: string },
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const run = await findRun(client, wanted);
  const reason = options.reason ?? reasonOf("restart");
  const fresh = await client.runRestart({ params: { run_id: run.id }, body: { reason } });
  if (options.json === true) return output.json(fresh);
  output.print(fresh.id);
  if (output.interactive)
    output.note(output.style("dim", `Watch it with: flowplane logs -f ${shortId(fresh.id)}`));
}

const EVENTS_MAX = 10_000;

async function listEvents(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const run = await findRun(client, wanted);
  const params = { run_id: run.id };
  const { items } = await listUpTo((query) => client.runEvents({ params, query }), EVENTS_MAX);
  if (options.json === true) return output.json(items);
  output.print(`${output.style("bold", printable(run.sentence))}\n`);
  output.table(
    [
      { title: "AT", value: (event) => event.at },
      { title: "WHAT", value: (event) => event.title },
      {
        title: "BY",
        value: (event) => (event.actor.name === "" ? event.actor.type : event.actor.name),
        shrinkTo: 10,
      },
      { title: "REASON", value: (event) => event.reason ?? "-", shrinkTo: 12 },
    ],
    items,
  );
}
