import type { Incident } from "@flowplane/contract";
import { ACTION_WORD, OUTCOME_LOOK } from "../../api/states.ts";

/** What was done beyond telling, in two words; why is in the title. */
export function DoneWords({ incident }: { incident: Pick<Incident, "interventions"> }) {
  const last = incident.interventions.findLast(({ action }) => action !== "notify");
  if (last === undefined) return <span className="text-n8">Told only</span>;
  return (
    <span className="text-n9" title={last.why}>
      {ACTION_WORD[last.action]}, {OUTCOME_LOOK[last.outcome].word.toLowerCase()}
    </span>
  );
}
