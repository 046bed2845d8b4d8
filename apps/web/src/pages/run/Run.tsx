import { useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ChartLine } from "lucide-react";
import { lazy, Suspense, useCallback, useState, useSyncExternalStore } from "react";
import { isTerminal } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { storedSwitch } from "../../lib/stored.ts";
import { useLineAt } from "../../log/useLineAt.ts";
import { paths } from "../../paths.ts";
import { IconButton } from "../../ui/Button.tsx";
import { IncidentMark, RunState } from "../runs/RunWords.tsx";
import { RunActions } from "./RunActions.tsx";
import { RunAside } from "./RunAside.tsx";
import { RunDialogs, type OpenDialog } from "./RunDialogs.tsx";
import { RunSentence } from "./RunSentence.tsx";

const LogPanel = lazy(() => import("../../log/LogPanel.tsx"));
const RunAxis = lazy(() => import("./axis/RunAxis.tsx"));
/** On a narrow screen the log and what is known about the run take turns. */
const VIEWS = [
  { name: "Log", view: undefined },
  { name: "Timeline and details", view: "details" },
] as const;
const REREAD_MS = 3_000;
const axisSwitch = storedSwitch("run.axis", true);

export default function RunPage() {
  const { runId } = useParams({ from: "/frame/runs/$runId" });
  const search = useSearch({ from: "/frame/runs/$runId" });
  const run = useSuspenseQuery({
    ...q("runRead", { params: { run_id: runId } }),
    // Its changes come by themselves; the size of its log and the times in its sentence do not.
    refetchInterval: ({ state }) =>
      state.data !== undefined && !isTerminal(state.data.state) ? REREAD_MS : false,
  }).data;
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<OpenDialog>("nothing");
  const hasAxis = useSyncExternalStore(axisSwitch.subscribe, axisSwitch.get) === "on";
  const details = search.view === "details";
  const goToLine = useCallback(
    (line: number) =>
      void navigate({
        to: ".",
        search: (now: object) => ({ ...now, line, view: undefined, log: undefined }),
        replace: true,
      }),
    [navigate],
  );
  const { seek } = useLineAt(run.id, run.log.lines, goToLine);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-4 pb-2 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{run.name}</span>
            {run.attempt > 1 ? (
              <span className="text-base font-normal tracking-normal text-n8">attempt {run.attempt}</span>
            ) : null}
            <span className="inline-flex items-center gap-2 text-base font-normal tracking-normal">
              <RunState run={run} />
              <IncidentMark run={run} />
            </span>
          </h1>
          <RunSentence run={run} />
        </div>
        <div className="flex flex-wrap items-center gap-2">
          <IconButton
            label={hasAxis ? "Hide the time axis" : "Show the time axis"}
            aria-pressed={hasAxis}
            onClick={() => axisSwitch.set(hasAxis ? "off" : "on")}
          >
            <ChartLine size={16} />
          </IconButton>
          <RunActions run={run} onDialog={setDialog} />
        </div>
      </header>
      <div role="group" aria-label="What to see" className="flex gap-1 px-3 lg:hidden">
        {VIEWS.map(({ name, view }) => (
          <button
            key={name}
            type="button"
            aria-pressed={(view === "details") === details}
            onClick={() => void navigate({ ...paths.run(run.id, { ...search, view }), replace: true })}
            className="border-b-2 border-transparent px-2 py-2 text-n9 aria-pressed:border-accent aria-pressed:font-medium aria-pressed:text-n10"
          >
            {name}
          </button>
        ))}
      </div>
      <div className="flex min-h-0 flex-1">
        <div className={`flex min-h-0 min-w-0 flex-1 flex-col ${details ? "max-lg:hidden" : ""}`}>
          {hasAxis ? (
            <Suspense fallback={null}>
              <RunAxis key={run.id} run={run} onMoment={(ms) => void seek(ms)} onLine={goToLine} />
            </Suspense>
          ) : null}
          <Suspense fallback={<div className="flex-1 border-t border-n4 bg-n1" />}>
            <LogPanel key={run.id} run={run} search={search} />
          </Suspense>
        </div>
        <RunAside run={run} className={details ? "" : "max-lg:hidden"} />
      </div>
      <RunDialogs run={run} dialog={dialog} onClose={() => setDialog("nothing")} />
    </div>
  );
}
