import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { Run } from "@flowplane/contract";
import { apiCommand, openApi, type Api, type ApiOptions, type Context } from "../context.ts";
import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { isApiError } from "../failure.ts";
import { followLog } from "../follow-log.ts";
import { formatDuration, shortId } from "../format.ts";
import { declareLaunchOptions, launchBody, type LaunchOptions } from "../run-options.ts";
import { watchInterrupts } from "../interrupts.ts";
import { exitCodeOf, exitWord, runStyle } from "../run-words.ts";

interface RunOptions extends ApiOptions, LaunchOptions {
  detach?: true;
}

/** A run that has not started by then gets a word about what it waits for. */
const EXPLAIN_WAIT_AFTER_MS = 2_000;
const CREATE_ATTEMPTS_MAX = 3;

export function declareRun(program: Command, context: Context): void {
  const command = apiCommand(program, "run", "Launch a command on an agent and watch it").argument(
    "<command...>",
    "the program and its arguments; put -- before it",
  );
  declareLaunchOptions(command, context.env)
    .option("-d, --detach", "print the run's id and return")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
The output streams as it comes: stdout to stdout, stderr to stderr, byte for byte.
Ctrl-C asks to stop the run; a second Ctrl-C leaves, and the run goes on stopping without you.
Exits with the run's exit code, or 128 + n when signal n ended it.

Examples:
  flowplane run -- sh -c 'echo hello; exit 3'
  flowplane run --agent build-7 --cwd /srv/app --env CI=1 -- make test
  flowplane run --label gpu=a100 --memory 8g --secret HF_TOKEN --retries 3 -- python train.py`,
    )
    .action((argv: string[], options: RunOptions) => run(context, argv, options));
}

async function run(context: Context, argv: readonly string[], options: RunOptions): Promise<void> {
  const api = await openApi(context, options);
  const { output } = api;
  let onInterrupt = () =>
    output.note("Waiting for the launch to be answered, to stop it. Ctrl-C again to leave.");
  using interrupts = watchInterrupts(() => onInterrupt());
  let interrupted = false;
  const { left } = interrupts;
  const noteInterrupt = onInterrupt;
  onInterrupt = () => {
    interrupted = true;
    noteInterrupt();
  };

  const created = await abandonable(create(api, argv, options), left);
  if (created === null) {
    context.exitCode = EXIT.interrupted;
    return;
  }
  if (options.detach === true) {
    printDetached(api, created, options);
    return;
  }
  const stopping: Promise<void>[] = [];
  onInterrupt = () => void stopping.push(stop(api, created));
  if (interrupted) onInterrupt();
  await watch(context, api, created, options, left);
  await Promise.all(stopping);
}

async function create(api: Api, argv: readonly string[], options: RunOptions): Promise<Run> {
  const body = await launchBody(api.client, argv, options);
  // The key makes a repetition after a lost answer safe: it launches nothing a second time.
  const idempotencyKey = randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.client.runCreate({ body }, { idempotencyKey });
    } catch (error) {
      if (attempt === CREATE_ATTEMPTS_MAX || !wasCutOff(error)) throw error;
    }
  }
}

/** The connection broke after it was made, so that nobody knows whether the run was created. */
function wasCutOff(error: unknown): boolean {
  if (!isApiError(error) || error.problem.status !== 0) return false;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && (cause.code === "ECONNRESET" || cause.code === "UND_ERR_SOCKET")) return true;
  }
  return false;
}

function printDetached({ output }: Api, created: Run, options: RunOptions): void {
  if (options.json === true) output.json(created);
  else output.print(created.id);
  if (output.interactive)
    output.note(output.style("dim", `Watch it with: flowplane logs -f ${shortId(created.id)}`));
}

async function stop({ client, output }: Api, created: Run): Promise<void> {
  output.note(`\nStopping ${created.name} (${shortId(created.id)}) … Ctrl-C again to leave.`);
  const reason = `Ctrl-C in \`flowplane run\` by ${userInfo().username} on ${hostname()}`;
  try {
    await client.runStop({ params: { run_id: created.id }, body: { reason } });
  } catch (error) {
    // It may have ended by itself a moment ago; the log's end tells.
    if (!isApiError(error)) throw error;
    output.note(`flowplane: ${error.problem.detail}`);
  }
}

async function watch(
  context: Context,
  api: Api,
  created: Run,
  options: RunOptions,
  left: AbortSignal,
): Promise<void> {
  const { client, output } = api;
  if (output.interactive && options.json !== true) {
    output.note(
      output.style(
        "dim",
        `run ${shortId(created.id)} ${created.agent_name === null ? "waits" : `on ${created.agent_name}`}`,
      ),
    );
  }
  const explain = setTimeout(() => void explainWait(api, created.id), EXPLAIN_WAIT_AFTER_MS);
  try {
    const view = options.json === true ? { json: true } : {};
    const outcome = await followLog(api, output, created.id, view, left);
    if (outcome === "left") {
      output.note(`Left; see it with: flowplane logs -f ${shortId(created.id)}`);
      context.exitCode = EXIT.interrupted;
      return;
    }
  } finally {
    clearTimeout(explain);
  }
  const ended = await client.runRead({ params: { run_id: created.id } });
  if (options.json === true) output.jsonLine(ended);
  else printEnd(api, ended);
  context.exitCode = exitCodeOf(ended);
}

/** A run that does not start is silent for a reason: its agent is away, or not let in. */
async function explainWait({ client, output }: Api, runId: string): Promise<void> {
  const now = await client.runRead({ params: { run_id: runId } }).catch(() => null);
  if (now !== null && now.started_at === null && now.ended_at === null)
    output.note(`flowplane: ${now.sentence}`);
}

/** For people: how it ended. For everybody: why there is no exit code, or why the command was never started. */
export function printEnd({ output }: Pick<Api, "output">, ended: Run): void {
  const plainEnd = ended.exit_code !== null || ended.signal !== null;
  if (
    !plainEnd ||
    ended.started_at === null ||
    ended.state === "TIMED_OUT" ||
    ended.state === "FAILED_STOP"
  ) {
    output.note(`flowplane: ${ended.reason ?? ended.sentence}`);
  }
  if (!output.interactive) return;
  const tookMs =
    ended.started_at === null
      ? 0
      : Date.parse(ended.ended_at ?? ended.state_since) - Date.parse(ended.started_at);
  const words = `${ended.state} · exit ${exitWord(ended)} · ${formatDuration(tookMs)}`;
  output.note(
    `${output.style(runStyle(ended.state), words)} ${output.style("dim", `· flowplane events ${shortId(ended.id)}`)}`,
  );
}

/** The value, or null when `signal` aborts first. */
async function abandonable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const leaving = new Promise<null>((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  return await Promise.race([promise, leaving]);
}
