import type { ReactNode } from "react";
import type { Run } from "@flowplane/contract";
import { joinCommand } from "../../lib/argv.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import type { RunsSearch } from "../../search.ts";
import { Time } from "../../ui/Time.tsx";
import { RunDuration, RunState } from "./RunWords.tsx";

const rowId = (run: Run) => run.id;

/** Runs, newest first: all of them, or those of one agent. */
export function RunTable({
  filter,
  showAgent,
  empty,
}: {
  filter: RunsSearch;
  showAgent: boolean;
  empty: ReactNode;
}) {
  const list = useLiveList("runList", { query: filter }, rowId);
  return (
    <DataList
      label="Runs"
      noun="run"
      list={list}
      rowId={rowId}
      link={(run) => paths.run(run.id)}
      columns={showAgent ? COLUMNS : COLUMNS.filter(({ name }) => name !== "Agent")}
      narrow={(run) => ({
        first: run.name,
        second: (
          <>
            {showAgent ? `${run.agent_name} · ` : ""}
            <RunDuration run={run} /> · <Time at={run.created_at} />
          </>
        ),
        aside: <RunState run={run} />,
      })}
      empty={empty}
    />
  );
}

const COLUMNS: readonly Column<Run>[] = [
  {
    name: "Run",
    width: "minmax(140px, 1.5fr)",
    cell: (run) => <span className="font-medium">{run.name}</span>,
  },
  { name: "State", width: "minmax(120px, 0.9fr)", cell: (run) => <RunState run={run} /> },
  {
    name: "Command",
    width: "minmax(120px, 2.4fr)",
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
    width: "minmax(100px, 1.1fr)",
    cell: (run) => <span className="text-n9">{run.agent_name}</span>,
  },
  { name: "Duration", width: "88px", align: "right", cell: (run) => <RunDuration run={run} /> },
  { name: "Exit", width: "64px", align: "right", cell: (run) => <ExitCode run={run} /> },
  {
    name: "Started",
    width: "92px",
    align: "right",
    cell: (run) => <Time at={run.started_at ?? run.created_at} className="text-n9" />,
  },
];

function ExitCode({ run }: { run: Run }) {
  if (run.signal !== null) return <span className="font-mono text-xs text-n9">{run.signal}</span>;
  if (run.exit_code === null) return <span className="text-n8">–</span>;
  return <span className={`font-mono ${run.exit_code === 0 ? "text-n9" : "text-bad"}`}>{run.exit_code}</span>;
}
