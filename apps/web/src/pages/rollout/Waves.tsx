import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import {
  ROLLOUT_AGENT_STATES,
  type Rollout,
  type RolloutAgentState,
  type RolloutWave,
} from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { ROLLOUT_AGENT_LOOK, WAVE_LOOK } from "../../api/rollouts.ts";
import { useNarrow } from "../../lib/narrow.ts";
import { counted, number } from "../../lib/units.ts";
import type { RolloutSearch } from "../../search.ts";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { layoutWaves } from "./squares.ts";
import { WaveSquares } from "./WaveSquares.tsx";

const HEIGHT_PX = 132;
const NARROW_HEIGHT_PX = 96;
const GAP_PX = 20;

interface WavesProps {
  readonly rollout: Rollout;
  readonly search: RolloutSearch;
  readonly onFilter: (part: RolloutSearch) => void;
}

/** Waves side by side, with one square an agent; on a narrow screen below each other. */
export function Waves({ rollout, search, onFilter }: WavesProps) {
  const squares = useQuery({
    ...q("rolloutSquares", { params: { rollout_id: rollout.id } }),
    placeholderData: keepPreviousData,
  }).data;
  const isNarrow = useNarrow();
  const [width, setWidth] = useState(0);
  const host = useCallback((element: HTMLElement | null) => {
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const sizes = rollout.waves.map(({ agents }) => agents);
  const layout = isNarrow
    ? stacked(sizes, width)
    : layoutWaves(sizes, { width, height: HEIGHT_PX, gap: GAP_PX });
  return (
    <div
      ref={host}
      role="group"
      aria-label="Waves"
      className="flex max-h-[300px] overflow-x-hidden overflow-y-auto max-md:max-h-[230px] max-md:flex-col"
      style={{ gap: isNarrow ? 12 : GAP_PX }}
    >
      {width === 0
        ? null
        : rollout.waves.map((wave, index) => {
            const grid = layout.waves[index];
            return grid === undefined ? null : (
              <div key={wave.index} className="flex min-w-0 flex-col gap-1.5" style={{ width: grid.width }}>
                <WaveHead
                  wave={wave}
                  of={rollout.waves.length}
                  chosen={search.wave === wave.index + 1}
                  onToggle={() =>
                    onFilter({ wave: search.wave === wave.index + 1 ? undefined : wave.index + 1 })
                  }
                />
                {squares === undefined ? null : (
                  <WaveSquares
                    letters={squares.waves[index] ?? ""}
                    stateOf={squares.letters}
                    pitch={layout.pitch}
                    columns={grid.columns}
                    rows={grid.rows}
                    label={`Wave ${wave.index + 1}: ${wordsOf(wave)}`}
                    onState={(state: RolloutAgentState) => onFilter({ state, wave: wave.index + 1 })}
                  />
                )}
              </div>
            );
          })}
    </div>
  );
}

function stacked(sizes: readonly number[], width: number) {
  const whole = layoutWaves([Math.max(...sizes)], { width, height: NARROW_HEIGHT_PX, gap: 0 });
  const columns = whole.waves[0]?.columns ?? 1;
  return {
    pitch: whole.pitch,
    waves: sizes.map((size) => ({ width, columns, rows: Math.max(1, Math.ceil(size / columns)) })),
  };
}

function WaveHead({
  wave,
  of,
  chosen,
  onToggle,
}: {
  wave: RolloutWave;
  of: number;
  chosen: boolean;
  onToggle: () => void;
}) {
  const { tone, word } = WAVE_LOOK[wave.state];
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={onToggle}
      title={`Wave ${wave.index + 1} of ${of}: ${word.toLowerCase()}, ${counted(wave.agents, "agent")}`}
      className="flex min-w-0 flex-col rounded-sm border-t-2 border-n4 pt-1 text-left hover:border-n7 aria-pressed:border-accent"
    >
      <span className="flex w-full items-center gap-1.5">
        <StateShape tone={tone} />
        <span className="font-medium whitespace-nowrap">Wave {wave.index + 1}</span>
        <span className="truncate text-n8">{number(wave.agents)}</span>
      </span>
      <span className="w-full truncate text-sm text-n8">
        <WaveWords wave={wave} />
      </span>
    </button>
  );
}

function WaveWords({ wave }: { wave: RolloutWave }) {
  if (wave.waiting !== null)
    return <span title={`waits for ${wave.waiting.for}`}>waits for {wave.waiting.for}</span>;
  if (wave.ended_at !== null)
    return (
      <>
        {WAVE_LOOK[wave.state].word.toLowerCase()} <Time at={wave.ended_at} />
      </>
    );
  if (wave.started_at !== null)
    return (
      <>
        since <Time at={wave.started_at} />
      </>
    );
  return <>not begun</>;
}

function wordsOf(wave: RolloutWave): string {
  return ROLLOUT_AGENT_STATES.filter((state) => wave.counts[state] > 0)
    .map((state) => `${number(wave.counts[state])} ${ROLLOUT_AGENT_LOOK[state].word.toLowerCase()}`)
    .join(", ");
}
