import { clockTime } from "../../../lib/time.ts";
import { CURVES, spread, type Curves } from "./curves.ts";
import { CURVE_LOOK } from "./curveLook.ts";

const ROWS_MAX = 60;

/** The same as the curves, in numbers: at most so many moments, evenly spread. */
export function CurveTable({ curves, onMoment }: { curves: Curves; onMoment: (ms: number) => void }) {
  return (
    <div role="region" aria-label="What it used" tabIndex={0} className="max-h-56 overflow-auto">
      <table className="w-full text-right whitespace-nowrap">
        <thead className="sticky top-0 bg-n0 text-sm text-n8">
          <tr className="[&>th]:px-2 [&>th]:font-normal">
            <th className="text-left">Time</th>
            {CURVES.map((name) => (
              <th key={name}>{CURVE_LOOK[name].word}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {spread(curves.at.length, ROWS_MAX).map((index) => (
            <tr key={curves.at[index]} className="border-t border-n3 [&>td]:px-2">
              <td className="text-left">
                <button
                  type="button"
                  className="rounded-sm hover:underline"
                  onClick={() => onMoment((curves.at[index] ?? 0) * 1_000)}
                >
                  {clockTime((curves.at[index] ?? 0) * 1_000).slice(0, 8)}
                </button>
              </td>
              {CURVES.map((name) => (
                <td key={name}>{CURVE_LOOK[name].value(curves, index)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
