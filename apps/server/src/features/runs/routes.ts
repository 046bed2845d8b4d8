import { Readable } from "node:stream";
import { api } from "@flowplane/contract";
import { route, streamRoute, type Http } from "../../platform/http/route.ts";
import { createRun } from "./create.ts";
import { freezeRun } from "./freeze.ts";
import { openDownload } from "./logs/download.ts";
import { readLogPage, searchLog } from "./logs/read.ts";
import { searchAllLogs } from "./logs/search.ts";
import { streamLog } from "./logs/stream.ts";
import { restartRun } from "./restart.ts";
import { listRunPage, readRun } from "./runs.ts";
import { openEvidence } from "./evidence/download.ts";
import { replayRun } from "./evidence/replay.ts";
import { readSamples } from "./evidence/samples.ts";
import { stopRun } from "./stop.ts";
import { readTimeline } from "./timeline.ts";

export function runRoutes(http: Http): void {
  route(http, api.runCreate, (ctx, { body }) => createRun(ctx, body));
  route(http, api.runList, (ctx, { query }) => listRunPage(ctx, query));
  route(http, api.runRead, (ctx, { params }) => readRun(ctx, params.run_id));
  route(http, api.runStop, (ctx, { params, body }) => stopRun(ctx, params.run_id, { ...body, mode: "stop" }));
  route(http, api.runKill, (ctx, { params, body }) => stopRun(ctx, params.run_id, { ...body, mode: "kill" }));
  route(http, api.runRestart, (ctx, { params, body }) => restartRun(ctx, params.run_id, body.reason));
  route(http, api.runEvents, (ctx, { params, query }) => readTimeline(ctx, params.run_id, query));
  route(http, api.runLogs, (ctx, { params, query }) => readLogPage(ctx, params.run_id, query));
  route(http, api.runLogSearch, (ctx, { params, query }) => searchLog(ctx, params.run_id, query));
  route(http, api.logSearch, (ctx, { query }) => searchAllLogs(ctx, query));
  route(http, api.runFreeze, (ctx, { params, body }) =>
    freezeRun(ctx, params.run_id, { ...body, frozen: true }),
  );
  route(http, api.runResume, (ctx, { params, body }) =>
    freezeRun(ctx, params.run_id, { ...body, frozen: false }),
  );
  route(http, api.runSamples, (ctx, { params, query }) => readSamples(ctx, params.run_id, query));
  route(http, api.runReplay, (ctx, { params, body }) => replayRun(ctx, params.run_id, body));
  streamRoute(http, api.runEvidenceDownload, async (ctx, { params }, _raw, reply) => {
    const evidence = await openEvidence(ctx, params.run_id);
    return reply
      .type("application/jsonl; charset=utf-8")
      .header("content-disposition", `attachment; filename="${evidence.fileName}"`)
      .send(Readable.from(evidence.pieces, { objectMode: false }));
  });
  streamRoute(http, api.runLogStream, (ctx, { params, query }, raw, reply) =>
    streamLog(ctx, { runId: params.run_id, fromSeq: query.from_seq }, raw, reply),
  );
  streamRoute(http, api.runLogDownload, async (ctx, { params, query }, _raw, reply) => {
    const log = await openDownload(ctx, params.run_id, query.format, query.stream);
    if (log.sentence !== null) void reply.header("x-flowplane-log-expired", log.sentence);
    return reply
      .type(log.contentType)
      .header("content-disposition", `attachment; filename="${log.fileName}"`)
      .send(Readable.from(log.chunks));
  });
}
