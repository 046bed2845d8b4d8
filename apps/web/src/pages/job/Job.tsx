import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { Ellipsis, Pause, Pencil, Play } from "lucide-react";
import { useState } from "react";
import type { Job } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { cannotChangeJob, JOB_LOOK } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Menu } from "../../ui/Menu.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { ArchiveJob } from "./ArchiveJob.tsx";

type OpenDialog = "nothing" | "pause" | "archive";

export default function JobPage() {
  const { jobId } = useParams({ from: "/frame/jobs/$jobId" });
  const job = useSuspenseQuery(q("jobRead", { params: { job_id: jobId } })).data;
  const [dialog, setDialog] = useState<OpenDialog>("nothing");
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-5 pb-3 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{job.name}</span>
            <span className="text-base font-normal tracking-normal">
              <StateMark {...JOB_LOOK[job.status]} />
            </span>
          </h1>
          <p className="mt-0.5 max-w-[90ch] text-n9">
            {job.sentence}
            {job.next_run_at === null ? null : (
              <>
                {" "}
                <Link {...paths.jobTab(job.id, "schedule")} className={TEXT_LINK}>
                  Next <Time at={job.next_run_at} />
                </Link>
                .
              </>
            )}
          </p>
          {job.description === "" ? null : <p className="max-w-[90ch] text-n8">{job.description}</p>}
        </div>
        <Actions job={job} onDialog={setDialog} />
      </header>
      <Tabs
        label="Job"
        tabs={[
          { name: "Runs", link: paths.jobTab(job.id, ""), exact: true },
          { name: "Schedule", link: paths.jobTab(job.id, "schedule") },
          { name: "Definition", link: paths.jobTab(job.id, "definition") },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
      {dialog === "pause" ? <PauseDialog job={job} onClose={() => setDialog("nothing")} /> : null}
      {dialog === "archive" ? <ArchiveJob job={job} onClose={() => setDialog("nothing")} /> : null}
    </div>
  );
}

function Actions({ job, onDialog }: { job: Job; onDialog: (dialog: OpenDialog) => void }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  const isArchived = job.archived_at !== null ? "The job is archived." : undefined;
  const run = useApi("jobRun", {
    onSuccess: (next) => {
      say("Started");
      void navigate(paths.run(next.id));
    },
  });
  const resume = useApi("jobResume", { onSuccess: () => say("The schedule goes on") });
  const params = { job_id: job.id };
  const failed = run.error ?? resume.error;
  return (
    <div className="flex flex-wrap items-center gap-2">
      {failed === null ? null : (
        <span role="alert" className="text-bad">
          {failed.message}
        </span>
      )}
      {job.status === "PAUSED" ? (
        <Button
          icon={<Play size={14} aria-hidden="true" />}
          whyNot={mayNot}
          busy={resume.isPending}
          onClick={() => resume.mutate({ params })}
        >
          Resume
        </Button>
      ) : (
        <Button
          icon={<Pause size={14} aria-hidden="true" />}
          whyNot={
            mayNot ??
            isArchived ??
            (job.schedule_policy === null ? "It has no schedule to pause." : undefined)
          }
          onClick={() => onDialog("pause")}
        >
          Pause
        </Button>
      )}
      <Button
        icon={<Pencil size={14} aria-hidden="true" />}
        whyNot={mayNot ?? cannotChangeJob(job)}
        onClick={() => void navigate(paths.editJob(job.id))}
      >
        Change
      </Button>
      <Button
        look="primary"
        icon={<Play size={14} aria-hidden="true" />}
        whyNot={mayNot ?? isArchived}
        busy={run.isPending}
        onClick={() => run.mutate({ params, body: {} })}
      >
        Run now
      </Button>
      <Menu
        trigger={
          <button
            type="button"
            aria-label="More actions"
            className={buttonClass("quiet", "w-8 px-0! max-md:w-9")}
          >
            <Ellipsis size={16} aria-hidden="true" />
          </button>
        }
        entries={[
          {
            kind: "item",
            text: "Archive…",
            danger: true,
            whyNot: mayNot ?? cannotChangeJob(job),
            onSelect: () => onDialog("archive"),
          },
        ]}
      />
    </div>
  );
}

function PauseDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const pause = useApi("jobPause", {
    onSuccess: () => {
      say("Paused");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title={`Pause ${job.name}`}
      description="Its schedule starts nothing until it is resumed. What runs already goes on, and it can still be started by hand."
      action="Pause the schedule"
      danger={false}
      busy={pause.isPending}
      error={pause.error}
      onSubmit={(reason) => pause.mutate({ params: { job_id: job.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}
