import { X } from "lucide-react";
import { ROLLOUT_AGENT_STATES, type Rollout } from "@flowplane/contract";
import { REASON_WORD, ROLLOUT_AGENT_LOOK } from "../../api/rollouts.ts";
import { number } from "../../lib/units.ts";
import type { RolloutSearch } from "../../search.ts";
import { StateShape } from "../../ui/StateMark.tsx";

interface VerdictsProps {
  readonly rollout: Rollout;
  readonly search: RolloutSearch;
  readonly onFilter: (part: RolloutSearch) => void;
}

/** How many agents are in which state, of the whole rollout or of the chosen wave; a click shows them. */
export function Verdicts({ rollout, search, onFilter }: VerdictsProps) {
  const wave = search.wave === undefined ? undefined : rollout.waves[search.wave - 1];
  const counts = wave?.counts ?? rollout.counts;
  return (
    <div role="group" aria-label="Agents by state" className="flex flex-wrap items-center gap-x-0.5">
      {ROLLOUT_AGENT_STATES.filter((state) => counts[state] > 0 || search.state === state).map((state) => {
        const { tone, word } = ROLLOUT_AGENT_LOOK[state];
        const chosen = search.state === state;
        return (
          <button
            key={state}
            type="button"
            aria-pressed={chosen}
            onClick={() => onFilter({ state: chosen ? undefined : state })}
            className="flex h-8 items-center gap-1.5 rounded-md px-1.5 text-n9 hover:bg-n2 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-9"
          >
            <StateShape tone={tone} />
            {word}
            <span className="text-n8">{number(counts[state])}</span>
          </button>
        );
      })}
      {search.wave === undefined ? null : (
        <Chip onRemove={() => onFilter({ wave: undefined })}>Wave {search.wave} only</Chip>
      )}
      {search.reason_code === undefined ? null : (
        <Chip onRemove={() => onFilter({ reason_code: undefined })}>{REASON_WORD[search.reason_code]}</Chip>
      )}
    </div>
  );
}

function Chip({ children, onRemove }: { children: React.ReactNode; onRemove: () => void }) {
  return (
    <button
      type="button"
      onClick={onRemove}
      className="ml-1 flex h-7 items-center gap-1 rounded-md border border-accent bg-accent-soft pr-1.5 pl-2 font-medium text-accent max-md:h-9"
    >
      {children}
      <X size={14} aria-hidden="true" />
      <span className="sr-only">, remove this filter</span>
    </button>
  );
}
