import { counted } from "../../lib/units.ts";
import { StateShape } from "../../ui/StateMark.tsx";
import type { Checked } from "./useCheck.ts";

/** Who could not take it: "12 of 340 agents lack the receiver filelog." */
export function Reach({ checked, onId }: { checked: Checked; onId: (section: string, id: string) => void }) {
  const { check } = checked;
  if (check === undefined) return null;
  const { agents, reporting } = check.fleet;
  if (agents === 0)
    return <p className="text-n8">No Collector has enrolled yet, so nobody is there to hold it against.</p>;
  return (
    <ul className="flex flex-col gap-1">
      {check.lacks.map(({ kind, type, ids, sentence }) => (
        <li key={`${kind} ${type}`} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          <span>
            {sentence}{" "}
            {ids.map((id) => (
              <button
                key={id}
                type="button"
                onClick={() => onId(kind, id)}
                className="rounded-sm font-mono text-sm text-accent hover:underline"
              >
                {id}
              </button>
            ))}
          </span>
        </li>
      ))}
      {check.lacks.length > 0 || reporting === 0 ? null : (
        <li className="flex items-baseline gap-2">
          <StateShape tone="ok" />
          All {counted(reporting, "Collector")} that say what they are built with have every component.
        </li>
      )}
      {reporting === agents ? null : (
        <li className="flex items-baseline gap-2 text-n8">
          <StateShape tone="off" />
          {counted(agents - reporting, "Collector")} of {agents} {agents - reporting === 1 ? "does" : "do"}{" "}
          not say what {agents - reporting === 1 ? "it is" : "they are"} built with.
        </li>
      )}
    </ul>
  );
}
