import type { Run } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type Api, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findRun } from "../find.ts";
import { followLog, writeLines, type LogView } from "../follow-log.ts";
import { shortId } from "../format.ts";
import { parseCount, parseDurationMs } from "../input.ts";
import { watchInterrupts } from "../interrupts.ts";
import { exitCodeOf } from "../run-words.ts";
import { printable } from "../text-width.ts";
import { printEnd } from "./run.ts";

interface LogsOptions extends ApiOptions {
  follow?: true;
  tail?: number;
  from?: number;
  stream?: "stdout" | "stderr";
  timestamps?: true;
  search?: string;
  since?: number;
  limit?: number;
}

/** Lines that are found: so many unless said otherwise, and so many in one request at most. */
const FOUND_DEFAULT = 200;
const FOUND_PER_REQUEST = 1_000;
/** Lines one request asks for; the contract's own limit. */
const LINES_PER_REQUEST = 2_000;

export function declareLogs(program: Command, context: Context): void {
  const logs = apiCommand(program, "logs", "Print the output of a run, or find lines in the output of all")
    .argument("[run]", "id, a part of one, or - for the newest; not with --search")
    .option("-f, --follow", "go on as output comes; ends with the run, and with its exit code")
    .option("--tail <n>", "only the last n lines", parseCount)
    .option("--from <seq>", "from this line number on", parseCount)
    .option("-t, --timestamps", "begin each line with its time")
    .option("--search <text>", "lines of any run that hold this text, newest runs first")
    .option("--since <duration>", "with --search: only lines of the last 1h, 7d …", parseDurationMs)
    .option("--limit <n>", `with --search: at most so many lines (default: ${FOUND_DEFAULT})`, parseCount)
    .action((wanted: string | undefined, options: LogsOptions) =>
      options.search === undefined
        ? logsOf(context, requireRun(wanted), options)
        : search(context, wanted, options.search, options),
    );
  logs.addOption(logs.createOption("--stream <name>", "only this stream").choices(["stdout", "stderr"]));
}

function requireRun(wanted: string | undefined): string {
  if (wanted !== undefined) return wanted;
  throw new CliError("Say which run, or what to find with --search.", {
    exitCode: EXIT.usage,
    advice: "`flowplane logs -` prints the newest run's output.",
  });
}

async function search(
  context: Context,
  wanted: string | undefined,
  text: string,
  options: LogsOptions,
): Promise<void> {
  if (wanted !== undefined)
    throw new CliError("--search looks through all runs.", {
      exitCode: EXIT.usage,
      advice: `Leave the run out, or use \`flowplane logs ${wanted} | grep\`.`,
    });
  const { client, output } = await openApi(context, options);
  const from =
    options.since === undefined ? undefined : new Date(context.now() - options.since).toISOString();
  const max = options.limit ?? FOUND_DEFAULT;
  let found = 0;
  let cursor: string | null = null;
  do {
    const limit = Math.min(FOUND_PER_REQUEST, max - found);
    const query = {
      q: text,
      limit,
      ...(from === undefined ? {} : { from }),
      ...(cursor === null ? {} : { cursor }),
    };
    const page: Awaited<ReturnType<typeof client.logSearch>> = await client.logSearch({ query });
    for (const { run_id: id, run_name: name, line } of page.items) {
      found += 1;
      if (options.json === true) output.jsonLine({ run_id: id, run_name: name, line });
      else
        output.print(
          `${output.style("dim", `${shortId(id)} ${line.at} ${line.seq}`)} ${printable(line.text)}`,
        );
    }
    cursor = page.next_cursor;
  } while (cursor !== null && found < max);
  // As with grep, a script can ask whether there is such a line.
  if (found === 0) context.exitCode = EXIT.failed;
  if (found === max && cursor !== null && output.interactive)
    output.note("There may be more; --limit shows them.");
}

async function logsOf(context: Context, wanted: string, options: LogsOptions): Promise<void> {
  const api = await openApi(context, options);
  const run = await findRun(api.client, wanted);
  const view: LogView = {
    fromSeq: options.tail === undefined ? (options.from ?? 1) : await tailStart(api, run, options.tail),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
    timestamps: options.timestamps === true,
    json: options.json === true,
  };
  // Beside the log, never in it: what is printed may be piped on.
  if (run.log.sentence !== null && (view.fromSeq ?? 1) < run.log.first_seq)
    api.output.note(`flowplane: ${run.log.sentence}`);
  if (options.follow === true) return await follow(context, api, run, view);
  await printStored(api, run, view);
}

/** The line number from which `count` lines are left. */
async function tailStart({ client }: Api, run: Run, count: number): Promise<number> {
  const { last_seq } = await client.runLogs({ params: { run_id: run.id }, query: { limit: 1 } });
  return Math.max(1, last_seq - count + 1);
}

async function printStored({ client, output }: Api, run: Run, view: LogView): Promise<void> {
  let next: number | null = view.fromSeq ?? 1;
  while (next !== null) {
    const query: { from_seq: number; limit: number } = { from_seq: next, limit: LINES_PER_REQUEST };
    const page = await client.runLogs({ params: { run_id: run.id }, query });
    await writeLines(output, page.items, view);
    // A page without lines cannot lead further, whatever it says.
    next = page.items.length === 0 ? null : page.next_seq;
  }
}

async function follow(context: Context, api: Api, run: Run, view: LogView): Promise<void> {
  const stop = new AbortController();
  using interrupts = watchInterrupts(() => stop.abort());
  const signal = AbortSignal.any([stop.signal, interrupts.left]);
  if ((await followLog(api, api.output, run.id, view, signal)) === "left") {
    context.exitCode = EXIT.interrupted;
    return;
  }
  const ended = await api.client.runRead({ params: { run_id: run.id } });
  if (view.json !== true) printEnd(api, ended);
  context.exitCode = exitCodeOf(ended);
}
