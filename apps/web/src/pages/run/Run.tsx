import { useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { RotateCw, Skull, Square } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { isTerminal, type Run } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { cannotKill, cannotRestartRun, cannotStop } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";
import { duration } from "../../lib/time.ts";
import { RunState } from "../runs/RunWords.tsx";
import { RunAside } from "./RunAside.tsx";

const LogPanel = lazy(() => import("../../log/LogPanel.tsx"));
/** On a narrow screen the log and what is known about the run take turns. */
const VIEWS = [
  { name: "Log", view: undefined },
  { name: "Timeline and details", view: "details" },
] as const;
const REREAD_MS = 3_000;
type OpenDialog = "nothing" | "stop" | "kill" | "restart";

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
        <Actions run={run} onDialog={setDialog} />
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

function Actions({ run, onDialog }: { run: Run; onDialog: (dialog: OpenDialog) => void }) {
  const mayNot = useMayNot("run:write");
  return (
    <div className="flex flex-wrap gap-2">
      <Button
        icon={<RotateCw size={14} aria-hidden="true" />}
        whyNot={mayNot ?? cannotRestartRun(run)}
        onClick={() => onDialog("restart")}
      >
        Restart
      </Button>
      <Button
        icon={<Skull size={14} aria-hidden="true" />}
        whyNot={mayNot ?? cannotKill(run)}
        onClick={() => onDialog("kill")}
      >
        Kill
      </Button>
      <Button
        look="danger"
        icon={<Square size={12} fill="currentColor" aria-hidden="true" />}
        whyNot={mayNot ?? cannotStop(run)}
        onClick={() => onDialog("stop")}
      >
        Stop
      </Button>
    </div>
  );
}

function RunDialogs({ run, dialog, onClose }: { run: Run; dialog: OpenDialog; onClose: () => void }) {
  const navigate = useNavigate();
  const params = { run_id: run.id };
  const stop = useApi("runStop", { onSuccess: onClose });
  const kill = useApi("runKill", { onSuccess: onClose });
  const restart = useApi("runRestart", {
    onSuccess: (next) => {
      onClose();
      say("Launched again");
      void navigate(paths.run(next.id));
    },
  });
  switch (dialog) {
    case "nothing":
      return null;
    case "stop":
      return (
        <ReasonDialog
          title={`Stop ${run.name}`}
          description={
            <>
              SIGTERM now to everything it started; {duration(run.grace_ms)} to finish; then SIGKILL to what
              is left. The log is kept.
            </>
          }
          action="Stop the run"
          busy={stop.isPending}
          error={stop.error}
          onSubmit={(reason) => stop.mutate({ params, body: { reason } })}
          onClose={onClose}
        />
      );
    case "kill":
      return (
        <ReasonDialog
          title={`Kill ${run.name}`}
          description="SIGKILL at once to everything it started. It gets no chance to clean up. The log is kept."
          action="Kill the run"
          busy={kill.isPending}
          error={kill.error}
          onSubmit={(reason) => kill.mutate({ params, body: { reason } })}
          onClose={onClose}
        />
      );
    case "restart":
      return (
        <ReasonDialog
          title={`Restart ${run.name}`}
          description={
            <>The same command starts anew on {run.agent_name} as another run. This one stays as it is.</>
          }
          action="Launch again"
          danger={false}
          busy={restart.isPending}
          error={restart.error}
          onSubmit={(reason) => restart.mutate({ params, body: { reason } })}
          onClose={onClose}
        />
      );
  }
}
