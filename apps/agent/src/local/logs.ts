// Handlers about a run's log: pages, search, live stream, download.

import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { isTerminal, type LogLine } from "@flowplane/contract";
import type { LogLine as LinkLine } from "@flowplane/link";
import { LogReader } from "../logs/reader.ts";
import { findRemembered } from "../spool/history.ts";
import type { Call, Handlers } from "./call.ts";
import { LocalProblem } from "./problem.ts";
import { requireRun, toRun } from "./runs.ts";

/** Live logs followed at once. */
export const STREAMS_MAX = 32;
/** Lines of one event of a live log. */
const EVENT_LINES_MAX = 500;
/** A sign of life, so that a follower knows that the agent is there. */
const KEEP_ALIVE_MS = 15_000;

let openStreams = 0;

export const logHandlers: Handlers = {
  runLogs: async (call, { params, query }) => {
    const { id, lastSeq, expired } = requireRun(call, params.run_id);
    const lines = await reader(call).readLines(id, query.from_seq, query.limit);
    const next = (lines.at(-1)?.seq ?? query.from_seq - 1) + 1;
    return {
      items: lines.map(viewLine),
      next_seq: next <= lastSeq ? next : null,
      last_seq: lastSeq,
      first_seq: expired.seq + 1,
    };
  },
  runLogSearch: async (call, { params, query }) => {
    const { id, lastSeq } = requireRun(call, params.run_id);
    const fold = (text: string) => (query.case_sensitive === "true" ? text : text.toLowerCase());
    const wanted = fold(query.q);
    const seqs: number[] = [];
    for await (const lines of reader(call).readSegments(id, query.from_seq)) {
      for (const line of lines) {
        if (!fold(bufferOf(line).toString("utf8")).includes(wanted)) continue;
        seqs.push(line.seq);
        if (seqs.length === query.limit) return { seqs, searched_to: line.seq, more: line.seq < lastSeq };
      }
      if (call.signal.aborted) break;
    }
    return { seqs, searched_to: lastSeq, more: false };
  },
  runLogStream: async (call, { params, query }) => {
    const { id } = requireRun(call, params.run_id);
    if (openStreams >= STREAMS_MAX)
      throw new LocalProblem(
        "rate_limited",
        `${STREAMS_MAX} logs are followed already; close some followers.`,
      );
    openStreams += 1;
    try {
      await follow(call, id, resumeFrom(call) ?? query.from_seq ?? 1);
    } finally {
      openStreams -= 1;
    }
    return undefined;
  },
  runLogDownload: async (call, { params, query }) => {
    const row = requireRun(call, params.run_id);
    const { id } = row;
    const { sentence } = toRun(call, row).log;
    const { response } = call;
    response.writeHead(200, {
      "content-type": TYPES[query.format],
      "cache-control": "no-store",
      ...(sentence === null ? {} : { "x-flowplane-log-expired": sentence }),
    });
    if (sentence !== null && query.format === "text") response.write(`# ${sentence}\n`);
    for await (const lines of reader(call).readSegments(id)) {
      const wanted = lines.filter((line) => query.stream === undefined || line.stream === query.stream);
      for (const line of wanted) response.write(encode(line, query.format));
      if (call.signal.aborted) return undefined;
      if (response.writableNeedDrain) await once(response, "drain", { signal: call.signal });
    }
    response.end();
    return undefined;
  },
};

const TYPES = {
  raw: "application/octet-stream",
  text: "text/plain; charset=utf-8",
  jsonl: "application/jsonl; charset=utf-8",
} as const;

const NEWLINE = Buffer.from("\n");

function encode(line: LinkLine, format: keyof typeof TYPES): Buffer {
  switch (format) {
    case "raw":
      return line.partial ? bufferOf(line) : Buffer.concat([bufferOf(line), NEWLINE]);
    case "text":
      return Buffer.concat([
        Buffer.from(`${new Date(line.atMs).toISOString()} ${line.stream} `),
        bufferOf(line),
        NEWLINE,
      ]);
    case "jsonl":
      return Buffer.from(`${JSON.stringify(viewLine(line))}\n`);
  }
}

/** Sends lines as they come until the run has ended and all were sent, or the follower has gone. */
async function follow(call: Call, runId: string, fromSeq: number): Promise<void> {
  const { response, signal, changes } = call;
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
  });
  response.write("retry: 500\n\n");
  let next = fromSeq;
  while (!signal.aborted) {
    const { version } = changes;
    const row = findRemembered(call.db, runId);
    if (row === null) break;
    const run = toRun(call, row);
    const lines = await reader(call).readLines(runId, next, EVENT_LINES_MAX);
    const last = lines.at(-1);
    if (last !== undefined) {
      const items = lines.map(viewLine);
      response.write(`event: lines\nid: ${last.seq}\ndata: ${JSON.stringify({ items })}\n\n`);
      next = last.seq + 1;
      if (response.writableNeedDrain) await once(response, "drain", { signal });
    } else if (isTerminal(run.state)) {
      const { state, exit_code } = run;
      response.write(`event: end\ndata: ${JSON.stringify({ state, exit_code })}\n\n`);
      break;
    } else {
      await changes.next(runId, version, signal, KEEP_ALIVE_MS);
      // Also what has changed without a word is found, after a while.
      if (!response.writableNeedDrain) response.write(": still here\n\n");
    }
  }
  response.end();
}

/** A line as the API shows it: text, and the exact bytes beside it where they are no UTF-8. */
export function viewLine(line: LinkLine): LogLine {
  const bytes = bufferOf(line);
  return {
    seq: line.seq,
    at: new Date(line.atMs).toISOString(),
    stream: line.stream,
    text: bytes.toString("utf8"),
    partial: line.partial,
    ...(isUtf8(bytes) ? {} : { base64: bytes.toString("base64") }),
  };
}

function bufferOf({ bytes }: LinkLine): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function reader({ db, dataDir }: Call): LogReader {
  return new LogReader({ db, dataDir });
}

function resumeFrom({ request }: Call): number | undefined {
  const seq = Number(request.headers["last-event-id"] ?? Number.NaN);
  return Number.isSafeInteger(seq) && seq >= 0 ? seq + 1 : undefined;
}
