import type { Overview, RunState } from "@flowplane/contract";
import { RUN_LOOK, type Tone } from "../../api/states.ts";
import { counted, number } from "../../lib/units.ts";
import { StateShape } from "../../ui/StateMark.tsx";

const TONES = ["bad", "attention", "busy", "off", "ok"] as const satisfies readonly Tone[];
const TONE_WORD: Readonly<Record<Tone, string>> = {
  ok: "Succeeded",
  busy: "Running",
  attention: "Stopping",
  bad: "Failed",
  off: "Queued or stopped",
};
const FILL: Readonly<Record<Tone, string>> = {
  ok: "bg-ok",
  busy: "bg-busy",
  attention: "bg-attention",
  bad: "bg-bad",
  off: "bg-n6",
};
const hourFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** One column an hour, stacked by how the runs went. Its numbers are in the title of each column and in the text below. */
export function RunStrip({ hours }: { hours: Overview["runs"] }) {
  const columns = hours.map(({ hour, states }) => ({ hour, tones: byTone(states) }));
  const totals = sumTones(columns.map(({ tones }) => tones));
  const most = Math.max(1, ...columns.map(({ tones }) => total(tones)));
  if (total(totals) === 0) return <p className="text-n8">Nothing ran in the last 24 hours.</p>;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex h-20 items-end gap-1" role="img" aria-label={describe(totals)}>
        {columns.map(({ hour, tones }) => (
          <div
            key={hour}
            title={`${hourFormat.format(Date.parse(hour))}: ${total(tones) === 0 ? "no run" : describe(tones)}`}
            className="flex h-full flex-1 flex-col justify-end gap-px border-b border-n4"
          >
            {TONES.filter((tone) => tones[tone] > 0).map((tone) => (
              <div
                key={tone}
                className={`${FILL[tone]} rounded-[1px]`}
                style={{ height: `${Math.max(4, (tones[tone] / most) * 100)}%` }}
              />
            ))}
          </div>
        ))}
      </div>
      <div className="flex justify-between text-xs text-n8">
        {[columns[0], columns[Math.floor(columns.length / 2)], columns.at(-1)].map((column, index) =>
          column === undefined ? null : (
            <span key={column.hour}>{index === 2 ? "now" : hourFormat.format(Date.parse(column.hour))}</span>
          ),
        )}
      </div>
      <ul className="flex flex-wrap gap-x-5 gap-y-1">
        {TONES.toReversed()
          .filter((tone) => totals[tone] > 0)
          .map((tone) => (
            <li key={tone} className="inline-flex items-center gap-1.5">
              <StateShape tone={tone} />
              {TONE_WORD[tone]} <span className="text-n8">{number(totals[tone])}</span>
            </li>
          ))}
      </ul>
    </div>
  );
}

type ToneCounts = Record<Tone, number>;

function byTone(states: Partial<Record<RunState, number>>): ToneCounts {
  const counts: ToneCounts = { ok: 0, busy: 0, attention: 0, bad: 0, off: 0 };
  for (const [state, count] of Object.entries(states)) counts[RUN_LOOK[state as RunState].tone] += count;
  return counts;
}

function sumTones(all: readonly ToneCounts[]): ToneCounts {
  const sum: ToneCounts = { ok: 0, busy: 0, attention: 0, bad: 0, off: 0 };
  for (const counts of all) for (const tone of TONES) sum[tone] += counts[tone];
  return sum;
}

function total(counts: ToneCounts): number {
  return TONES.reduce((sum, tone) => sum + counts[tone], 0);
}

function describe(counts: ToneCounts): string {
  const parts = TONES.filter((tone) => counts[tone] > 0).map(
    (tone) => `${number(counts[tone])} ${TONE_WORD[tone].toLowerCase()}`,
  );
  return `${counted(total(counts), "run")}: ${parts.join(", ")}`;
}
