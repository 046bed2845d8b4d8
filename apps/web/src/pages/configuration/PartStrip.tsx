import { Plus } from "lucide-react";
import type { ConfigurationOverlay, ConfigurationProblem } from "@flowplane/contract";
import { counted } from "../../lib/units.ts";
import { StateShape } from "../../ui/StateMark.tsx";
import { Tip } from "../../ui/Tip.tsx";
import type { PartName } from "./configurationText.ts";

interface PartStripProps {
  readonly overlays: readonly ConfigurationOverlay[];
  readonly problems: readonly ConfigurationProblem[];
  readonly part: PartName;
  readonly onPart: (part: PartName) => void;
  readonly onAdd: () => void;
  readonly whyNotAdd: string | undefined;
}

const CHIP =
  "inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md px-2 text-n9 hover:bg-n2 hover:text-n10 focus-visible:-outline-offset-2 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-9";

/** The texts of a configuration, all in sight: the base, then the overlays in the order in which they are laid on it. */
export function PartStrip({ overlays, problems, part, onPart, onAdd, whyNotAdd }: PartStripProps) {
  const add = (
    <button
      type="button"
      aria-disabled={whyNotAdd === undefined ? undefined : true}
      onClick={whyNotAdd === undefined ? onAdd : undefined}
      className={`${CHIP} aria-disabled:cursor-not-allowed aria-disabled:text-n6`}
    >
      <Plus size={14} aria-hidden="true" />
      Add overlay…
    </button>
  );
  return (
    <div className="flex items-center gap-1 overflow-x-auto border-b border-n4 px-3 py-1">
      <div role="group" aria-label="Texts" className="flex gap-1">
        <Chip
          isChosen={part === undefined}
          problems={problemsOf(problems, null)}
          onClick={() => onPart(undefined)}
        >
          Base
        </Chip>
        {overlays.map(({ name }, index) => (
          <Chip
            key={name}
            isChosen={part === name}
            problems={problemsOf(problems, name)}
            onClick={() => onPart(name)}
          >
            <span className="text-n8">{index + 1}</span> {name}
          </Chip>
        ))}
      </div>
      {whyNotAdd === undefined ? add : <Tip text={whyNotAdd}>{add}</Tip>}
    </div>
  );
}

interface ChipProps {
  readonly isChosen: boolean;
  readonly problems: readonly ConfigurationProblem[];
  readonly onClick: () => void;
  readonly children: React.ReactNode;
}

function Chip({ isChosen, problems, onClick, children }: ChipProps) {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  return (
    <button type="button" aria-pressed={isChosen} onClick={onClick} className={CHIP}>
      {children}
      {problems.length === 0 ? null : (
        <>
          <StateShape tone={errors > 0 ? "bad" : "attention"} />
          <span className="sr-only">
            {errors > 0 ? counted(errors, "error") : counted(problems.length, "warning")}
          </span>
        </>
      )}
    </button>
  );
}

function problemsOf(problems: readonly ConfigurationProblem[], overlay: string | null) {
  return problems.filter((problem) => problem.overlay === overlay);
}
