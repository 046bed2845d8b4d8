import { useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { isTerminal } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { RunState } from "../runs/RunWords.tsx";
import { RunActions } from "./RunActions.tsx";
import { RunAside } from "./RunAside.tsx";
import { RunDialogs, type OpenDialog } from "./RunDialogs.tsx";

const LogPanel = lazy(() => import("../../log/LogPanel.tsx"));
/** On a narrow screen the log and what is known about the run take turns. */
const VIEWS = [
  { name: "Log", view: undefined },
  { name: "Timeline and details", view: "details" },
] as const;
const REREAD_MS = 3_000;

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
  const details = search.view === "details";
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-5 pb-3 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{run.name}</span>
            <span className="text-base font-normal tracking-normal">
              <RunState run={run} />
            </span>
          </h1>
          <p className="mt-0.5 max-w-[90ch] text-n9">{run.sentence}</p>
        </div>
        <RunActions run={run} onDialog={setDialog} />
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
