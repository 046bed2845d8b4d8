import type { PolicyComparison } from "@flowplane/contract";
import { duration } from "../../lib/time.ts";
import { number } from "../../lib/units.ts";

/** Both policies side by side; a wrong stop is one of a run that ended well or that somebody called wrong. */
export function ComparisonFigures({ summary }: { summary: NonNullable<PolicyComparison["summary"]> }) {
  return (
    <table className="w-full max-w-[520px] text-left">
      <thead className="text-sm text-n8">
        <tr className="h-8 border-b border-n4">
          <th className="font-normal">Of {number(summary.runs)} runs</th>
          <th className="text-right font-normal">Now</th>
          <th className="text-right font-normal">Would be</th>
        </tr>
      </thead>
      <tbody className="[&_tr]:h-8 [&_tr]:border-t [&_tr]:border-n3">
        <tr>
          <th className="font-normal">Stopped</th>
          <td className="text-right">{number(summary.base_stops)}</td>
          <td className="text-right">{number(summary.candidate_stops)}</td>
        </tr>
        <tr>
          <th className="font-normal">Stopped, though they did well</th>
          <td className="text-right">{number(summary.wrong_base)}</td>
          <td className={`text-right ${summary.wrong_candidate > summary.wrong_base ? "text-bad" : ""}`}>
            {number(summary.wrong_candidate)}
          </td>
        </tr>
        <tr>
          <th className="font-normal">Run time spared</th>
          <td className="text-right text-n8">–</td>
          <td className="text-right text-ok">{duration(summary.saved_ms)}</td>
        </tr>
        <tr>
          <th className="font-normal">Good work lost</th>
          <td className="text-right text-n8">–</td>
          <td className={`text-right ${summary.cost_ms > 0 ? "text-bad" : ""}`}>
            {duration(summary.cost_ms)}
          </td>
        </tr>
      </tbody>
    </table>
  );
}
