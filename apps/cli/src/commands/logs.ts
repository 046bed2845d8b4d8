import type { Run } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type Api, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { findRun } from "../find.ts";
import { followLog, writeLines, type LogView } from "../follow-log.ts";
import { parseCount } from "../input.ts";
import { watchInterrupts } from "../interrupts.ts";
import { exitCodeOf } from "../run-words.ts";
import { printEnd } from "./run.ts";

interface LogsOptions extends ApiOptions {
  follow?: true;
  tail?: number;
  from?: number;
  stream?: "stdout" | "stderr";
  timestamps?: true;
}

/** Lines one request asks for; the contract's own limit. */
const LINES_PER_REQUEST = 2_000;

export function declareLogs(program: Command, context: Context): void {
  const logs = apiCommand(program, "logs", "Print the output of a run")
    .argument("<run>", "id, a part of one, or - for the newest")
    .option("-f, --follow", "go on as output comes; ends with the run, and with its exit code")
    .option("--tail <n>", "only the last n lines", parseCount)
    .option("--from <seq>", "from this line number on", parseCount)
    .option("-t, --timestamps", "begin each line with its time")
    .action((wanted: string, options: LogsOptions) => logsOf(context, wanted, options));
  logs.addOption(logs.createOption("--stream <name>", "only this stream").choices(["stdout", "stderr"]));
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
