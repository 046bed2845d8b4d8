import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import type { Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { RUN_LOOK, type Tone } from "../../api/states.ts";
import { absoluteTime, duration } from "../../lib/time.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import type { RunsSearch } from "../../search.ts";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { Time } from "../../ui/Time.tsx";
import { IncidentMark, RunState } from "./RunWords.tsx";
import { groupRuns, usualDurations, type RunGroup } from "./usual.ts";

const RUNS_READ = 200;
const STRIP_RUNS = 24;
const FILL: Readonly<Record<Tone, string>> = {
  ok: "bg-ok",
  busy: "bg-busy",
  attention: "bg-attention",
  bad: "bg-bad",
  off: "bg-n6",
};

/** One row a job: how its latest runs went, as a strip that reads from old to new. */
export function RunGroups({ filter, empty }: { filter: RunsSearch; empty: ReactNode }) {
  const { data, error, refetch } = useQuery(q("runList", { query: { ...filter, limit: RUNS_READ } }));
  const groups = useMemo(() => groupRuns(data?.items ?? []), [data]);
  const usual = useMemo(() => usualDurations(data?.items ?? []), [data]);
  if (error !== null)
    return (
      <div className="px-6 max-md:px-4">
        <Problem error={error} onRetry={() => void refetch()} />
      </div>
    );
  if (data === undefined)
    return (
      <div className="px-6 max-md:px-4">
        <Rows count={10} />
      </div>
    );
  if (groups.length === 0) return <div className="px-6 max-md:px-4">{empty}</div>;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <ul aria-label="Runs by job" className="border-t border-n4">
        {groups.map((group) => (
          <GroupRow key={group.kind} group={group} usual={usual.get(group.kind)} />
        ))}
      </ul>
      <p className="px-6 py-2 text-sm text-n8 max-md:px-4">
        {data.next_cursor === null
          ? `${counted(data.items.length, "run")} in ${counted(groups.length, "group")}.`
          : `From the latest ${counted(data.items.length, "run")}. Filter to see older ones.`}
      </p>
    </div>
  );
}

function GroupRow({ group, usual }: { group: RunGroup; usual: number | undefined }) {
  const latest = group.runs[0];
  if (latest === undefined) return null;
  return (
    <li className="grid min-h-11 grid-cols-[minmax(140px,1.4fr)_minmax(120px,0.9fr)_minmax(0,2fr)_minmax(90px,0.8fr)_72px_92px] items-center gap-4 border-b border-n3 px-6 hover:bg-n1 max-md:grid-cols-[minmax(0,1fr)_auto] max-md:gap-y-1 max-md:px-4 max-md:py-2">
      <span className="min-w-0 truncate font-medium">
        {group.jobId === null ? (
          <Link {...paths.runs({ q: group.name })} className="hover:underline">
            {group.name}
          </Link>
        ) : (
          <Link {...paths.job(group.jobId)} className="hover:underline">
            {group.name}
          </Link>
        )}
      </span>
      <span className="inline-flex items-center gap-2">
        <RunState run={latest} />
        <IncidentMark run={{ incidents: sumOf(group.runs) }} />
      </span>
      <Strip runs={group.runs.slice(0, STRIP_RUNS).toReversed()} />
      <span className="text-n9 max-md:hidden">
        {usual === undefined ? "–" : `usually ${duration(usual)}`}
      </span>
      <span className="text-right text-n9 max-md:hidden">×{number(group.runs.length)}</span>
      <Time at={latest.created_at} className="text-right text-n9" />
    </li>
  );
}

function Strip({ runs }: { runs: readonly Run[] }) {
  return (
    <span className="flex min-w-0 items-center gap-0.5 overflow-hidden">
      {runs.map((run) => (
        <Link
          key={run.id}
          {...paths.run(run.id)}
          aria-label={`${RUN_LOOK[run.state].word}, ${absoluteTime(Date.parse(run.created_at))}`}
          title={`${RUN_LOOK[run.state].word}, ${absoluteTime(Date.parse(run.created_at))}`}
          className={`h-5 w-2 shrink-0 rounded-[2px] hover:opacity-70 ${FILL[RUN_LOOK[run.state].tone]} ${RUN_LOOK[run.state].tone === "bad" ? "" : "mt-1 h-4"}`}
        />
      ))}
    </span>
  );
}

function sumOf(runs: readonly Run[]): Run["incidents"] {
  return {
    open: runs.reduce((sum, { incidents }) => sum + incidents.open, 0),
    total: runs.reduce((sum, { incidents }) => sum + incidents.total, 0),
  };
}
