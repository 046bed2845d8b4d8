import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { abortRollout, approveRollout, pauseRollout, resumeRollout, rollBackRollout } from "./actions.ts";
import { readComparison } from "./comparison.ts";
import { createRollout } from "./create.ts";
import type { Ports } from "./ports.ts";
import { previewRollout } from "./preview.ts";
import {
  listAgentPage,
  listRolloutPage,
  readRollout,
  readRolloutFailures,
  readRolloutSquares,
} from "./read.ts";

export function rolloutRoutes(http: Http, ports: Ports): void {
  route(http, api.rolloutPreview, (ctx, { body }) => previewRollout(ctx, ports, body));
  route(http, api.rolloutCreate, (ctx, { body }) => createRollout(ctx, ports, body));
  route(http, api.rolloutList, (ctx, { query }) => listRolloutPage(ctx, query));
  route(http, api.rolloutRead, (ctx, { params }) => readRollout(ctx, params.rollout_id));
  route(http, api.rolloutAgents, (ctx, { params, query }) => listAgentPage(ctx, params.rollout_id, query));
  route(http, api.rolloutSquares, (ctx, { params }) => readRolloutSquares(ctx, params.rollout_id));
  route(http, api.rolloutFailures, (ctx, { params }) => readRolloutFailures(ctx, params.rollout_id));
  route(http, api.rolloutComparison, (ctx, { params, query }) =>
    readComparison(ctx, params.rollout_id, query),
  );
  route(http, api.rolloutPause, (ctx, { params, body }) => pauseRollout(ctx, params.rollout_id, body.reason));
  route(http, api.rolloutResume, (ctx, { params, body }) =>
    resumeRollout(ctx, params.rollout_id, body.retry_failed),
  );
  route(http, api.rolloutApprove, (ctx, { params }) => approveRollout(ctx, params.rollout_id));
  route(http, api.rolloutAbort, (ctx, { params, body }) => abortRollout(ctx, params.rollout_id, body.reason));
  route(http, api.rolloutRollBack, (ctx, { params, body }) =>
    rollBackRollout(ctx, params.rollout_id, body.reason),
  );
}
