import { useNavigate } from "@tanstack/react-router";
import { Ban, Check, Ellipsis, FileCog, Pause, Play, RefreshCcw, Undo2 } from "lucide-react";
import type { Rollout } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { cannotAbort, cannotPause, cannotResume, cannotRollBack, waveToApprove } from "../../api/rollouts.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import type { OpenDialog } from "./RolloutDialogs.tsx";

const ICON = { size: 14, "aria-hidden": true } as const;

/** Pause or resume and roll back, always at the same place; a button that cannot be used says why. */
export function RolloutActions({
  rollout,
  onDialog,
}: {
  rollout: Rollout;
  onDialog: (dialog: OpenDialog) => void;
}) {
  const navigate = useNavigate();
  const mayNot = useMayNot("rollout:write");
  const approve = useApi("rolloutApprove", { onSuccess: () => say("Approved; the wave begins") });
  const next = waveToApprove(rollout);
  const isPaused = rollout.state === "paused";
  return (
    <div className="flex flex-wrap gap-2">
      {next === undefined ? null : (
        <Button
          look="primary"
          icon={<Check {...ICON} />}
          busy={approve.isPending}
          whyNot={mayNot}
          onClick={() => approve.mutate({ params: { rollout_id: rollout.id } })}
        >
          {/* With its number the buttons of a narrow screen would not fit into one line. */}
          Approve<span className="max-md:sr-only"> wave {next + 1}</span>
        </Button>
      )}
      {isPaused ? (
        <Button
          look="primary"
          icon={<Play {...ICON} />}
          whyNot={mayNot ?? cannotResume(rollout)}
          onClick={() => onDialog("resume")}
        >
          Resume
        </Button>
      ) : (
        <Button
          icon={<Pause {...ICON} />}
          whyNot={mayNot ?? cannotPause(rollout)}
          onClick={() => onDialog("pause")}
        >
          Pause
        </Button>
      )}
      <Button
        look="danger"
        icon={<Undo2 {...ICON} />}
        whyNot={mayNot ?? cannotRollBack(rollout)}
        onClick={() => onDialog("roll-back")}
      >
        Roll back
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
            text: "Roll out again…",
            icon: <RefreshCcw {...ICON} />,
            whyNot: mayNot,
            onSelect: () =>
              void navigate(
                paths.newRollout({
                  configuration_id: rollout.configuration_id,
                  version: rollout.version,
                  selector: rollout.selector,
                }),
              ),
          },
          {
            kind: "item",
            text: "Open the configuration",
            icon: <FileCog {...ICON} />,
            onSelect: () => void navigate(paths.configuration(rollout.configuration_id)),
          },
          { kind: "line" },
          {
            kind: "item",
            text: "Abort…",
            icon: <Ban {...ICON} />,
            danger: true,
            whyNot: mayNot ?? cannotAbort(rollout),
            onSelect: () => onDialog("abort"),
          },
        ]}
      />
    </div>
  );
}
