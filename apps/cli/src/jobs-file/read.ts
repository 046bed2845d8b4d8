import { dirname, resolve } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument, type Document } from "yaml";
import { JobCreate } from "@flowplane/contract";
import { MIB } from "../amounts.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { FileShape, type JobShape } from "./shape.ts";

/** A job as a file asks for it. Names of agents, sites and policies are not yet looked up. */
export interface FileJob {
  readonly name: string;
  readonly body: JobCreate;
  /** It is started at once and kept running. */
  readonly isService: boolean;
  /** Undefined: whether it is paused is not the file's to say. */
  readonly paused: boolean | undefined;
  readonly agent: string | undefined;
  readonly site: string | undefined;
  /** Name or id, maybe `@version`. */
  readonly policy: string | undefined;
  /** Where something about it stands, for complaints: `where("schedule")`. */
  where(...path: (string | number)[]): string;
}

/** Most bytes of a file of jobs. */
export const JOBS_FILE_BYTES_MAX = 1024 * 1024;
/** Attempts of a service that keeps failing before it is left alone; one that ran for a while starts the count afresh. */
const SERVICE_RETRIES_MAX = 1_000;

/** Reads a file of jobs. Throws one `CliError` with line and column for the first thing that is wrong with it. */
export function readJobsFile(path: string, text: string): FileJob[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw bad(at(error.pos[0]), error.message);
  const where = (...keys: (string | number)[]) => at(offsetOf(document, keys));

  const file = FileShape.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (!file.success) {
    const { issues } = file.error;
    // A name that is mistyped explains the one that is missing.
    const { keys, message } = deepest(issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]);
    throw bad(where(...keys), `${keys.length === 0 ? "" : `${keys.join(".")}: `}${message}`);
  }
  return Object.entries(file.data.jobs).map(([name, shape]) => {
    const whereJob = (...keys: (string | number)[]) => where("jobs", name, ...keys);
    const problem = contradiction(shape);
    if (problem !== null) throw bad(whereJob(problem.key), `jobs.${name}.${problem.key}: ${problem.message}`);
    const body = JobCreate.safeParse(bodyOf(name, shape, dirname(resolve(path))));
    if (!body.success) {
      const [issue] = body.error.issues;
      throw bad(
        whereJob(),
        `jobs.${name}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is not valid"}`,
      );
    }
    const { agent, site, policy, paused } = shape;
    return {
      name,
      body: body.data,
      isService: isService(shape),
      paused,
      agent,
      site,
      policy,
      where: whereJob,
    };
  });
}

export function bad(where: string, message: string): CliError {
  return new CliError(`${where}: ${message}.`.replace(/([.!?])\.$/, "$1"), {
    exitCode: EXIT.usage,
    advice: "Nothing was changed.",
  });
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[] | undefined;
  readonly errors?: readonly (readonly Issue[])[] | undefined;
}

/** The issue that says most: within an either-or the branch that got farthest. */
function deepest(issue: Issue | undefined): { keys: (string | number)[]; message: string } {
  if (issue === undefined) return { keys: [], message: "is not a file of jobs" };
  const keys = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  if (issue.code === "unrecognized_keys" && issue.keys?.[0] !== undefined)
    return { keys: [...keys, issue.keys[0]], message: "there is no such setting" };
  const branches = (issue.errors ?? []).flatMap((each) => each.slice(0, 1)).map((each) => deepest(each));
  const best = branches.toSorted((a, b) => b.keys.length - a.keys.length || rank(a) - rank(b))[0];
  if (best !== undefined) return { keys: [...keys, ...best.keys], message: best.message };
  return { keys, message: issue.message.endsWith("received undefined") ? "it is missing" : issue.message };
}

/** A complaint of ours says more than one about a type. */
function rank({ message }: { message: string }): number {
  return message.startsWith("Invalid input") ? 1 : 0;
}

