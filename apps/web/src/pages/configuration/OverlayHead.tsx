import { ArrowLeft, ArrowRight, Pencil, Trash2 } from "lucide-react";
import { useEffect, useRef } from "react";
import {
  SELECTOR_CHARS_MAX,
  type ConfigurationOverlay,
  type ConfigurationProblem,
} from "@flowplane/contract";
import { IconButton } from "../../ui/Button.tsx";
import { matchWords, type Matches } from "./matchWords.ts";

interface OverlayHeadProps {
  readonly overlay: ConfigurationOverlay;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly problem: ConfigurationProblem | undefined;
  readonly matches: Matches | undefined;
  readonly whyNot: string | undefined;
  /** Another number each time somebody is to be brought to the selector; 0: nobody was. */
  readonly focus: number;
  readonly onSelector: (selector: string) => void;
  readonly onMove: (by: -1 | 1) => void;
  readonly onRename: () => void;
  readonly onRemove: () => void;
}

/** Above the text of an overlay: for which agents it is, how many these are, and its place among the others. */
export function OverlayHead(props: OverlayHeadProps) {
  const { overlay, isFirst, isLast, problem, matches, whyNot, focus } = props;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus > 0) input.current?.focus();
  }, [focus]);
  return (
    <div className="flex flex-wrap items-start gap-x-2 gap-y-1 border-b border-n4 bg-n1 px-4 py-1.5">
      <label className="flex min-w-0 flex-1 basis-72 flex-wrap items-center gap-x-2 gap-y-1">
        <span className="shrink-0">For agents where</span>
        <input
          ref={input}
          value={overlay.selector}
          readOnly={whyNot !== undefined}
          maxLength={SELECTOR_CHARS_MAX}
          placeholder='labels.env == "prod"'
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-invalid={problem === undefined ? undefined : true}
          aria-describedby="selector-note"
          onChange={(event) => props.onSelector(event.target.value)}
          className="h-7 min-w-0 flex-1 basis-52 rounded-md border border-n7 bg-n0 px-2 font-mono text-sm placeholder:text-n8 aria-invalid:border-bad max-md:h-10 max-md:text-[16px]"
        />
      </label>
      <span className="flex items-center">
        <IconButton
          label="Lay on earlier"
          whyNot={whyNot ?? (isFirst ? "It is the first on the base." : undefined)}
          onClick={() => props.onMove(-1)}
        >
          <ArrowLeft size={15} />
        </IconButton>
        <IconButton
          label="Lay on later"
          whyNot={whyNot ?? (isLast ? "It is the last; nothing lies on it." : undefined)}
          onClick={() => props.onMove(1)}
        >
          <ArrowRight size={15} />
        </IconButton>
        <IconButton label="Rename…" whyNot={whyNot} onClick={props.onRename}>
          <Pencil size={15} />
        </IconButton>
        <IconButton label="Remove" whyNot={whyNot} onClick={props.onRemove}>
          <Trash2 size={15} />
        </IconButton>
      </span>
      <p
        id="selector-note"
        aria-live="polite"
        className={`w-full text-sm ${problem === undefined ? "text-n8" : "text-bad"}`}
      >
        {problem?.message ?? matchWords(matches, overlay.name)}
      </p>
    </div>
  );
}
