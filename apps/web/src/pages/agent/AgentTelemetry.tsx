import { keepPreviousData, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { SIGNALS, type ComponentThroughput } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { useNow } from "../../lib/now.ts";
import { number } from "../../lib/units.ts";
import { TELEMETRY_RANGES, type TelemetrySearch } from "../../search.ts";
import { Empty, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Scrolls } from "../../ui/Scrolls.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { OwnLog } from "./OwnLog.tsx";
import { OwnTraces } from "./OwnTraces.tsx";
import { errorPercent, queryOf, RANGE_MS, rate } from "./throughput.ts";

const ThroughputCharts = lazy(() => import("./ThroughputCharts.tsx"));
const REREAD_MS = 10_000;
const RANGE_SCOPES = TELEMETRY_RANGES.map((range) => ({ value: range, word: range.replace(/(\d+)/, "$1 ") }));
const SIGNAL_SCOPES = [
  { value: undefined, word: "All" },
  ...SIGNALS.map((signal) => ({
    value: signal,
    word: `${signal.slice(0, 1).toUpperCase()}${signal.slice(1)}`,
  })),
];

/** What a Collector says of itself: how much comes in, goes out and waits, its own log and traces. */
export default function AgentTelemetry() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/telemetry" });
  const { range = "1h", signal, trace } = useSearch({ from: "/frame/agents/$agentId/telemetry" });
  const navigate = useNavigate({ from: "/agents/$agentId/telemetry" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const now = useNow();
  const { data, error, refetch } = useQuery({
    ...q("agentThroughput", {
      params: { agent_id: agentId },
      query: { ...queryOf(range, now), ...(signal === undefined ? {} : { signal }) },
    }),
    placeholderData: keepPreviousData,
    refetchInterval: REREAD_MS,
  });
  const change = (part: TelemetrySearch) =>
    void navigate({ to: ".", search: (before) => ({ ...before, ...part }), replace: true });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined)
    return (
      <TabPage>
        <div className="late">
          <Rows count={8} />
        </div>
      </TabPage>
    );
  const errors = errorPercent(data);
  return (
    <TabPage wide>
      {data.last_reported_at === null ? (
        <Empty>
          {agent.kind === "collector"
            ? "This Collector has not reported its own metrics. Under the supervisor, set capabilities: reports_own_metrics: true; it is then told where to send them."
            : "Only Collectors report how much data goes through them."}
        </Empty>
      ) : (
        <>
          <Section
            title="Throughput"
            aside={
              <>
                {errors === null
                  ? null
                  : `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 }).format(errors)} % refused or failed · `}
                reported <Time at={data.last_reported_at} />
              </>
            }
          >
            <div className="flex flex-wrap gap-2">
              <Scopes
                label="Time"
                scopes={RANGE_SCOPES}
                chosen={range}
                onChoose={(next) => change({ range: next === "1h" ? undefined : next })}
              />
              <Scopes
                label="Signal"
                scopes={SIGNAL_SCOPES}
                chosen={signal}
                onChoose={(next) => change({ signal: next })}
              />
            </div>
            <Suspense fallback={<Rows count={6} />}>
              <ThroughputCharts
                key={`${range}${signal ?? ""}`}
                series={data}
                range={[now - RANGE_MS[range], now]}
              />
            </Suspense>
          </Section>
          <Section title="Components, over the last five minutes">
            <Components components={data.components} />
          </Section>
        </>
      )}
      <Section title="What it logged about itself">
        <OwnLog agentId={agentId} />
      </Section>
      <Section title="Traces of its own work">
        <OwnTraces agentId={agentId} chosen={trace} onChoose={(next) => change({ trace: next })} />
      </Section>
    </TabPage>
  );
}

function Components({ components }: { components: readonly ComponentThroughput[] }) {
  if (components.length === 0) return <p className="text-n8">None reported in the last five minutes.</p>;
  return (
    <Scrolls label="Components">
      <table className="w-full min-w-[640px] border-collapse">
        <thead>
          <tr className="border-b border-n4 text-left text-sm text-n8">
            {["Component", "Kind", "Signal"].map((name) => (
              <th key={name} scope="col" className="px-3 py-1.5 font-normal">
                {name}
              </th>
            ))}
            {["Accepted", "Refused", "Sent", "Failed", "Queue"].map((name) => (
              <th key={name} scope="col" className="px-3 py-1.5 text-right font-normal">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {components.map((one) => (
            <tr
              key={`${one.kind}${one.component}${one.signal}`}
              className="border-b border-n3 last:border-b-0"
            >
              <th scope="row" className="px-3 py-1.5 text-left font-mono text-sm font-normal">
                {one.component}
              </th>
              <td className="px-3 py-1.5 text-n9">{one.kind}</td>
              <td className="px-3 py-1.5 text-n9">{one.signal}</td>
              <td className="px-3 py-1.5 text-right">{rate(one.accepted_per_second)}</td>
              <Wrong value={one.refused_per_second} />
              <td className="px-3 py-1.5 text-right">{rate(one.sent_per_second)}</td>
              <Wrong value={one.failed_per_second} />
              <td className="px-3 py-1.5 text-right text-n9">
                {one.queue_size === null
                  ? "–"
                  : `${number(one.queue_size)}${one.queue_capacity === null ? "" : ` of ${number(one.queue_capacity)}`}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
}

function Wrong({ value }: { value: number | null }) {
  return (
    <td className={`px-3 py-1.5 text-right ${value === null || value === 0 ? "text-n8" : "text-bad"}`}>
      {rate(value)}
    </td>
  );
}
