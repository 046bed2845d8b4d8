import { INTENT_BYTES_MAX, type RunStart } from "@flowplane/link";
import {
  ARGV_BYTES_MAX,
  NAME_LENGTH_MAX,
  type ActorRef,
  type Run,
  type RunCreate,
} from "@flowplane/contract";
import { actorRef, inTransaction, newId, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound, type FieldError } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { addIntent } from "../gateway/intents.ts";
import { chooseAgent, requireAgent, type RunnableAgent } from "./choose-agent.ts";
import { describeEnd } from "./refusals.ts";
import { findRun, insertRun, lockRun, type RunRow } from "./store.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { standingOf } from "./transitions.ts";
import { runOf } from "./view.ts";

/** Purpose under which a run's environment is sealed. */
const ENV_SECRET = "run-env";

/** What is launched; `RunCreate` without the choice of an agent. */
interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly grace_ms: number;
  readonly max_runtime_ms: number | null;
  readonly restart_of: string | null;
  readonly reason: string | null;
}

/** Queues a command on an agent; the run, its order to the agent and the audit event are one transaction. */
export async function createRun(ctx: Ctx, input: RunCreate): Promise<Run> {
  checkArguments(input.command, input.args);
  return inTransaction(ctx, async (ctx) => {
    const agent = await chooseAgent(ctx, input.agent_id);
    return launch(ctx, agent, {
      name: input.name ?? nameOf(input.command),
      command: input.command,
      args: input.args,
      env: input.env,
      cwd: input.cwd ?? null,
      grace_ms: input.grace_ms,
      max_runtime_ms: input.max_runtime_ms,
      restart_of: null,
      reason: null,
    });
  });
}

/** Launches what an ended run launched, on the same agent, with the same environment. */
export async function restartRun(ctx: Ctx, id: string, reason: string): Promise<Run> {
  return inTransaction(ctx, async (ctx) => {
    // Locked, so that the run cannot be found alive by its agent between the look and the launch.
    const old = isUuid(id) ? await lockRun(ctx.db, id) : undefined;
    if (old === undefined) throw notFound("run", id);
    const standing = standingOf(old);
    if (standing !== "ENDED" && standing !== "PRESUMED")
      throw new AppError("conflict", `The run ${describeEnd(old)}. Stop it first, then restart it.`);
    if (old.agent_id === null)
      throw new AppError("conflict", "The run never had an agent. Launch it anew and name one.");
    const agent = await requireAgent(ctx, old.agent_id);
    const run = await launch(ctx, agent, {
      name: old.name,
      command: old.command,
      args: old.args,
      env: openEnv(ctx, old),
      cwd: old.cwd,
      grace_ms: old.grace_ms,
      max_runtime_ms: old.max_runtime_ms,
      restart_of: old.id,
      reason,
    });
    await addToTimeline(ctx, [
      timelineRow(ctx, old.id, ctx.actor, {
        type: "run.restarted",
        title: "Restarted as a new run",
        reason,
        payload: { run_id: run.id },
        at: new Date(ctx.now()),
      }),
    ]);
    return run;
  });
}

async function launch(ctx: Tx, agent: RunnableAgent, what: Launch): Promise<Run> {
  const id = newId();
  const now = new Date(ctx.now());
  const actor: ActorRef = actorRef(ctx.actor);
  const start: RunStart = {
    run_id: id,
    spec: {
      command: what.command,
      args: [...what.args],
      env: { ...what.env },
      cwd: what.cwd,
      grace_ms: what.grace_ms,
      ...(what.max_runtime_ms === null ? {} : { max_runtime_ms: what.max_runtime_ms }),
    },
  };
  checkOrder(start);
  await insertRun(ctx.db, {
    id,
    organization_id: ctx.actor.organization_id,
    site_id: agent.site_id,
    agent_id: agent.id,
    agent_name: agent.name,
    job_id: null,
    kind: "process",
    name: what.name,
    command: what.command,
    args: JSON.stringify(what.args),
    cwd: what.cwd,
    env_names: JSON.stringify(Object.keys(what.env).toSorted()),
    env_sealed:
      Object.keys(what.env).length === 0 ? null : ctx.secrets.seal(ENV_SECRET, JSON.stringify(what.env)),
    grace_ms: what.grace_ms,
    max_runtime_ms: what.max_runtime_ms,
    state: "QUEUED",
    state_since: now,
    waiting_for: null,
    deadline: null,
    pid: null,
    exit_code: null,
    signal: null,
    reason: null,
    stop: null,
    restart_of: what.restart_of,
    created_by: JSON.stringify(actor),
    created_at: now,
    started_at: null,
    ended_at: null,
    log_last_seq: null,
  });
  await addIntent(ctx, { agent_id: agent.id, type: "run.start", run_id: id, payload: start });
  await addToTimeline(ctx, [
    timelineRow(ctx, id, actor, {
      type: "run.queued",
      title: `Queued for ${agent.name}`,
      reason: what.reason,
      payload: what.restart_of === null ? {} : { restart_of: what.restart_of },
      at: now,
    }),
  ]);
  record(ctx, {
    action: what.restart_of === null ? "run.create" : "run.restart",
    target_type: "run",
    target_id: id,
    reason: what.reason,
    metadata: {
      agent_id: agent.id,
      name: what.name,
      command: what.command,
      ...(what.restart_of === null ? {} : { restart_of: what.restart_of }),
    },
  });
  const row = await findRun(ctx.db, id, now.getTime());
  if (row === undefined) throw new Error(`run ${id} is not there right after it was inserted`);
  return runOf(row, now.getTime());
}

/** The kernel takes only so much; each argument ends with a NUL there. */
function checkArguments(command: string, args: readonly string[]): void {
  const bytes = [command, ...args].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (bytes > ARGV_BYTES_MAX)
    refuse(
      "/args",
      `the command and its arguments take ${bytes} bytes, at most ${ARGV_BYTES_MAX} are possible; put large input into a file`,
    );
}

/** Command and environment together have to fit one message to the agent. */
function checkOrder(start: RunStart): void {
  const bytes = Buffer.byteLength(JSON.stringify(start));
  if (bytes > INTENT_BYTES_MAX)
    refuse(
      "/env",
      `command, arguments and environment take ${bytes} bytes as JSON, at most ${INTENT_BYTES_MAX} are possible`,
    );
}

function refuse(pointer: string, message: string): never {
  const fields: FieldError[] = [{ pointer, message }];
  throw new AppError("invalid_input", `The body is not valid: ${pointer}: ${message}.`, { fields });
}

function openEnv(ctx: Tx, run: RunRow): Record<string, string> {
  if (run.env_sealed === null) return {};
  return JSON.parse(ctx.secrets.open(ENV_SECRET, run.env_sealed).toString("utf8")) as Record<string, string>;
}

/** The command's last path part, as long as a name may be. */
function nameOf(command: string): string {
  const name =
    command
      .split("/")
      .findLast((part) => part.trim() !== "")
      ?.trim() ?? command;
  // Cut between characters, not inside a surrogate pair.
  return name.slice(0, NAME_LENGTH_MAX).toWellFormed();
}
