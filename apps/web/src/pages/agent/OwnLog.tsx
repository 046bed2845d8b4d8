import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { OwnLogRecord } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import type { Tone } from "../../api/states.ts";
import { clockTime } from "../../lib/time.ts";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const RECORDS_MAX = 100;
const REREAD_MS = 10_000;
/** OTLP severity numbers where each level begins. */
const LEVELS = [
  { from: 17, word: "Error", tone: "bad" },
  { from: 13, word: "Warning", tone: "attention" },
  { from: 9, word: "Info", tone: "off" },
  { from: 1, word: "Debug", tone: "off" },
] as const satisfies readonly { from: number; word: string; tone: Tone }[];
const SCOPES = [
  { value: undefined, word: "All" },
  { value: "13", word: "Warnings" },
  { value: "17", word: "Errors" },
] as const;

/** The last lines a Collector logged about itself, newest first. */
export function OwnLog({ agentId }: { agentId: string }) {
  const [least, setLeast] = useState<"13" | "17" | undefined>(undefined);
  const { data, error, refetch } = useQuery({
    ...q("agentOwnLogs", {
      params: { agent_id: agentId },
      query: { limit: RECORDS_MAX, severity_min: Number(least ?? 0) },
    }),
    placeholderData: keepPreviousData,
    refetchInterval: REREAD_MS,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Rows count={4} />;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex">
        <Scopes label="Severity" scopes={SCOPES} chosen={least} onChoose={setLeast} />
      </div>
      {data.items.length === 0 ? (
        <p className="text-n8">
          {least === undefined
            ? "Nothing arrived so far. A supervisor sends its log when reports_own_logs is true."
            : "Nothing of that severity is kept."}
        </p>
      ) : (
        <ol className="flex flex-col">
          {data.items.map((record, index) => (
            // Records carry no id, and two of one moment may be equal.
            // oxlint-disable-next-line react/no-array-index-key
            <Line key={`${record.at}${index}`} record={record} />
          ))}
        </ol>
      )}
      {data.next_cursor === null ? null : (
        <p className="text-sm text-n8">The last {RECORDS_MAX}; older ones are kept and read over the API.</p>
      )}
    </div>
  );
}

function Line({ record }: { record: OwnLogRecord }) {
  const level = LEVELS.find(({ from }) => record.severity >= from);
  const attributes = Object.entries(record.attributes);
  return (
    <li className="grid grid-cols-[104px_88px_minmax(0,1fr)_84px] items-baseline gap-3 border-t border-n3 py-1 first:border-t-0 max-md:grid-cols-[88px_minmax(0,1fr)]">
      <time dateTime={record.at} className="font-mono text-xs text-n8 max-md:hidden">
        {clockTime(Date.parse(record.at))}
      </time>
      <StateMark tone={level?.tone ?? "off"} word={level?.word ?? "–"} />
      <span className="min-w-0 font-mono text-xs break-words">
        {record.body}
        {attributes.length === 0 ? null : (
          <span className="text-n8">
            {" "}
            {attributes
              .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
              .join(" ")}
          </span>
        )}
      </span>
      <Time at={record.at} className="text-right text-sm text-n8 max-md:hidden" />
    </li>
  );
}
