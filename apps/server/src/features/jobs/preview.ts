import type { SchedulePolicy } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { requireSchedule } from "./definition.ts";
import { CALENDAR_JOBS_MAX, CALENDAR_TIMES_MAX, CALENDAR_WORK_MAX } from "./limits.ts";
import { firstTime, timesAfter } from "./schedule.ts";
import { localWords, noteOf, scheduleWords } from "./schedule-words.ts";
import { listScheduled } from "./store.ts";

const DAY_MS = 86_400_000;

/** What a schedule would do: in words, and its next times as a clock in its zone shows them. */
export async function previewSchedule(ctx: Ctx, schedule: SchedulePolicy, count: number) {
  const now = ctx.now();
  requireSchedule(schedule, now);
  const times = timesAfter(schedule, now, count, firstTime(schedule, now) ?? now);
  return {
    in_words: scheduleWords(schedule),
    times: times.map((time, index) => ({
      at: timestamp(new Date(time)),
      local: localWords(time, schedule.time_zone),
      note: noteOf(schedule, time, times[index - 1] ?? null),
    })),
  };
}

/** Which jobs start when within some days. Of a job that starts very often the first times are named and more are counted. */
export async function readCalendar(ctx: Ctx, from: string | undefined, days: number) {
  const start = Math.max(ctx.now(), from === undefined ? 0 : Date.parse(from));
  const end = (from === undefined ? ctx.now() : Date.parse(from)) + days * DAY_MS;
  const jobs = await inTransaction(ctx, (ctx) => listScheduled(ctx.db, CALENDAR_JOBS_MAX));
  const each = Math.max(CALENDAR_TIMES_MAX, Math.floor(CALENDAR_WORK_MAX / Math.max(1, jobs.length)));
  const items = jobs.flatMap(({ id, name, schedule_policy: schedule, next_run_at: next }) => {
    if (schedule === null || next === null) return [];
    const times = timesAfter(schedule, start - 1, each, next.getTime()).filter((time) => time < end);
    if (times.length === 0) return [];
    return [
      {
        job_id: id,
        name,
        times: times.slice(0, CALENDAR_TIMES_MAX).map((time) => timestamp(new Date(time))),
        more: Math.max(0, times.length - CALENDAR_TIMES_MAX),
      },
    ];
  });
  return { items };
}
