import type { LogLine } from "@flowplane/contract";
import type { Connection } from "./connection.ts";
import { CliError } from "./failure.ts";
import { EXIT } from "./exit-codes.ts";
import type { Output } from "./output.ts";

export interface LogView {
  /** First sequence number to show. */
  readonly fromSeq?: number;
  readonly stream?: "stdout" | "stderr";
  readonly timestamps?: boolean;
  readonly json?: boolean;
}

/** Prints the lines of a run as they come, until it has ended and every line was seen, or `signal` aborts. */
export async function followLog(
  connection: Connection,
  output: Output,
  runId: string,
  view: LogView,
  signal: AbortSignal,
): Promise<"ended" | "left"> {
  const { routes, followEvents } = await import("@flowplane/contract/light");
  const query = view.fromSeq === undefined ? {} : { from_seq: view.fromSeq };
  let isLost = false;
  const events = followEvents(
    connection.options,
    routes.runLogStream,
    { params: { run_id: runId }, query },
    {
      signal,
      onConnection: (state) => {
        // Said once, however long it takes and however often it is tried.
        if (state === "lost" && !isLost)
          output.note("flowplane: connection lost; waiting for it to come back …");
        isLost ||= state === "lost";
      },
    },
  );
  let lastSeq = (view.fromSeq ?? 1) - 1;
  for await (const event of events) {
    isLost = false;
    if (event.event === "end") return "ended";
    if (event.event !== "lines") continue;
    const items = await parseLines(event.data);
    // A resumed stream may repeat lines; a sequence number is printed once.
    const fresh = items.filter((line) => line.seq > lastSeq);
    lastSeq = fresh.at(-1)?.seq ?? lastSeq;
    await writeLines(output, fresh, view);
  }
  return "left";
}

async function parseLines(data: string): Promise<LogLine[]> {
  const { items } = JSON.parse(data) as { items?: LogLine[] };
  if (Array.isArray(items)) return items;
  throw new CliError("The control plane sent log lines this version does not understand.", {
    exitCode: EXIT.failed,
    advice: "Compare `flowplane version` with the control plane's.",
  });
}

/** Prints lines: as raw bytes to the stream they came from, or as JSON Lines. */
export async function writeLines(output: Output, lines: readonly LogLine[], view: LogView): Promise<void> {
  const wanted = view.stream === undefined ? lines : lines.filter((line) => line.stream === view.stream);
  if (view.json === true) {
    for (const line of wanted) output.jsonLine(line);
    return;
  }
  for (const group of byStream(wanted)) {
    const bytes = group.lines.flatMap((line) => bytesOf(line, view.timestamps === true));
    await output.write(group.stream, Buffer.concat(bytes));
  }
}

/** Neighbours of one stream go out in one write. */
function byStream(lines: readonly LogLine[]): { stream: "stdout" | "stderr"; lines: LogLine[] }[] {
  const groups: { stream: "stdout" | "stderr"; lines: LogLine[] }[] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (last?.stream === line.stream) last.lines.push(line);
    else groups.push({ stream: line.stream, lines: [line] });
  }
  return groups;
}

const NEWLINE = Buffer.from("\n");

function bytesOf(line: LogLine, timestamps: boolean): Buffer[] {
  const bytes = line.base64 === undefined ? Buffer.from(line.text) : Buffer.from(line.base64, "base64");
  if (timestamps) return [Buffer.from(`${line.at} `), bytes, NEWLINE];
  return line.partial ? [bytes] : [bytes, NEWLINE];
}
