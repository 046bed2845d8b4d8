import { useState } from "react";
import type { Rollout } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { touchedBy } from "../../api/rollouts.ts";
import { counted, number } from "../../lib/units.ts";
import { say } from "../../ui/announce.ts";
import { Check } from "../../ui/Check.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";

export type OpenDialog = "nothing" | "pause" | "resume" | "abort" | "roll-back";
/** From this many agents on, going back is confirmed by typing the configuration's name. */
const WIDE_AGENTS = 1_000;

interface Props {
  readonly rollout: Rollout;
  readonly onClose: () => void;
}

export function RolloutDialogs({ dialog, ...props }: Props & { readonly dialog: OpenDialog }) {
  switch (dialog) {
    case "nothing":
      return null;
    case "pause":
      return <PauseDialog {...props} />;
    case "resume":
      return <ResumeDialog {...props} />;
    case "abort":
      return <AbortDialog {...props} />;
    case "roll-back":
      return <RollBackDialog {...props} />;
  }
}

const titleOf = (verb: string, { configuration_name, version }: Rollout) =>
  `${verb} ${configuration_name} v${version}`;
const underWay = ({ counts }: Rollout) => counts.offered + counts.applying + counts.soaking;

function PauseDialog({ rollout, onClose }: Props) {
  const pause = useApi("rolloutPause", {
    onSuccess: () => {
      say("Paused");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title={titleOf("Pause", rollout)}
      description={`Nobody else is offered it. ${counted(underWay(rollout), "agent")} under way still ${underWay(rollout) === 1 ? "gets its verdict" : "get their verdicts"}; ${number(rollout.counts.waiting)} wait.`}
      action="Pause the rollout"
      danger={false}
      busy={pause.isPending}
      error={pause.error}
      onSubmit={(reason) => pause.mutate({ params: { rollout_id: rollout.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

function AbortDialog({ rollout, onClose }: Props) {
  const abort = useApi("rolloutAbort", {
    onSuccess: () => {
      say("Aborted");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title={titleOf("Abort", rollout)}
      description={`It ends here. ${counted(touchedBy(rollout.counts), "agent")} that got the version keep it, the other ${number(rollout.counts.waiting + rollout.counts.unreachable)} never get it from this rollout.`}
      action="Abort the rollout"
      busy={abort.isPending}
      error={abort.error}
      onSubmit={(reason) => abort.mutate({ params: { rollout_id: rollout.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

function RollBackDialog({ rollout, onClose }: Props) {
  const touched = touchedBy(rollout.counts);
  const rollBack = useApi("rolloutRollBack", {
    onSuccess: () => {
      say(`${counted(touched, "agent")} go back to what they had`);
      onClose();
    },
  });
  return (
    <ReasonDialog
      title={titleOf("Roll back", rollout)}
      description={
        <>
          <strong className="font-semibold">{counted(touched, "agent")}</strong> that got v{rollout.version}{" "}
          get back what each had before, all at once as far as they are reachable.{" "}
          {number(rollout.counts.waiting)} that still wait are left as they are.
        </>
      }
      action={`Roll ${counted(touched, "agent")} back`}
      busy={rollBack.isPending}
      error={rollBack.error}
      {...(touched >= WIDE_AGENTS ? { typeName: rollout.configuration_name } : {})}
      onSubmit={(reason) => rollBack.mutate({ params: { rollout_id: rollout.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

function ResumeDialog({ rollout, onClose }: Props) {
  const [retry, setRetry] = useState(false);
  const resume = useApi("rolloutResume", {
    onSuccess: () => {
      say("It goes on");
      onClose();
    },
  });
  const { failed, waiting } = rollout.counts;
  return (
    <FormDialog
      title={titleOf("Resume", rollout)}
      description={`${counted(waiting, "agent")} that wait are offered it, in the waves that were planned.${failed === 0 ? "" : ` The gate that stopped it for ${counted(failed, "failed agent")} is passed over.`}`}
      action="Let it go on"
      busy={resume.isPending}
      error={resume.error}
      onSubmit={() => resume.mutate({ params: { rollout_id: rollout.id }, body: { retry_failed: retry } })}
      onClose={onClose}
    >
      {failed === 0 ? null : (
        <Check checked={retry} onChange={setRetry}>
          Try the {counted(failed, "failed agent")} again
        </Check>
      )}
    </FormDialog>
  );
}
