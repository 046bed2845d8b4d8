import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";

// The jobs of a campaign. Each writes down for itself, beside what Flowplane keeps, that it began, how far it came and how
// it ended: what Flowplane tells is held against that.

export const KINDS = ["short", "both", "long", "forking", "failing", "signalled", "retried"] as const;
export type Kind = (typeof KINDS)[number];

export interface Job {
  readonly key: string;
  readonly kind: Kind;
  readonly lines: number;
  /** Seconds between two lines, as `sleep` takes them. */
  readonly pause: string;
  readonly exit: number;
}

export function makeJob(random: Random, key: string): Job {
  const kind = random.pick(KINDS);
  const exit = kind === "failing" || kind === "retried" ? random.whole(1, 125) : 0;
  switch (kind) {
    case "short":
      return { key, kind, lines: random.whole(0, 3), pause: "0", exit };
    case "long":
      return { key, kind, lines: random.whole(20, 60), pause: "0.2", exit };
    case "retried":
      return { key, kind, lines: 2, pause: "0.05", exit };
    case "both":
    case "forking":
    case "failing":
    case "signalled":
      return { key, kind, lines: random.whole(5, 40), pause: "0.05", exit };
  }
}

/**
 * A line counts as written when its note is: so at least the noted ones must be kept. The one write per line and note is
 * what makes them whole however the job ends.
 */
const SCRIPT = `
note=$1 key=$2 kind=$3 lines=$4 pause=$5 code=$6
echo "start $FLOWPLANE_RUN_MARK" >>"$note"
if [ "$kind" = forking ]; then
  sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & sleep 600' &)
fi
i=0
while [ "$i" -lt "$lines" ]; do
  echo "out $key $i äöü"
  echo "err $key $i" >&2
  echo "line $FLOWPLANE_RUN_MARK $i" >>"$note"
  i=$((i+1))
  [ "$pause" = 0 ] || sleep "$pause"
done
echo "end $FLOWPLANE_RUN_MARK" >>"$note"
[ "$kind" = signalled ] && kill -KILL $$
exit "$code"
`;

/** What to ask the control plane for. */
export function runRequest(job: Job, notes: string): Record<string, unknown> {
  const { key, kind, lines, pause, exit } = job;
  return {
    name: key,
    command: "sh",
    args: ["-c", SCRIPT, "job", join(notes, key), key, kind, String(lines), pause, String(exit)],
    // Every process a run starts inherits it, whatever it does to its session: so none is overlooked at the end.
    env: { CAMPAIGN: notes },
    grace_ms: 500,
    ...(kind === "retried"
      ? { retry: { retries_max: 2, on: ["failed"], backoff_ms: 200, backoff_max_ms: 400 } }
      : {}),
  };
}

export function expectedOutput(job: Job, stream: "stdout" | "stderr"): string {
  return Array.from({ length: job.lines }, (_, line) =>
    stream === "stdout" ? `out ${job.key} ${line} äöü\n` : `err ${job.key} ${line}\n`,
  ).join("");
}

/** What one execution noted: the mark is the run's own. */
export interface Execution {
  readonly mark: string;
  readonly starts: number;
  readonly lines: number;
  readonly isFinished: boolean;
}

/** By mark, in the order they began. */
export function readNotes(notes: string, key: string): Execution[] {
  const executions = new Map<string, { mark: string; starts: number; lines: number; isFinished: boolean }>();
  for (const line of readIfThere(join(notes, key)).split("\n")) {
    const [what = "", mark = ""] = line.split(" ");
    if (mark === "") continue;
    const execution = executions.get(mark) ?? { mark, starts: 0, lines: 0, isFinished: false };
    executions.set(mark, execution);
    if (what === "start") execution.starts += 1;
    if (what === "line") execution.lines += 1;
    if (what === "end") execution.isFinished = true;
  }
  return [...executions.values()];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A run that was never started has noted nothing.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
