import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { archiveJob, createJob, listJobPage, pauseJob, readJob, replaceJob, resumeJob } from "./jobs.ts";
import { previewSchedule, readCalendar } from "./preview.ts";
import { runJob } from "./start.ts";

export function jobRoutes(http: Http): void {
  route(http, api.jobCreate, (ctx, { body }) => createJob(ctx, body));
  route(http, api.jobList, (ctx, { query }) => listJobPage(ctx, query));
  route(http, api.jobRead, (ctx, { params }) => readJob(ctx, params.job_id));
  route(http, api.jobReplace, (ctx, { params, body }) => replaceJob(ctx, params.job_id, body));
  route(http, api.jobArchive, (ctx, { params }) => archiveJob(ctx, params.job_id));
  route(http, api.jobPause, (ctx, { params, body }) => pauseJob(ctx, params.job_id, body.reason));
  route(http, api.jobResume, (ctx, { params }) => resumeJob(ctx, params.job_id));
  route(http, api.jobRun, (ctx, { params, body }) => runJob(ctx, params.job_id, body));
  route(http, api.schedulePreview, (ctx, { body }) => previewSchedule(ctx, body.schedule_policy, body.count));
  route(http, api.scheduleCalendar, (ctx, { query }) => readCalendar(ctx, query.from, query.days));
}
