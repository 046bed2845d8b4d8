import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { CalendarDays, Plus } from "lucide-react";
import { useCallback } from "react";
import { RUN_STATES, type Job, type RunState } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { JOB_LOOK, RUN_LOOK } from "../../api/states.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { oneOf, type JobsSearch } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const SCOPES = [
  { value: undefined, word: "In use" },
  { value: "true", word: "Archived" },
] as const;
const rowId = (job: Job) => job.id;

export default function JobsPage() {
  const search = useSearch({ from: "/frame/jobs" });
  const navigate = useNavigate({ from: "/jobs" });
  const mayNot = useMayNot("run:write");
  const list = useLiveList("jobList", { query: { q: search.q, archived: search.archived } }, rowId);
  const change = useCallback(
    (part: JobsSearch) =>
      void navigate({ to: "/jobs", search: (now) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  return (
    <FullPage
      title="Jobs"
      sentence="What is to run, when, where and within which limits."
      actions={
        <>
          <Link {...paths.jobCalendar()} className={buttonClass("plain")}>
            <CalendarDays size={16} aria-hidden="true" />
            Calendar
          </Link>
          <Button
            look="primary"
            icon={<Plus size={16} />}
            whyNot={mayNot}
            onClick={() => void navigate(paths.newJob())}
          >
            New job
          </Button>
        </>
      }
    >
      <div className="flex flex-wrap items-center gap-2 px-6 pb-3 max-md:px-4">
        <Scopes
          label="Which jobs"
          scopes={SCOPES}
          chosen={search.archived}
          onChoose={(archived) => change({ archived })}
        />
        <div className="flex min-w-56 flex-1">
          <FilterInput
            label="Filter jobs"
            placeholder="Name or command…"
            value={search.q ?? ""}
            onChange={useCallback((q: string) => change({ q: q === "" ? undefined : q }), [change])}
          />
        </div>
      </div>
      <DataList
        label="Jobs"
        noun="job"
        list={list}
        rowId={rowId}
        link={(job) => paths.job(job.id)}
        columns={COLUMNS}
        narrow={(job) => ({
          first: job.name,
          second: job.schedule_in_words ?? "by hand",
          aside: <LastRun job={job} />,
        })}
        empty={<Nothing search={search} mayNot={mayNot} />}
      />
    </FullPage>
  );
}

const COLUMNS: readonly Column<Job>[] = [
  {
    name: "Job",
    width: "minmax(140px, 1.4fr)",
    cell: (job) => (
      <span className="font-medium" title={job.sentence}>
        {job.name}
      </span>
    ),
  },
  { name: "State", width: "minmax(90px, 0.7fr)", cell: (job) => <StateMark {...JOB_LOOK[job.status]} /> },
  {
    name: "Schedule",
    width: "minmax(150px, 1.8fr)",
    cell: (job) => (
      <span className="text-n9" title={job.schedule_policy?.cron ?? ""}>
        {job.schedule_in_words ?? "by hand"}
      </span>
    ),
  },
  {
    name: "Next run",
    width: "minmax(90px, 0.8fr)",
    cell: (job) =>
      job.next_run_at === null ? (
        <span className="text-n8">–</span>
      ) : (
        <Time at={job.next_run_at} className="text-n9" />
      ),
  },
  { name: "Last run", width: "minmax(130px, 1fr)", cell: (job) => <LastRun job={job} /> },
  {
    name: "When",
    width: "minmax(84px, 0.7fr)",
    cell: (job) => <Time at={job.last_run?.created_at ?? null} className="text-n9" />,
  },
  {
    name: "Running",
    width: "72px",
    align: "right",
    cell: (job) => <span className={job.runs_active === 0 ? "text-n8" : ""}>{job.runs_active}</span>,
  },
];

function LastRun({ job }: { job: Job }) {
  const state: RunState | undefined = oneOf(job.last_run?.state, RUN_STATES);
  return state === undefined ? <span className="text-n8">none yet</span> : <StateMark {...RUN_LOOK[state]} />;
}

function Nothing({ search, mayNot }: { search: JobsSearch; mayNot: string | undefined }) {
  const navigate = useNavigate();
  if (search.q !== undefined || search.archived !== undefined) {
    return (
      <Empty
        action={
          <Link {...paths.jobs()} className={buttonClass("plain")}>
            Show all jobs
          </Link>
        }
      >
        {search.q === undefined ? "No job is archived." : "No job matches this filter."}
      </Empty>
    );
  }
  return (
    <Empty
      action={
        <Button look="primary" whyNot={mayNot} onClick={() => void navigate(paths.newJob())}>
          Create the first job
        </Button>
      }
    >
      No job yet. A job keeps a command with its schedule, limits and retries, so that it runs without you. A
      file <code className="font-mono text-sm">flowplane.yaml</code> can bring them along as well.
    </Empty>
  );
}
