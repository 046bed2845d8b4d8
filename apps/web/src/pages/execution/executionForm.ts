/**
 * What is executed and within which limits, as people edit it: all text, so that anything half typed has its place.
 * The launch dialog and the job editor share it.
 */
import {
  GRACE_MS_DEFAULT,
  ISOLATION_MODES,
  RETRY_REASONS,
  type EndpointInput,
  type Api,
  type Job,
  type Run,
} from "@flowplane/contract";
import { joinCommand, splitCommand } from "../../lib/argv.ts";
import { parseEnvironment } from "../../lib/environment.ts";
import { numberIn, type Range } from "../../lib/numberIn.ts";
import { oneOf } from "../../search.ts";

export interface ExecutionForm {
  readonly command: string;
  readonly cwd: string;
  /** `NAME=value` lines. */
  readonly env: string;
  /** `NAME=SECRET` lines: the variable and the stored secret it is filled from. */
  readonly secrets: string;
  readonly inherit: string;
  readonly grace: string;
  readonly maxMinutes: string;
  readonly memory: string;
  readonly cpu: string;
  readonly pids: string;
  readonly openFiles: string;
  readonly fileSize: string;
  readonly nice: string;
  readonly umask: string;
  readonly user: string;
  readonly group: string;
  readonly isolation: "" | (typeof ISOLATION_MODES)[number];
  readonly image: string;
  readonly network: "none" | "host" | "bridge";
  readonly retries: string;
  readonly backoff: string;
  readonly backoffMax: string;
  readonly retryOn: readonly (typeof RETRY_REASONS)[number][];
  readonly heartbeat: string;
  readonly progressFile: string;
  readonly progressPattern: string;
}
export type ExecutionField = keyof ExecutionForm;
export type Problems = Partial<Record<ExecutionField, string>>;
type Fields = Pick<
  EndpointInput<Api["jobCreate"]>["body"],
  | "command"
  | "args"
  | "cwd"
  | "grace_ms"
  | "env_policy"
  | "resource_policy"
  | "user"
  | "group"
  | "isolation"
  | "retry"
  | "progress"
>;

export const emptyExecution: ExecutionForm = {
  command: "",
  cwd: "",
  env: "",
  secrets: "",
  inherit: "",
  grace: String(GRACE_MS_DEFAULT / 1_000),
  maxMinutes: "",
  memory: "",
  cpu: "",
  pids: "",
  openFiles: "",
  fileSize: "",
  nice: "",
  umask: "",
  user: "",
  group: "",
  isolation: "",
  image: "",
  network: "none",
  retries: "0",
  backoff: "1",
  backoffMax: "300",
  retryOn: ["failed", "timed_out", "lost"],
  heartbeat: "",
  progressFile: "",
  progressPattern: "",
};

/** The form that would launch the same again. Values of variables are not known here: they are asked for anew. */
export function executionOf(
  source: Pick<
    Job,
    | "command"
    | "args"
    | "cwd"
    | "grace_ms"
    | "resource_policy"
    | "user"
    | "group"
    | "isolation"
    | "retry"
    | "progress"
  >,
  variables: Pick<ExecutionForm, "env" | "secrets" | "inherit">,
): ExecutionForm {
  const { resource_policy: limits, isolation, retry, progress } = source;
  const text = (value: number | string | null | undefined) =>
    value === null || value === undefined ? "" : String(value);
  return {
    ...emptyExecution,
    ...variables,
    command: joinCommand([source.command, ...source.args]),
    cwd: text(source.cwd),
    grace: text(source.grace_ms / 1_000),
    maxMinutes: limits.max_runtime_seconds === undefined ? "" : text(limits.max_runtime_seconds / 60),
    memory: text(limits.memory_limit_mb),
    cpu: limits.cpu_limit_millicores === undefined ? "" : text(limits.cpu_limit_millicores / 1_000),
    pids: text(limits.pids_limit),
    openFiles: text(limits.open_files_limit),
    fileSize: text(limits.file_size_limit_mb),
    nice: text(limits.nice),
    umask: text(limits.umask),
    user: text(source.user),
    group: text(source.group),
    isolation: isolation?.mode ?? "",
    image: text(isolation?.image),
    network: isolation?.network ?? "none",
    ...(retry === null
      ? {}
      : {
          retries: text(retry.retries_max),
          backoff: text(retry.backoff_ms / 1_000),
          backoffMax: text(retry.backoff_max_ms / 1_000),
          retryOn: retry.on,
        }),
    heartbeat: progress?.heartbeat_ms === undefined ? "" : text(progress.heartbeat_ms / 1_000),
    progressFile: text(progress?.file),
    progressPattern: text(progress?.pattern),
  };
}

export function executionOfJob(job: Job): ExecutionForm {
  const { inherit, set, secrets } = job.env_policy;
  return executionOf(job, {
    env: Object.keys(set)
      .map((name) => `${name}=`)
      .join("\n"),
    secrets: Object.entries(secrets)
      .map(([name, secret]) => `${name}=${secret}`)
      .join("\n"),
    inherit: inherit.join(" "),
  });
}

export function executionOfRun(run: Run): ExecutionForm {
  const form = executionOf(run, {
    env: run.env_names.map((name) => `${name}=`).join("\n"),
    secrets: "",
    inherit: "",
  });
  return run.max_runtime_ms === null || form.maxMinutes !== ""
    ? form
    : { ...form, maxMinutes: String(run.max_runtime_ms / 60_000) };
}

