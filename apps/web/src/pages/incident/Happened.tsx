import type { IncidentDetail } from "@flowplane/contract";
import { Time } from "../../ui/Time.tsx";

export function Happened({ entries, none }: { entries: IncidentDetail["before"]; none: string }) {
  if (entries.length === 0) return <p className="text-n9">{none}</p>;
  return (
    <ol className="flex flex-col">
      {entries.map((entry, index) => (
        <li key={`${entry.at}${entry.what}`} className="relative flex gap-3 pb-3 pl-4">
          <span aria-hidden="true" className="absolute top-[7px] left-0 size-1.5 rounded-full bg-n7" />
          {index === entries.length - 1 ? null : (
            <span aria-hidden="true" className="absolute top-4 bottom-0 left-[2.5px] w-px bg-n4" />
          )}
          <div className="min-w-0">
            <p className="break-words">{entry.what}</p>
            {entry.detail === null ? null : (
              <p className="break-words text-n9 [overflow-wrap:anywhere]">{entry.detail}</p>
            )}
            <p className="text-sm text-n8">
              <Time at={entry.at} />
            </p>
          </div>
        </li>
      ))}
    </ol>
  );
}
