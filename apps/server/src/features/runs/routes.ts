import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { createRun, restartRun } from "./launch.ts";
import { listRunPage, readRun } from "./runs.ts";
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
}
