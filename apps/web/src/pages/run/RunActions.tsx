import { useNavigate } from "@tanstack/react-router";
import { Download, Ellipsis, Pause, PenLine, Play, RotateCcw, RotateCw, Skull, Square } from "lucide-react";
import { api, pathOf, type Run } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { cannotFreeze, cannotKill, cannotRestartRun, cannotStop } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import type { OpenDialog } from "./RunDialogs.tsx";

const ICON = { size: 16, "aria-hidden": true } as const;

/** What can be done to a run: what is used most in sight, the rest behind one button. */
export function RunActions({ run, onDialog }: { run: Run; onDialog: (dialog: OpenDialog) => void }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  const isFrozen = run.frozen_since !== null;
  return (
    <div className="flex flex-wrap gap-2">
      {isFrozen ? (
        <Button
          icon={<Play size={14} aria-hidden="true" />}
          whyNot={mayNot}
          onClick={() => onDialog("resume")}
        >
          Let it go on
        </Button>
      ) : null}
      <Button
        icon={<RotateCw size={14} aria-hidden="true" />}
        whyNot={mayNot ?? cannotRestartRun(run)}
        onClick={() => onDialog("restart")}
      >
        Restart
      </Button>
      <Button
        look="danger"
        icon={<Square size={12} fill="currentColor" aria-hidden="true" />}
        whyNot={mayNot ?? cannotStop(run)}
        onClick={() => onDialog("stop")}
      >
        Stop
      </Button>
      <Menu
        trigger={
          <button
            type="button"
            aria-label="More actions"
            className={buttonClass("quiet", "w-8 px-0! max-md:w-9")}
          >
            <Ellipsis {...ICON} />
          </button>
        }
        entries={[
          {
            kind: "item",
            text: "Launch with changes…",
            icon: <PenLine {...ICON} />,
            whyNot: mayNot,
            onSelect: () => void navigate(paths.launchRun(run.agent_id ?? "any", run.id)),
          },
          {
            kind: "item",
            text: "Freeze…",
            icon: <Pause {...ICON} />,
            whyNot: mayNot ?? cannotFreeze(run),
            onSelect: () => onDialog("freeze"),
          },
          {
            kind: "item",
            text: "Kill…",
            icon: <Skull {...ICON} />,
            danger: true,
            whyNot: mayNot ?? cannotKill(run),
            onSelect: () => onDialog("kill"),
          },
          { kind: "line" },
          {
            kind: "item",
            text: "Replay…",
            icon: <RotateCcw {...ICON} />,
            onSelect: () => onDialog("replay"),
          },
          {
            kind: "item",
            text: "Download the evidence",
            icon: <Download {...ICON} />,
            onSelect: () =>
              window.location.assign(pathOf(api.runEvidenceDownload, { params: { run_id: run.id } })),
          },
        ]}
      />
    </div>
  );
}
