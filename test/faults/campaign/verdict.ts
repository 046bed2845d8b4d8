import { isTerminal, type Run, type RunEvent } from "@flowplane/contract";
import { expectedOutput, type Execution, type Job } from "./job.ts";

/** What a campaign counts. All of them have to be zero; `said` names each. */
export interface Verdict {
  lost_runs: number;
  lost_events: number;
  repeated_events: number;
  lost_log_bytes: number;
  foreign_log_bytes: number;
  wrong_exit_codes: number;
  duplicate_starts: number;
  processes_left: number;
  readonly said: string[];
}

export function emptyVerdict(): Verdict {
  return {
    lost_runs: 0,
    lost_events: 0,
    repeated_events: 0,
    lost_log_bytes: 0,
    foreign_log_bytes: 0,
    wrong_exit_codes: 0,
    duplicate_starts: 0,
    processes_left: 0,
    said: [],
  };
}

/** One run as the control plane tells it, at the end. */
export interface Told {
  readonly run: Run;
  readonly events: readonly RunEvent[];
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lineage {
  readonly job: Job;
  /** Its attempts, the first one first. */
  readonly told: readonly Told[];
  readonly executions: readonly Execution[];
  /** Ids of runs whose wrapper was killed: their exit status cannot be known. */
  readonly orphaned: ReadonlySet<string>;
}

/** Holds what was told of one job against what it noted itself. */
export function judgeLineage(verdict: Verdict, lineage: Lineage): void {
  const { job, told, executions, orphaned } = lineage;
  const say = (field: Exclude<keyof Verdict, "said">, by: number, what: string) => {
    verdict[field] += by;
    verdict.said.push(`${field}: ${job.key} (${job.kind}): ${what}`);
  };
  const [first] = told;
  if (first === undefined) return say("lost_runs", 1, "accepted, and not there");
  const roots = told.filter(({ run }) => run.retry_of === null);
  if (roots.length > 1) say("duplicate_starts", roots.length - 1, "one request made several runs");
  for (const { mark, starts } of executions)
    if (starts > 1) say("duplicate_starts", starts - 1, `run with mark ${mark} began ${starts} times`);
  if (executions.length > told.length)
    say(
      "duplicate_starts",
      executions.length - told.length,
      `${executions.length} executions, ${told.length} runs`,
    );
  if (job.kind === "retried" && !told.some(({ run }) => orphaned.has(run.id)) && told.length !== 3)
    say("lost_runs", Math.max(1, 3 - told.length), `${told.length} attempts instead of 3`);
  for (const one of told) judgeRun(one, job, orphaned.has(one.run.id), say);
  judgeLogs(lineage, say);
}

type Say = (field: Exclude<keyof Verdict, "said">, by: number, what: string) => void;

function judgeRun({ run, events }: Told, job: Job, isOrphaned: boolean, say: Say): void {
  if (!isTerminal(run.state)) return say("lost_events", 1, `still ${run.state} at the end`);
  const expected =
    job.kind === "signalled" ? { code: 137, signal: "SIGKILL" } : { code: job.exit, signal: null };
  const state = expected.code === 0 ? "SUCCEEDED" : "FAILED";
  const isKnown = run.exit_code === expected.code && run.signal === expected.signal && run.state === state;
  const isUnknown = run.state === "LOST" && run.exit_code === null;
  if (!isKnown && !(isOrphaned && isUnknown))
    say(
      "wrong_exit_codes",
      1,
      `${run.state} ${run.exit_code} ${run.signal} ${run.reason}, not ${expected.code}`,
    );
  const count = (type: string) => events.filter((event) => event.type === type).length;
  for (const type of ["run.starting", "run.running", "run.ended"]) {
    if (count(type) === 0)
      say("lost_events", 1, `${run.id}: no ${type} (${events.map((event) => event.type).join(" ")})`);
    if (count(type) > 1) say("repeated_events", count(type) - 1, `${run.id}: ${count(type)} times ${type}`);
  }
}

/** Each run's log is the beginning of what its job prints, and no shorter than what the job noted to have printed. */
function judgeLogs({ job, told, executions }: Lineage, say: Say): void {
  for (const stream of ["stdout", "stderr"] as const) {
    const expected = expectedOutput(job, stream);
    const lengths: number[] = [];
    for (const one of told) {
      const text = one[stream];
      if (!one.run.log.complete) say("lost_log_bytes", expected.length, `${one.run.id}: log not complete`);
      if (!expected.startsWith(text)) {
        say(
          "foreign_log_bytes",
          text.length,
          `${one.run.id}: ${stream} holds what the job did not write there`,
        );
        continue;
      }
      lengths.push(text.length);
    }
    // Which execution was which run is the mark's secret; the longest log belongs to the one that came furthest.
    const noted = executions
      .map(
        ({ lines }) =>
          expected
            .split("\n")
            .slice(0, lines)
            .map((line) => `${line}\n`)
            .join("").length,
      )
      .toSorted((a, b) => b - a);
    lengths.sort((a, b) => b - a);
    noted.forEach((bytes, index) => {
      const kept = lengths[index] ?? 0;
      if (kept < bytes) say("lost_log_bytes", bytes - kept, `${stream}: ${bytes} written, ${kept} kept`);
    });
  }
}
