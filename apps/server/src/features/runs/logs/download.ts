import { logSentence } from "@flowplane/contract";
import { joinLines, type LogLine } from "@flowplane/link";
import type { Ctx } from "../../../platform/context.ts";
import { bufferOf, isoTime, lineOf } from "./lines.ts";
import { readRunLog } from "./read.ts";
import { storedLines } from "./segments.ts";

export type LogFormat = "raw" | "text" | "jsonl";

export interface LogDownload {
  readonly fileName: string;
  readonly contentType: string;
  /** What of the log has expired, in words; null when nothing has. */
  readonly sentence: string | null;
  /** One chunk per segment; the next one is read when this one was taken. */
  readonly chunks: AsyncIterable<Buffer>;
}

const FILE = {
  raw: { suffix: "out", contentType: "application/octet-stream" },
  text: { suffix: "log", contentType: "text/plain; charset=utf-8" },
  jsonl: { suffix: "jsonl", contentType: "application/jsonl; charset=utf-8" },
} as const satisfies Record<LogFormat, object>;

const NEWLINE = Buffer.from("\n");

/** Everything stored of a run's log, or of one of its streams. Throws `not_found` before the first chunk. */
export async function openDownload(
  ctx: Ctx,
  runId: string,
  format: LogFormat,
  stream: "stdout" | "stderr" | undefined,
): Promise<LogDownload> {
  const run = await readRunLog(ctx, runId);
  const { suffix, contentType } = FILE[format];
  const sentence = logSentence({
    expired: run.log_expired_at !== null,
    first_seq: run.log_expired_seq + 1,
    expired_until: run.log_expired_until,
  });
  return {
    fileName: ["run", run.id, ...(stream === undefined ? [] : [stream])].join("-") + `.${suffix}`,
    contentType,
    sentence,
    chunks: chunksOf(storedLines(ctx, run.id, 1, run.log_stored_seq), format, stream, sentence),
  };
}

/** Text is read by people, who are told in its first line; bytes and JSON Lines hold the log and nothing else. */
function beginning(format: LogFormat, sentence: string | null): Buffer[] {
  return format === "text" && sentence !== null ? [Buffer.from(`# ${sentence}\n`)] : [];
}

async function* chunksOf(
  segments: AsyncIterable<readonly LogLine[]>,
  format: LogFormat,
  stream: "stdout" | "stderr" | undefined,
  sentence: string | null,
): AsyncGenerator<Buffer> {
  yield* beginning(format, sentence);
  for await (const lines of segments) {
    const wanted = stream === undefined ? lines : lines.filter((line) => line.stream === stream);
    if (wanted.length > 0) yield encode(wanted, format);
  }
}

function encode(lines: readonly LogLine[], format: LogFormat): Buffer {
  switch (format) {
    case "raw":
      return Buffer.from(joinLines(lines).buffer);
    case "text":
      return Buffer.concat(
        lines.flatMap((line) => [
          Buffer.from(`${isoTime(line.atMs)} ${line.stream} `),
          bufferOf(line),
          NEWLINE,
        ]),
      );
    case "jsonl":
      return Buffer.from(lines.map((line) => `${JSON.stringify(lineOf(line))}\n`).join(""));
  }
}
