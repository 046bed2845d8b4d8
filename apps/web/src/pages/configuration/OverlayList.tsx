import { TEXT_LINK } from "../../ui/link.ts";
import type { ConfigurationText, PartName } from "./configurationText.ts";
import { matchWords, type Matches } from "./matchWords.ts";

interface OverlayListProps {
  readonly text: ConfigurationText;
  readonly matches: Matches | undefined;
  readonly onPart: (part: PartName) => void;
}

/** The overlays in the order in which they are laid on: for whom each is, and how many that are. */
export function OverlayList({ text, matches, onPart }: OverlayListProps) {
  if (text.overlays.length === 0)
    return (
      <p className="max-w-[68ch] text-n8">
        Every agent gets the base. An overlay changes a part of it for the agents that its condition matches.
      </p>
    );
  return (
    <ol className="flex flex-col">
      {text.overlays.map(({ name, selector }, index) => (
        <li key={name} className="flex items-baseline gap-2 border-t border-n3 py-1.5 first:border-t-0">
          <span className="w-4 shrink-0 text-right text-n8">{index + 1}</span>
          <span className="flex min-w-0 flex-col">
            <button
              type="button"
              onClick={() => onPart(name)}
              className={`${TEXT_LINK} self-start rounded-sm text-left font-medium break-all`}
            >
              {name}
            </button>
            <code className="font-mono text-sm break-words text-n9">{selector}</code>
            <span className="text-sm text-n8">{matchWords(matches, name)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
