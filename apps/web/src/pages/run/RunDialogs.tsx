import { useNavigate } from "@tanstack/react-router";
import type { Run } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { span } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";
import { ReplayDialog } from "../replay/ReplayDialog.tsx";

export type OpenDialog = "nothing" | "stop" | "kill" | "restart" | "freeze" | "resume" | "replay";

interface RunDialogsProps {
  readonly run: Run;
  readonly dialog: OpenDialog;
  readonly onClose: () => void;
}

export function RunDialogs({ run, dialog, onClose }: RunDialogsProps) {
  switch (dialog) {
    case "nothing":
      return null;
    case "replay":
      return <ReplayDialog run={run} onClose={onClose} />;
    case "restart":
      return <RestartDialog run={run} onClose={onClose} />;
    case "stop":
    case "kill":
      return <StopDialog run={run} mode={dialog} onClose={onClose} />;
    case "freeze":
    case "resume":
      return <FreezeDialog run={run} action={dialog} onClose={onClose} />;
  }
}

function StopDialog({ run, mode, onClose }: { run: Run; mode: "stop" | "kill"; onClose: () => void }) {
  const stop = useApi("runStop", { onSuccess: onClose });
  const kill = useApi("runKill", { onSuccess: onClose });
  const request = mode === "stop" ? stop : kill;
  return (
    <ReasonDialog
      title={`${mode === "stop" ? "Stop" : "Kill"} ${run.name}`}
      description={
        mode === "stop" ? (
          <StopLadder run={run} />
        ) : (
          "SIGKILL at once to everything it started. It gets no chance to clean up. No retry follows, and the log is kept."
        )
      }
      action={mode === "stop" ? "Stop the run" : "Kill the run"}
      busy={request.isPending}
      error={request.error}
      onSubmit={(reason) => request.mutate({ params: { run_id: run.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

/** What a stop does, step by step. */
function StopLadder({ run }: { run: Run }) {
  const processes = run.usage?.processes;
  const steps = [
    run.frozen_since === null
      ? undefined
      : "It is frozen, so it goes on first: a frozen process hears no signal.",
    `SIGTERM now, to ${processes === undefined || processes === 0 ? "everything it started" : `its ${counted(processes, "process", "processes")}`}.`,
    `${span(run.grace_ms)} to finish.`,
    "SIGKILL to what is left, wherever it hid.",
    "When something survives that, the run is “Stop failed” and an incident is opened.",
  ].filter((step) => step !== undefined);
  return (
    <>
      <span className="block">What happens:</span>
      {steps.map((step, index) => (
        <span key={step} className="block pl-5 -indent-5">
          <span className="inline-block w-5 indent-0 text-n8">{index + 1}.</span>
          {step}
        </span>
      ))}
      <span className="block pt-1">No retry follows, and the log is kept.</span>
    </>
  );
}

function FreezeDialog({
  run,
  action,
  onClose,
}: {
  run: Run;
  action: "freeze" | "resume";
  onClose: () => void;
}) {
  const done = {
    onSuccess: () => {
      say(action === "freeze" ? "It will be frozen" : "It will go on");
      onClose();
    },
  };
  const freeze = useApi("runFreeze", done);
  const resume = useApi("runResume", done);
  const request = action === "freeze" ? freeze : resume;
  return (
    <ReasonDialog
      title={action === "freeze" ? `Freeze ${run.name}` : `Let ${run.name} go on`}
      description={
        action === "freeze"
          ? "Its processes stay where they are and get no CPU, until somebody lets them go on or stops them. Connections they hold may time out meanwhile."
          : "Its processes go on exactly where they were."
      }
      action={action === "freeze" ? "Freeze the run" : "Let it go on"}
      danger={false}
      busy={request.isPending}
      error={request.error}
      onSubmit={(reason) => request.mutate({ params: { run_id: run.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

function RestartDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const navigate = useNavigate();
  const restart = useApi("runRestart", {
    onSuccess: (next) => {
      onClose();
      say("Launched again");
      void navigate(paths.run(next.id));
    },
  });
  return (
    <ReasonDialog
      title={`Restart ${run.name}`}
      description={
        <>
          The same command starts anew on {run.agent_name ?? "an agent that fits"} as another run. This one
          stays as it is.
        </>
      }
      action="Launch again"
      danger={false}
      busy={restart.isPending}
      error={restart.error}
      onSubmit={(reason) => restart.mutate({ params: { run_id: run.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}
