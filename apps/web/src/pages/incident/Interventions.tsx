import { Link } from "@tanstack/react-router";
import type { IncidentDetail } from "@flowplane/contract";
import { ACTION_WORD, OUTCOME_LOOK } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

export function Interventions({ incident }: { incident: IncidentDetail }) {
  if (incident.interventions.length === 0)
    return <p className="text-n9">Nothing but telling you: no policy asked for more.</p>;
  return (
    <ol className="flex flex-col overflow-hidden rounded-md border border-n4">
      {incident.interventions.map((intervention) => (
        <li
          key={`${intervention.at}${intervention.action}${intervention.outcome}`}
          className="grid grid-cols-[110px_110px_minmax(0,1fr)_auto] items-baseline gap-x-4 gap-y-0.5 border-t border-n4 px-3 py-2 first:border-t-0 max-md:grid-cols-[1fr_auto]"
        >
          <span className="font-medium">{ACTION_WORD[intervention.action]}</span>
          <StateMark {...OUTCOME_LOOK[intervention.outcome]} />
          <span className="min-w-0 break-words text-n9 first-letter:uppercase max-md:col-span-2">
            {intervention.why}
            {intervention.run_id === null ? null : (
              <>
                {" · "}
                <Link {...paths.run(intervention.run_id)} className={TEXT_LINK}>
                  the run it led to
                </Link>
              </>
            )}
          </span>
          <span className="text-sm text-n8 max-md:col-span-2">
            <Time at={intervention.at} /> · {intervention.actor.name}
          </span>
        </li>
      ))}
    </ol>
  );
}
