import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { placeSpans, spanTime, type OwnSpan, type OwnTrace } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Scrolls } from "../../ui/Scrolls.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const TRACES_MAX = 50;
const REREAD_MS = 10_000;
/** Deeper spans are not moved further to the right. */
const DEPTH_SHOWN = 12;
/** A span that took next to nothing is seen all the same; percent of the width. */
const BAR_MIN = 0.6;
const SCOPES = [
  { value: undefined, word: "All" },
  { value: "errors", word: "With errors" },
] as const;

interface OwnTracesProps {
  readonly agentId: string;
  readonly chosen: string | undefined;
  readonly onChoose: (traceId: string | undefined) => void;
}

/** The last traces of an agent's own work, newest first; the chosen one is drawn below its line. */
export function OwnTraces({ agentId, chosen, onChoose }: OwnTracesProps) {
  const [only, setOnly] = useState<"errors" | undefined>(undefined);
  const { data, error, refetch } = useQuery({
    ...q("agentOwnTraces", {
      params: { agent_id: agentId },
      query: { limit: TRACES_MAX, ...(only === undefined ? {} : { errors: "true" }) },
    }),
    placeholderData: keepPreviousData,
    refetchInterval: REREAD_MS,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Rows count={3} />;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex">
        <Scopes label="Traces" scopes={SCOPES} chosen={only} onChoose={setOnly} />
      </div>
      {data.items.length === 0 ? (
        <p className="text-n8">
          {only === undefined
            ? "Nothing arrived so far. Agents are offered to send traces once the organization's telemetry settings say so."
            : "No trace with an error is kept."}
        </p>
      ) : (
        <ol className="flex flex-col">
          {data.items.map((trace) => (
            <li key={trace.trace_id} className="border-t border-n3 first:border-t-0">
              <TraceLine
                trace={trace}
                isOpen={trace.trace_id === chosen}
                onToggle={() => onChoose(trace.trace_id === chosen ? undefined : trace.trace_id)}
              />
              {trace.trace_id === chosen ? <Waterfall agentId={agentId} traceId={chosen} /> : null}
            </li>
          ))}
        </ol>
      )}
      {data.next_cursor === null ? null : (
        <p className="text-sm text-n8">The last {TRACES_MAX}; older ones are kept and read over the API.</p>
      )}
    </div>
  );
}

function TraceLine({ trace, isOpen, onToggle }: { trace: OwnTrace; isOpen: boolean; onToggle: () => void }) {
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={onToggle}
      className="grid w-full grid-cols-[minmax(0,1fr)_96px_80px_112px_84px] items-baseline gap-3 py-1.5 text-left hover:bg-n2 max-md:grid-cols-[minmax(0,1fr)_80px]"
    >
      <span className="min-w-0 font-mono text-sm break-words">
        {trace.name}
        {trace.service === "" ? null : <span className="text-n8"> {trace.service}</span>}
      </span>
      <span className="text-right">{spanTime(trace.duration_us)}</span>
      <span className="text-right text-n9 max-md:hidden">{counted(trace.spans, "span")}</span>
      <span className="empty:max-md:hidden max-md:col-span-2">
        {trace.errors === 0 ? null : <StateMark tone="bad" word={counted(trace.errors, "error")} />}
      </span>
      <Time at={trace.at} className="text-right text-sm text-n8 max-md:hidden" />
    </button>
  );
}

/** One trace: each span below the one it is part of, with a bar for when it was. */
function Waterfall({ agentId, traceId }: { agentId: string; traceId: string }) {
  const { data, error, refetch } = useQuery(
    q("agentOwnTraceRead", { params: { agent_id: agentId, trace_id: traceId } }),
  );
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Rows count={3} />;
  return (
    <div className="flex flex-col gap-1 pb-3">
      <Scrolls label="Spans">
        <table className="w-full min-w-[640px] border-collapse" aria-label={`Spans of the trace ${traceId}`}>
          <thead>
            <tr className="border-b border-n4 text-left text-sm text-n8">
              <th scope="col" className="px-3 py-1 font-normal">
                Span
              </th>
              <th scope="col" className="px-3 py-1 font-normal">
                Kind
              </th>
              <th scope="col" className="px-3 py-1 text-right font-normal">
                Begins
              </th>
              <th scope="col" className="px-3 py-1 text-right font-normal">
                Took
              </th>
              <th scope="col" className="w-2/5 px-3 py-1 font-normal">
                When
              </th>
            </tr>
          </thead>
          <tbody>
            {placeSpans(data.spans).map(({ span, depth }) => (
              <tr key={span.span_id} className="border-b border-n3 align-top last:border-b-0">
                <th scope="row" className="px-3 py-1 text-left font-normal">
                  <SpanName span={span} depth={depth} />
                </th>
                <td className="px-3 py-1 text-n9">{span.kind}</td>
                <td className="px-3 py-1 text-right whitespace-nowrap text-n9">+{spanTime(span.start_us)}</td>
                <td className="px-3 py-1 text-right whitespace-nowrap">{spanTime(span.duration_us)}</td>
                <td className="px-3 py-1">
                  <Bar span={span} wholeUs={data.duration_us} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
      {data.left_out === 0 ? null : (
        <p className="text-sm text-n8">{counted(data.left_out, "later span")} left out.</p>
      )}
    </div>
  );
}

function SpanName({ span, depth }: { span: OwnSpan; depth: number }) {
  const attributes = Object.entries(span.attributes);
  return (
    <div className="flex flex-col gap-0.5" style={{ paddingLeft: `${Math.min(depth, DEPTH_SHOWN) * 14}px` }}>
      {attributes.length === 0 ? (
        <span className="font-mono text-sm break-words">{span.name}</span>
      ) : (
        <details>
          <summary className="font-mono text-sm break-words">{span.name}</summary>
          <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 pl-4 font-mono text-xs text-n8">
            {attributes.map(([key, value]) => (
              <div key={key} className="contents">
                <dt>{key}</dt>
                <dd className="break-words">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {span.status === "error" ? (
        <StateMark tone="bad" word={span.status_message === "" ? "Error" : `Error: ${span.status_message}`} />
      ) : null}
    </div>
  );
}

/** Begin and length stand beside it in words. */
function Bar({ span, wholeUs }: { span: OwnSpan; wholeUs: number }) {
  const percent = (us: number) => (wholeUs === 0 ? 0 : (100 * us) / wholeUs);
  const width = Math.min(100, Math.max(BAR_MIN, percent(span.duration_us)));
  const left = Math.min(percent(span.start_us), 100 - width);
  return (
    <div aria-hidden="true" className="relative mt-1.5 h-2 rounded-sm bg-n2">
      <div
        className={`absolute inset-y-0 rounded-sm ${span.status === "error" ? "bg-bad" : "bg-busy"}`}
        style={{ left: `${left}%`, width: `${width}%` }}
      />
    </div>
  );
}
