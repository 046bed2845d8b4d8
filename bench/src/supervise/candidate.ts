/** Something that keeps jobs running, as the comparison drives it: by the quickest way its users have. */
export interface Candidate extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** What is compared with what, where it is not the same. */
  readonly note: string;
  /** Starts a job; resolves when the call is answered. */
  launch(job: Job): Promise<Launched>;
  /** Asks for the end; resolves when the call is answered. */
  stop(launched: Launched): Promise<void>;
  /** Processes that are there because of the supervisor, jobs left out, by what they are. */
  processes(): Readonly<Record<string, readonly number[]>>;
}

export interface Job {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Launched {
  readonly job: Job;
  /** Resolves with the moment (performance.now) at which somebody who follows the log has its first line. */
  firstLine(): Promise<number>;
}

/** The same jobs for everybody. */
export const IDLE = { command: "/bin/sleep", args: ["100000"] };

/** Writes lines of 80 bytes at so many bytes a second, until it is ended. */
export function noisy(bytesPerSecond: number): Pick<Job, "command" | "args"> {
  const script = `
const { writeSync } = require("node:fs");
const rate = Number(process.argv[1]);
const start = performance.now();
let written = 0, line = 0;
setInterval(() => {
  const due = ((performance.now() - start) / 1000) * rate;
  let text = "";
  while (written + text.length < due) text += ("step " + line++ + " loss " + (1 / line).toFixed(9)).padEnd(79, ".") + "\\n";
  if (text !== "") written += writeSync(1, text);
}, 20);`;
  return { command: process.execPath, args: ["-e", script, String(bytesPerSecond)] };
}

/** A shell with so many children, every fifth of which has left its session, as daemons do; all ignore a polite end. */
export function tree(processes: number): Pick<Job, "command" | "args"> {
  const script = `
trap '' TERM INT
i=1
while [ $i -lt ${processes} ]; do
  if [ $((i % 5)) = 0 ]; then setsid sleep 100000 & else sleep 100000 & fi
  i=$((i + 1))
done
echo ready
wait`;
  return { command: "/bin/sh", args: ["-c", script] };
}
