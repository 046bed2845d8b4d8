import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { SchedulePolicy } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { span } from "../../lib/time.ts";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { NextTimes } from "./NextTimes.tsx";

const TIMES_SHOWN = 20;
const MISFIRE_WORD = {
  skip: "left out",
  last: "made up for once",
  all: "made up for, each of them",
} as const;
const OVERLAP_WORD = {
  skip: "the new one is left out",
  queue: "the new one waits",
  replace: "the old one is stopped",
  allow: "both run",
} as const;

export default function JobSchedule() {
  const { jobId } = useParams({ from: "/frame/jobs/$jobId" });
  const job = useSuspenseQuery(q("jobRead", { params: { job_id: jobId } })).data;
  const schedule = job.schedule_policy;
  return (
    <TabPage>
      {schedule === null ? (
        <p className="text-n9">
          It has no schedule: it starts when somebody asks, from this page, the command line or the API.
        </p>
      ) : (
        <div className="grid gap-8 lg:grid-cols-2">
          <Section title="Schedule">
            <Facts>
              <Fact name="In words">{job.schedule_in_words ?? ""}</Fact>
              {schedule.cron === undefined ? null : (
                <>
                  <Fact name="Cron">
                    <span className="font-mono text-sm">{schedule.cron}</span>
                  </Fact>
                  <Fact name="Time zone">{schedule.time_zone}</Fact>
                </>
              )}
              {schedule.every_seconds === undefined ? null : (
                <Fact name="Every">{span(schedule.every_seconds * 1_000)}</Fact>
              )}
              {schedule.at === undefined ? null : (
                <Fact name="Once">
                  <Time at={schedule.at} />
                </Fact>
              )}
              <Fact name="Overlap">When the one before still runs, {OVERLAP_WORD[schedule.overlap]}</Fact>
              <Fact name="Missed starts">{MISFIRE_WORD[schedule.misfire]}</Fact>
            </Facts>
          </Section>
          <Section title="Next starts">
            {job.status === "CREATED" ? (
              <Upcoming schedule={schedule} />
            ) : (
              <p className="text-n9">
                {job.status === "PAUSED" ? "The schedule is paused." : "The job is archived."} Nothing starts
                by itself.
              </p>
            )}
          </Section>
        </div>
      )}
    </TabPage>
  );
}

function Upcoming({ schedule }: { schedule: SchedulePolicy }) {
  const { data, error, refetch } = useQuery(
    q("schedulePreview", { body: { schedule_policy: schedule, count: TIMES_SHOWN } }),
  );
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  return data === undefined ? <Rows count={8} /> : <NextTimes times={data.times} />;
}