/** Where a key, or what comes nearest to it, stands. */
function offsetOf(document: Document, keys: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node) ?? 0;
  for (const key of keys) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined) return offset;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (typeof key === "number" && typeof node === "object" && node !== null && "items" in node) {
      node = (node.items as unknown[])[key];
      offset = rangeStart(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  return (node.range as [number, number, number] | null | undefined)?.[0];
}

function contradiction(job: JobShape): { key: keyof JobShape; message: string } | null {
  const timings = (["schedule", "every", "at"] as const).filter((key) => job[key] !== undefined);
  const [first, second] = timings;
  if (second !== undefined) return { key: second, message: `there is ${first} already; say one of the two` };
  if (first === undefined)
    for (const key of ["time_zone", "overlap", "misfire", "paused"] as const)
      if (job[key] !== undefined) return { key, message: "it belongs to a schedule, and there is none" };
  if (job.time_zone !== undefined && first !== "schedule")
    return { key: "time_zone", message: "it belongs to a schedule in cron's form" };
  if (job.restart === "always" && first !== undefined)
    return {
      key: "restart",
      message: `a job that is always running is not started by ${first}; leave out one of the two`,
    };
  if (job.restart === "never" && job.retry !== undefined)
    return { key: "retry", message: "restart says never; leave out one of the two" };
  if (job.every !== undefined && job.every % 1_000 !== 0)
    return { key: "every", message: "it must be whole seconds" };
  if (job.isolation?.mode === "container" && !("image" in job.isolation && job.isolation.image !== undefined))
    return { key: "isolation", message: "a container needs an image: {mode: container, image: NAME}" };
  return null;
}

function isService(job: JobShape): boolean {
  const isTimed = job.schedule !== undefined || job.every !== undefined || job.at !== undefined;
  return !isTimed && (job.restart === "always" || job.restart === "on-failure");
}

/** A job in the API's words. */
function bodyOf(name: string, job: JobShape, folder: string): unknown {
  const [command, ...args] = job.command;
  const env = Object.entries(job.env ?? {});
  const placed = job.agent !== undefined || job.labels !== undefined || job.site !== undefined;
  return {
    name,
    description: job.description ?? "",
    command,
    args,
    // Whoever keeps jobs beside their program means that folder; on other machines there may be none like it.
    cwd: job.working_dir === undefined ? (placed ? undefined : folder) : resolve(folder, job.working_dir),
    grace_ms: job.grace,
    env_policy: {
      inherit: env.filter(([, value]) => value === null).map(([key]) => key),
      set: Object.fromEntries(env.filter(([, value]) => value !== null)),
      secrets: job.secrets ?? {},
    },
    resource_policy: resourcesOf(job.limits ?? {}),
    user: job.user,
    group: job.group,
    isolation: job.isolation,
    retry: retryOf(job),
    progress:
      job.progress === undefined
        ? undefined
        : { heartbeat_ms: job.progress.heartbeat, file: job.progress.file, pattern: job.progress.pattern },
    schedule_policy: scheduleOf(job),
    placement: job.labels === undefined ? {} : { labels: job.labels },
    concurrency_max: job.concurrency,
  };
}

function resourcesOf(limits: NonNullable<JobShape["limits"]>): object {
  return {
    cpu_limit_millicores: limits.cpu,
    memory_limit_mb: limits.memory === undefined ? undefined : Math.ceil(limits.memory / MIB),
    pids_limit: limits.pids,
    open_files_limit: limits.open_files,
    file_size_limit_mb: limits.file_size === undefined ? undefined : Math.ceil(limits.file_size / MIB),
    nice: limits.nice,
    umask: limits.umask,
    max_runtime_seconds: limits.runtime === undefined ? undefined : Math.ceil(limits.runtime / 1_000),
  };
}

function retryOf({ restart, retry }: JobShape): object | undefined {
  if (restart === "never" || (retry === undefined && restart === undefined)) return undefined;
  const isKept = restart === "always" || restart === "on-failure";
  return {
    retries_max: retry?.max ?? (isKept ? SERVICE_RETRIES_MAX : undefined),
    on: retry?.on ?? (restart === "always" ? ["failed", "timed_out", "lost", "succeeded"] : undefined),
    backoff_ms: retry?.backoff,
    backoff_max_ms: retry?.backoff_max,
    reset_after_ms: retry?.reset_after,
  };
}

function scheduleOf(job: JobShape): object | undefined {
  if (job.schedule === undefined && job.every === undefined && job.at === undefined) return undefined;
  return {
    cron: job.schedule,
    time_zone: job.time_zone,
    every_seconds: job.every === undefined ? undefined : job.every / 1_000,
    at: job.at === undefined ? undefined : instantOf(job.at),
    overlap: job.overlap,
    misfire: job.misfire,
    paused: job.paused,
  };
}

/** Any ISO time with a zone, in the API's precision; what is none is left for the API's schema to refuse. */
function instantOf(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}
