import type { RolloutCounts } from "@flowplane/contract";
import { PROGRESS } from "../../api/rollouts.ts";
import { number } from "../../lib/units.ts";
import { TONE_FILL } from "../../ui/toneFill.ts";

/** How far a rollout is, as one thin bar; the numbers stand beside it. */
export function ProgressBar({ counts, agents }: { counts: RolloutCounts; agents: number }) {
  const done = counts.passed + counts.skipped;
  return (
    <span className="flex items-center gap-2">
      <span aria-hidden="true" className="flex h-1.5 min-w-12 flex-1 gap-px overflow-hidden rounded-sm bg-n3">
        {PROGRESS.map(({ tone, states }) => {
          const count = states.reduce((sum, state) => sum + counts[state], 0);
          return count === 0 || tone === "off" ? null : (
            <span
              key={tone}
              className={TONE_FILL[tone]}
              style={{ width: `${(count / agents) * 100}%`, minWidth: 2 }}
            />
          );
        })}
      </span>
      <span className="whitespace-nowrap text-n9">
        {number(done)} <span className="text-n8">of {number(agents)}</span>
      </span>
    </span>
  );
}
