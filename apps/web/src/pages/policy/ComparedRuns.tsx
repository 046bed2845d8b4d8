import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { RUN_STATES, type PolicyComparison } from "@flowplane/contract";
import { CATEGORY_WORD, RUN_LOOK, type Tone } from "../../api/states.ts";
import { duration } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { oneOf } from "../../search.ts";
import { Scrolls } from "../../ui/Scrolls.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

type ComparedRun = PolicyComparison["runs"][number];
const VERDICT: Readonly<Record<ComparedRun["verdict"], { word: string; tone: Tone }>> = {
  newly_stopped: { word: "Would be stopped", tone: "attention" },
  stopped_earlier: { word: "Stopped earlier", tone: "ok" },
  stopped_later: { word: "Stopped later", tone: "attention" },
  no_longer_stopped: { word: "No longer stopped", tone: "busy" },
  same: { word: "The same", tone: "off" },
  not_replayable: { word: "Not replayable", tone: "off" },
};
const SCOPES = [
  { value: undefined, word: "That differ" },
  { value: "all", word: "All" },
] as const;

export function ComparedRuns({ runs }: { runs: readonly ComparedRun[] }) {
  const [scope, setScope] = useState<"all" | undefined>(undefined);
  const shown = scope === "all" ? runs : runs.filter(({ verdict }) => verdict !== "same");
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <Scopes label="Which runs" scopes={SCOPES} chosen={scope} onChoose={setScope} />
        <span className="text-sm text-n8">{counted(shown.length, "run")}</span>
      </div>
      {shown.length === 0 ? (
        <p className="text-n9">No run would have gone otherwise.</p>
      ) : (
        <Scrolls label="Compared runs">
          <table className="w-full text-left whitespace-nowrap">
            <thead className="text-sm text-n8">
              <tr className="h-8 border-b border-n4 [&>th]:px-3 [&>th]:font-normal">
                <th>Run</th>
                <th>Ended</th>
                <th>Verdict</th>
                <th>Category</th>
                <th>Now</th>
                <th>Would be</th>
                <th className="text-right">Spared</th>
                <th className="text-right">Lost</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((run) => (
                <Row key={run.run_id} run={run} />
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
    </div>
  );
}

function Row({ run }: { run: ComparedRun }) {
  const state = oneOf(run.state, RUN_STATES);
  return (
    <tr className="h-8 border-t border-n3 first:border-t-0 hover:bg-n1 [&>td]:px-3">
      <td>
        <Link {...paths.run(run.run_id)} className="font-medium hover:underline">
          {run.run_name}
        </Link>
      </td>
      <td>
        <span className="inline-flex items-baseline gap-2">
          {state === undefined ? run.state : <StateMark {...RUN_LOOK[state]} />}
          {run.ended_at === null ? null : <Time at={run.ended_at} className="text-sm text-n8" />}
        </span>
      </td>
      <td title={run.detail ?? ""}>
        <StateMark {...VERDICT[run.verdict]} />
      </td>
      <td className="text-n9">{run.category === null ? "–" : CATEGORY_WORD[run.category]}</td>
      <td className="text-n9">{run.base_action?.replaceAll("_", " ") ?? "nothing"}</td>
      <td className="text-n9">{run.candidate_action?.replaceAll("_", " ") ?? "nothing"}</td>
      <td className="text-right text-n9">{run.saved_ms === null ? "–" : duration(run.saved_ms)}</td>
      <td className={`text-right ${run.cost_ms === null ? "text-n9" : "text-bad"}`}>
        {run.cost_ms === null ? "–" : duration(run.cost_ms)}
      </td>
    </tr>
  );
}
