import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Run } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type ApiOptions, type Context } from "../context.ts";
import { formatBytes, formatDuration, shortId } from "../format.ts";
import { parseDurationMs } from "../input.ts";
import { watchInterrupts } from "../interrupts.ts";
import { listUpTo } from "../listing.ts";
import type { Output } from "../output.ts";
import { runStyle } from "../run-words.ts";
import { ratesBetween, type Rates } from "../run-rates.ts";
import { layOutTable, type Column } from "../table.ts";

/** Runs that fit no screen any more. */
const RUNS_MAX = 200;
const EVERY_MS = 2_000;
const EVERY_MS_MIN = 500;
/** Back to the top left; what is below is cleared after drawing, so that nothing flickers. */
const HOME = "\u001b[H";
const CLEAR_BELOW = "\u001b[J";
const CLEAR_TO_LINE_END = "\u001b[K";
const [OTHER_SCREEN, OWN_SCREEN] = ["\u001b[?1049h\u001b[?25l", "\u001b[?25h\u001b[?1049l"];

interface Shown {
  readonly run: Run;
  readonly rates: Rates;
}

export function declareTop(program: Command, context: Context): void {
  apiCommand(
    program,
    "top",
    "Watch active runs: CPU, memory and output, until Ctrl-C; without a terminal, once",
  )
    .option("--every <duration>", "how often to look", parseDurationMs, EVERY_MS)
    .action((options: ApiOptions & { every: number }) => top(context, options));
}

async function top(context: Context, options: ApiOptions & { every: number }): Promise<void> {
  const { client, output } = await openApi(context, options);
  if (options.json === true) return output.json(await readActive(client));
  if (!output.interactive) {
    const runs = (await readActive(client)).map((run) => ({ run, rates: ratesBetween(null, run) }));
    return runs.length === 0 ? output.print("No active runs.") : output.table(columns(context), runs);
  }
  const stop = new AbortController();
  using interrupts = watchInterrupts(() => stop.abort());
  const signal = AbortSignal.any([stop.signal, interrupts.left]);
  process.stdout.write(OTHER_SCREEN);
  try {
    await watch(context, client, output, Math.max(EVERY_MS_MIN, options.every), signal);
  } finally {
    process.stdout.write(OWN_SCREEN);
  }
}

async function watch(
  context: Context,
  client: Client,
  output: Output,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  let before = new Map<string, { run: Run; atMs: number }>();
  while (!signal.aborted) {
    const runs = await readActive(client);
    const atMs = context.now();
    const shown = runs.map((run) => ({ run, rates: ratesBetween(before.get(run.id) ?? null, run, atMs) }));
    before = new Map(runs.map((run) => [run.id, { run, atMs }]));
    draw(output, columns(context), shown);
    // Rejects when the signal aborts, which ends the loop.
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function readActive(client: Client): Promise<Run[]> {
  const { items } = await listUpTo(
    (page) => client.runList({ query: { active: "true", ...page } }),
    RUNS_MAX,
  );
  return items;
}

function draw(output: Output, shownColumns: readonly Column<Shown>[], shown: readonly Shown[]): void {
  const { columns: width, rows } = process.stdout;
  const head = `${shown.length} active · ${new Date().toLocaleTimeString()} · Ctrl-C to leave`;
  const lines = [output.style("dim", head), ...layOutTable(shownColumns, shown, width)].slice(0, rows - 1);
  process.stdout.write(HOME + lines.map((line) => line + CLEAR_TO_LINE_END).join("\n") + `\n${CLEAR_BELOW}`);
}

function columns({ output, now }: Context): Column<Shown>[] {
  return [
    { title: "RUN", value: ({ run }) => shortId(run.id) },
    {
      title: "STATE",
      value: ({ run }) => (run.frozen_since === null ? run.state : "PAUSED"),
      paint: (cell, { run }) => output.style(runStyle(run.state), cell),
    },
    {
      title: "FOR",
      align: "right",
      value: ({ run }) => formatDuration(now() - Date.parse(run.started_at ?? run.created_at)),
    },
    {
      title: "CPU",
      align: "right",
      value: ({ rates }) => (rates.cpuShare === null ? "-" : `${Math.round(rates.cpuShare * 100)} %`),
    },
    {
      title: "MEMORY",
      align: "right",
      value: ({ run }) => (run.usage === null ? "-" : formatBytes(run.usage.memory_bytes)),
    },
    { title: "PROCS", align: "right", value: ({ run }) => run.usage?.processes.toString() ?? "-" },
    { title: "OUTPUT", align: "right", value: ({ run }) => formatBytes(run.log.bytes) },
    {
      title: "PER S",
      align: "right",
      value: ({ rates }) =>
        rates.outputBytesPerSecond === null ? "-" : formatBytes(rates.outputBytesPerSecond),
    },
    {
      title: "INCIDENTS",
      align: "right",
      value: ({ run }) => (run.incidents.total === 0 ? "" : String(run.incidents.total)),
    },
    { title: "AGENT", value: ({ run }) => run.agent_name ?? "", shrinkTo: 6 },
    { title: "NAME", value: ({ run }) => run.name, shrinkTo: 8 },
  ];
}
