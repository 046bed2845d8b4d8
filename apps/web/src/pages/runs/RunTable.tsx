import { useQuery } from "@tanstack/react-query";
import { useMemo, type ReactNode } from "react";
import type { Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { joinCommand } from "../../lib/argv.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import type { RunsSearch } from "../../search.ts";
import { Time } from "../../ui/Time.tsx";
import { DurationBar } from "./DurationBar.tsx";
import { IncidentMark, RunDuration, RunState } from "./RunWords.tsx";
import { kindOf, usualDurations } from "./usual.ts";

const JOBS_NAMED_MAX = 200;
const NONE_HIDDEN: readonly string[] = [];
const rowId = (run: Run) => run.id;

/** Runs, newest first: all of them, or those of one agent or job. */
export function RunTable({
  filter,
  hidden = NONE_HIDDEN,
  empty,
}: {
  filter: RunsSearch;
  hidden?: readonly string[];
  empty: ReactNode;
}) {
  const list = useLiveList("runList", { query: filter }, rowId);
  const jobs = useQuery({
    ...q("jobList", { query: { limit: JOBS_NAMED_MAX } }),
    enabled: !hidden.includes("Job"),
  }).data?.items;
  const columns = useMemo(() => {
    const usual = usualDurations(list.rows);
    const names = new Map((jobs ?? []).map(({ id, name }) => [id, name]));
    return columnsOf(usual, names).filter(({ name }) => !hidden.includes(name));
  }, [list.rows, jobs, hidden]);
  return (
    <DataList
      label="Runs"
      noun="run"
      list={list}
      rowId={rowId}
      link={(run) => paths.run(run.id)}
      columns={columns}
      narrow={(run) => ({
        first: (
          <>
            {run.name} <IncidentMark run={run} />
          </>
        ),
        second: (
          <>
            {hidden.includes("Agent") ? "" : `${run.agent_name ?? "no agent yet"} · `}
            <RunDuration run={run} /> · <Time at={run.created_at} />
          </>
        ),
        aside: <RunState run={run} />,
      })}
      empty={empty}
    />
  );
}

function columnsOf(
  usual: ReadonlyMap<string, number>,
  jobNames: ReadonlyMap<string, string>,
): readonly Column<Run>[] {
  return [
    {
      name: "Run",
      width: "minmax(140px, 1.4fr)",
      cell: (run) => (
        <>
          <span className="font-medium">{run.name}</span>
          {run.attempt > 1 ? (
            <span className="text-n8" title={`Attempt ${run.attempt}: the one before did not succeed`}>
              {" "}
              #{run.attempt}
            </span>
          ) : null}
        </>
      ),
    },
    {
      name: "State",
      width: "minmax(128px, 0.9fr)",
      cell: (run) => (
        <span className="inline-flex items-center gap-2">
          <RunState run={run} />
          <IncidentMark run={run} />
        </span>
      ),
    },
    {
      name: "Job",
      width: "minmax(80px, 0.9fr)",
      cell: (run) =>
        run.job_id === null ? (
          <span className="text-n8">–</span>
        ) : (
          <span className="text-n9">{jobNames.get(run.job_id) ?? run.name}</span>
        ),
    },
    {
      name: "Command",
      width: "minmax(110px, 2fr)",
      cell: (run) => {
        const line = joinCommand([run.command, ...run.args]);
        return (
          <span className="font-mono text-xs text-n8" title={line.slice(0, 500)}>
            {line.slice(0, 200)}
          </span>
        );
      },
    },
    {
      name: "Agent",
      width: "minmax(90px, 1fr)",
      cell: (run) => <span className="text-n9">{run.agent_name ?? "–"}</span>,
    },
    {
      name: "Duration",
      width: "136px",
      cell: (run) => <DurationBar run={run} usual={usual.get(kindOf(run))} />,
    },
    { name: "Exit", width: "64px", align: "right", cell: (run) => <ExitCode run={run} /> },
    {
      name: "Started",
      width: "92px",
      align: "right",
      cell: (run) => <Time at={run.started_at ?? run.created_at} className="text-n9" />,
    },
  ];
}

function ExitCode({ run }: { run: Run }) {
  if (run.signal !== null) return <span className="font-mono text-xs text-n9">{run.signal}</span>;
  if (run.exit_code === null) return <span className="text-n8">–</span>;
  return <span className={`font-mono ${run.exit_code === 0 ? "text-n9" : "text-bad"}`}>{run.exit_code}</span>;
}
