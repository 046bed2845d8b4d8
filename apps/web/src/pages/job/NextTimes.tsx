import type { Api, EndpointOutput } from "@flowplane/contract";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

/** When a schedule starts next, and what is odd about one of the times. */
export function NextTimes({ times }: { times: EndpointOutput<Api["schedulePreview"]>["times"] }) {
  if (times.length === 0) return <p className="text-n9">It never starts by itself: no such moment comes.</p>;
  return (
    <ol className="flex flex-col rounded-md border border-n4">
      {times.map(({ at, local, note }) => (
        <li
          key={at}
          className="flex flex-wrap items-baseline gap-x-3 border-t border-n3 px-3 py-1 first:border-t-0"
        >
          <span>{local}</span>
          <Time at={at} className="ml-auto text-n8" />
          {note === null ? null : (
            <span className="flex basis-full items-baseline gap-1.5 text-sm text-attention">
              <StateShape tone="attention" className="relative top-px" />
              {note}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}