const RANGES = {
  grace: { min: 0, max: 600, unit: "seconds", scale: 1_000 },
  maxMinutes: { min: 1 / 60, max: 525_600, unit: "minutes", scale: 60 },
  memory: { min: 4, max: 16_777_216, unit: "MiB", scale: 1 },
  cpu: { min: 0.01, max: 1_024, unit: "cores", scale: 1_000 },
  pids: { min: 1, max: 4_194_304, unit: "processes", scale: 1 },
  openFiles: { min: 3, max: 1_048_576, unit: "files", scale: 1 },
  fileSize: { min: 1, max: 1_073_741_824, unit: "MiB", scale: 1 },
  nice: { min: -20, max: 19, unit: "", scale: 1 },
  retries: { min: 0, max: 1_000, unit: "retries", scale: 1 },
  backoff: { min: 0.1, max: 3_600, unit: "seconds", scale: 1_000 },
  backoffMax: { min: 0.1, max: 86_400, unit: "seconds", scale: 1_000 },
  heartbeat: { min: 1, max: 86_400, unit: "seconds", scale: 1_000 },
} as const satisfies Partial<Record<ExecutionField, Range & { scale: number }>>;

/** What the form asks for, as the API takes it; or what is wrong, by field. */
export function readExecution(form: ExecutionForm): { fields: Fields } | { problems: Problems } {
  const problems: Record<string, string> = {};
  const value = (field: keyof typeof RANGES): number | undefined => {
    const { scale, ...range } = RANGES[field];
    const read = numberIn(form[field], range);
    if (typeof read === "object") problems[field] = read.problem;
    return typeof read === "number" ? Math.round(read * scale) : undefined;
  };
  const argv = splitCommand(form.command);
  if ("problem" in argv) problems.command = argv.problem;
  else if (argv.length === 0) problems.command = "Say what to run.";
  const env = parseEnvironment(form.env);
  if ("problem" in env) problems.env = env.problem;
  const secrets = parseEnvironment(form.secrets);
  if ("problem" in secrets) problems.secrets = secrets.problem;
  const inherit = form.inherit.split(/[\s,]+/).filter((name) => name !== "");
  const badName = inherit.find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (badName !== undefined) problems.inherit = `“${badName}” is no name of a variable.`;
  if (form.cwd !== "" && !form.cwd.startsWith("/")) problems.cwd = "An absolute path begins with /.";
  if (form.umask !== "" && !/^0?[0-7]{3}$/.test(form.umask))
    problems.umask = "Three octal digits, such as 027.";
  if (form.isolation === "container" && form.image.trim() === "")
    problems.image = "A container needs an image.";
  const limits = {
    cpu_limit_millicores: value("cpu"),
    memory_limit_mb: value("memory"),
    pids_limit: value("pids"),
    open_files_limit: value("openFiles"),
    file_size_limit_mb: value("fileSize"),
    nice: value("nice"),
    umask: form.umask === "" ? undefined : form.umask,
    max_runtime_seconds: value("maxMinutes"),
  };
  const grace = value("grace");
  const retries = value("retries");
  const backoff = value("backoff");
  const backoffMax = value("backoffMax");
  if (backoff !== undefined && backoffMax !== undefined && backoffMax < backoff)
    problems.backoffMax = "Not below the first wait.";
  if ((retries ?? 0) > 0 && form.retryOn.length === 0)
    problems.retryOn = "Say after which ends it is tried again.";
  const heartbeat = value("heartbeat");
  if (Object.keys(problems).length > 0 || "problem" in argv || "problem" in env || "problem" in secrets)
    return { problems };
  const [command = "", ...args] = argv;
  const isolation = oneOf(form.isolation, ISOLATION_MODES);
  const envPolicy = given({
    inherit: inherit.length === 0 ? undefined : inherit,
    set: nonEmpty(env.values),
    secrets: nonEmpty(secrets.values),
  });
  return {
    fields: {
      command,
      args,
      ...given({
        cwd: form.cwd === "" ? undefined : form.cwd,
        grace_ms: grace,
        env_policy: nonEmpty(envPolicy),
        resource_policy: nonEmpty(given(limits)),
        user: form.user.trim() === "" ? undefined : form.user.trim(),
        group: form.group.trim() === "" ? undefined : form.group.trim(),
        isolation:
          isolation === undefined
            ? undefined
            : isolation === "container"
              ? { mode: isolation, image: form.image.trim(), network: form.network }
              : { mode: isolation },
        retry:
          retries === undefined || retries === 0
            ? undefined
            : given({
                retries_max: retries,
                on: [...form.retryOn],
                backoff_ms: backoff,
                backoff_max_ms: backoffMax,
              }),
        progress: nonEmpty(
          given({
            heartbeat_ms: heartbeat,
            file: form.progressFile.trim() === "" ? undefined : form.progressFile.trim(),
            pattern: form.progressPattern === "" ? undefined : form.progressPattern,
          }),
        ),
      }),
    },
  };
}

/** Without what is not said: absent and undefined are not the same in a body. */
function given<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function nonEmpty<T extends object>(object: T): T | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
