// Starts runs that were asked for on this host: the same request a control plane takes, turned into what is executed.

import { createHash } from "node:crypto";
import { userInfo } from "node:os";
import { ARGV_BYTES_MAX, type RunCreate } from "@flowplane/contract";
import type { RunLimitsSpec, RunSpec } from "@flowplane/link";
import { newUid } from "@flowplane/opamp";
import { appendEvent } from "../spool/events.ts";
import { findRequest, rememberRequest } from "../spool/history.ts";
import { LIVE_RUNS_MAX } from "../supervisor/supervision.ts";
import type { LocalContext } from "./context.ts";
import { LocalProblem } from "./problem.ts";
import { nameOf } from "./run-view.ts";

const MEBIBYTE = 1024 * 1024;
const KEY_CHARS_MAX = 255;

/** Launches what was asked for, once per idempotency key; the run's id. */
export function createRun(context: LocalContext, body: RunCreate, key: string | undefined): string {
  return onlyOnce(context, body, key, () => launch(context, toSpec(body), { restartOf: null, reason: null }));
}

/** Launches what an ended run launched, as a new run. */
export function restartRun(
  context: LocalContext,
  old: { id: string; spec: RunSpec },
  reason: string,
  key: string | undefined,
): string {
  const { attempt: _attempt, lineage: _lineage, traceparent: _traceparent, ...spec } = old.spec;
  return onlyOnce(context, { restart: old.id, reason }, key, () =>
    launch(context, spec, { restartOf: old.id, reason }),
  );
}

/** Who asks on the agent's socket: the user the agent runs as, since nobody else may connect. */
export function localActor(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user that has no name.
    return `user ${process.getuid?.() ?? 0}`;
  }
}

function launch(
  { db, supervisor, clock, onEvent }: LocalContext,
  given: RunSpec,
  { restartOf, reason }: { restartOf: string | null; reason: string | null },
): string {
  if (supervisor.liveCount >= LIVE_RUNS_MAX)
    throw new LocalProblem(
      "rate_limited",
      `${LIVE_RUNS_MAX} runs are under way, more are not started. Stop some first.`,
    );
  const now = clock();
  const id = newUid(now, Math.random);
  const name = given.name ?? nameOf(given.command);
  const spec: RunSpec = { ...given, name, attempt: 1, lineage: id };
  const { env, ...shown } = spec;
  const start = db.durably(() => {
    appendEvent(db, {
      type: "run.created",
      runId: id,
      at: now,
      payload: {
        origin: "local",
        name,
        spec: { ...shown, env_names: Object.keys(env).toSorted() },
        job_id: spec.job_id ?? null,
        attempt: 1,
        retry_of: restartOf,
        created_at: new Date(now).toISOString(),
        actor: localActor(),
        reason,
      },
    });
    return supervisor.prepareStart({ run_id: id, spec });
  });
  onEvent();
  start();
  return id;
}

function onlyOnce(
  context: LocalContext,
  body: object,
  key: string | undefined,
  create: () => string,
): string {
  if (key === undefined) return create();
  if (key === "" || key.length > KEY_CHARS_MAX)
    throw new LocalProblem("invalid_input", `Idempotency-Key has 1 to ${KEY_CHARS_MAX} characters.`);
  const { db, clock } = context;
  const hash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  const known = findRequest(db, key);
  if (known === null) {
    const runId = create();
    db.durably(() => rememberRequest(db, { key, hash, runId }, clock()));
    return runId;
  }
  if (known.hash !== hash)
    throw new LocalProblem(
      "idempotency_mismatch",
      "This Idempotency-Key was used for another request. Use a fresh one.",
    );
  return known.run_id;
}

function toSpec(body: RunCreate): RunSpec {
  refuse(body.agent_id !== undefined, "/agent_id", "this is the agent; leave it out");
  refuse(body.placement !== undefined, "/placement", "only a control plane places runs; leave it out");
  refuse(body.policy !== undefined, "/policy", "only a control plane keeps policies; give policy_document");
  const { env_policy: policy } = body;
  refuse(
    Object.keys(policy?.secrets ?? {}).length > 0,
    "/env_policy/secrets",
    "only a control plane keeps secrets; set the variable with env",
  );
  const bytes = [body.command, ...body.args].reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
  refuse(
    bytes > ARGV_BYTES_MAX,
    "/args",
    `the command and its arguments take ${bytes} bytes, at most ${ARGV_BYTES_MAX} are possible; put large input into a file`,
  );
  const maxRuntimeMs = runtimeOf(body);
  const limits = limitsOf(body);
  return {
    command: body.command,
    args: body.args,
    env: { ...policy?.set, ...body.env },
    cwd: body.cwd ?? null,
    grace_ms: body.grace_ms,
    name: body.name ?? nameOf(body.command),
    ...(maxRuntimeMs === null ? {} : { max_runtime_ms: maxRuntimeMs }),
    ...(policy === undefined || policy.inherit.length === 0 ? {} : { inherit_env: policy.inherit }),
    ...(limits === null ? {} : { limits }),
    ...(body.user === undefined ? {} : { user: body.user }),
    ...(body.group === undefined ? {} : { group: body.group }),
    ...(body.isolation === undefined ? {} : { isolation: body.isolation }),
    ...(body.retry === undefined ? {} : { retry: body.retry }),
    ...(body.progress === undefined ? {} : { progress: body.progress }),
    ...(body.policy_document === undefined
      ? {}
      : {
          detection: {
            policy_id: null,
            policy_name: "of this run alone",
            version: 0,
            document: body.policy_document,
          },
        }),
  };
}

/** The shorter of the two ways to say it. */
function runtimeOf({ max_runtime_ms: ms, resource_policy: policy }: RunCreate): number | null {
  const seconds = policy?.max_runtime_seconds;
  const both = [ms, seconds === undefined ? null : seconds * 1000].filter((each) => each !== null);
  return both.length === 0 ? null : Math.min(...both);
}

function limitsOf({ resource_policy: policy }: RunCreate): RunLimitsSpec | null {
  if (policy === undefined) return null;
  const limits: RunLimitsSpec = {
    ...(policy.cpu_limit_millicores === undefined ? {} : { cpu_millicores: policy.cpu_limit_millicores }),
    ...(policy.memory_limit_mb === undefined ? {} : { memory_bytes: policy.memory_limit_mb * MEBIBYTE }),
    ...(policy.pids_limit === undefined ? {} : { pids: policy.pids_limit }),
    ...(policy.open_files_limit === undefined ? {} : { open_files: policy.open_files_limit }),
    ...(policy.file_size_limit_mb === undefined ? {} : { file_bytes: policy.file_size_limit_mb * MEBIBYTE }),
    ...(policy.nice === undefined ? {} : { nice: policy.nice }),
    ...(policy.umask === undefined ? {} : { umask: policy.umask }),
  };
  return Object.keys(limits).length === 0 ? null : limits;
}

function refuse(isWrong: boolean, pointer: string, message: string): void {
  if (isWrong)
    throw new LocalProblem("invalid_input", `The body is not valid: ${pointer}: ${message}.`, [
      { pointer, message },
    ]);
}
