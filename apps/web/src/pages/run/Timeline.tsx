import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { isTerminal, type Run, type RunEvent } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { Time } from "../../ui/Time.tsx";
import { WaitingWords } from "../agent/AgentSentence.tsx";

const EVENTS_MAX = 200;

/** Everything that happened to a run, oldest first: states, decisions, interventions, people. */
export function Timeline({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(
    q("runEvents", { params: { run_id: run.id }, query: { limit: EVENTS_MAX } }),
  );
  if (error !== null && data === undefined) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) {
    return (
      <div className="late">
        <Rows count={3} />
      </div>
    );
  }
  const hasEnded = isTerminal(run.state);
  return (
    <ol className="flex flex-col">
      {data.items.map((event, index) => (
        <li key={event.id} className="relative flex gap-3 pb-3 pl-4">
          <span
            aria-hidden="true"
            className={`absolute top-[7px] left-0 size-1.5 rounded-full ${dotOf(event)}`}
          />
          {index === data.items.length - 1 && hasEnded ? null : (
            <span aria-hidden="true" className="absolute top-4 bottom-0 left-[2.5px] w-px bg-n4" />
          )}
          <div className="min-w-0">
            <p className="break-words">
              <EventTitle event={event} />
            </p>
            {event.reason === null || isTold(event.reason, data.items.slice(0, index)) ? null : (
              <p className="break-words text-n9">{reasonWords(event)}</p>
            )}
            <p className="text-sm text-n8">
              <Time at={event.at} />
              {event.actor.type === "system" ? "" : ` · ${event.actor.name}`}
            </p>
          </div>
        </li>
      ))}
      {hasEnded ? null : (
        <li className="relative pl-4 text-n8">
          <span
            aria-hidden="true"
            className="absolute top-[6px] -left-px size-2 rounded-full border-2 border-busy"
          />
          {run.waiting === null ? (
            "Goes on"
          ) : (
            <span className="[&]:first-letter:uppercase">
              Now
              <WaitingWords waiting={run.waiting} />
            </span>
          )}
        </li>
      )}
    </ol>
  );
}

function EventTitle({ event }: { event: RunEvent }) {
  const { incident_id: incidentId } = event.payload;
  return typeof incidentId === "string" ? (
    <Link {...paths.incident(incidentId)} className={TEXT_LINK}>
      {event.title}
    </Link>
  ) : (
    event.title
  );
}

/** Whether an event before it said the same: stopping and stopped repeat the words of their incident. */
function isTold(reason: string, before: readonly RunEvent[]): boolean {
  const words = reason.replace(/\.$/, "");
  return before.some((event) => event.reason !== null && words.endsWith(event.reason.replace(/\.$/, "")));
}

/** What a person said stands in quotes. */
function reasonWords({ actor, reason }: RunEvent): string {
  return actor.type === "user" || actor.type === "api_token" ? `“${reason ?? ""}”` : (reason ?? "");
}

function dotOf({ type, payload }: RunEvent): string {
  if (type === "incident.opened") return payload.severity === "critical" ? "bg-bad" : "bg-attention";
  return type === "incident.intervention" ? "bg-accent" : "bg-n7";
}
