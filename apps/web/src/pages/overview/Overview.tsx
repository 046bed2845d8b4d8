import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import type { Overview, Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { agentStatesOf, AGENT_LOOK } from "../../api/states.ts";
import { joinCommand } from "../../lib/argv.ts";
import { counted, number } from "../../lib/units.ts";
import { pathOfResource, paths } from "../../paths.ts";
import { Page, Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { RunDuration, RunState } from "../runs/RunWords.tsx";
import { Checklist } from "./Checklist.tsx";
import { RunStrip } from "./RunStrip.tsx";

const overview = q("overview", {});
const RECENT_RUNS = 8;

export default function OverviewPage() {
  const { data } = useSuspenseQuery(overview);
  const { agent_enrolled, first_run, first_collector } = data.checklist;
  return (
    <Page title="Overview" sentence={data.sentence}>
      {agent_enrolled && first_run && first_collector ? null : <Checklist done={data.checklist} />}
      <Needs needs={data.needs} />
      <Fleet agents={data.agents} />
      <Section
        title="Runs of the last 24 hours"
        aside={
          <Link
            {...paths.runs({ active: "true" })}
            className="underline decoration-n6 underline-offset-2 hover:text-n10"
          >
            {counted(data.runs_active, "run")} active now
          </Link>
        }
      >
        <RunStrip hours={data.runs} />
      </Section>
      <RecentRuns />
    </Page>
  );
}

const NEED_ACTION: Readonly<Record<Overview["needs"][number]["kind"], string>> = {
  agent_pending: "Approve or revoke",
  agent_offline: "Look",
  agent_unhealthy: "See its health",
  certificate_expiring: "See its identity",
  token_expiring: "See the token",
  run_failed_stop: "See the run",
  incident: "See the incident",
  detection_fallback: "See the site",
  rollout_paused: "Resume or roll back",
  rollout_approval: "Approve",
  rollout_rolled_back: "See why",
};

/** Everything that waits for a person, worst first. */
function Needs({ needs }: { needs: Overview["needs"] }) {
  return (
    <Section title="Needs you">
      {needs.length === 0 ? (
        <p className="flex items-center gap-2 text-n9">
          <StateShape tone="ok" /> Nothing waits for you.
        </p>
      ) : (
        <ul className="flex flex-col overflow-hidden rounded-md border border-n4">
          {needs.map((need) => (
            <li key={`${need.kind}${need.id}`} className="border-t border-n4 first:border-t-0">
              <Link
                {...(pathOfResource(need.resource, need.id) ?? paths.overview())}
                className="flex min-h-10 items-center gap-3 px-3 py-1.5 hover:bg-n1 focus-visible:-outline-offset-2"
              >
                <StateShape tone={need.severity} />
                <span className="min-w-0 flex-1">
                  {need.title}
                  <span className="text-n8">
                    {" · "}
                    <Time at={need.since} />
                  </span>
                </span>
                <span className="inline-flex items-center gap-1 whitespace-nowrap text-accent max-md:hidden">
                  {NEED_ACTION[need.kind]} <ChevronRight size={14} aria-hidden="true" />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const FILL = {
  ok: "bg-ok",
  busy: "bg-busy",
  attention: "bg-attention",
  bad: "bg-bad",
  off: "bg-n6",
} as const;

/** The fleet as one bar by state; a click filters. */
function Fleet({ agents }: { agents: Overview["agents"] }) {
  const parts = agentStatesOf(agents);
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  return (
    <Section
      title="Fleet"
      aside={
        <Link {...paths.agents()} className="underline decoration-n6 underline-offset-2 hover:text-n10">
          {counted(total, "agent")}
        </Link>
      }
    >
      <div aria-hidden="true" className="flex h-3 gap-0.5 overflow-hidden rounded-sm">
        {parts.map(({ state, count }) => (
          <div
            key={state}
            className={FILL[AGENT_LOOK[state].tone]}
            style={{ flexGrow: count, minWidth: 3 }}
          />
        ))}
      </div>
      <ul className="flex flex-wrap gap-x-5 gap-y-1">
        {parts.map(({ state, count }) => (
          <li key={state}>
            <Link
              {...paths.agents({ state })}
              className="inline-flex items-center gap-1.5 py-0.5 hover:underline"
            >
              <StateShape tone={AGENT_LOOK[state].tone} />
              {AGENT_LOOK[state].word} <span className="text-n8">{number(count)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function RecentRuns() {
  const { data } = useQuery(q("runList", { query: { limit: RECENT_RUNS } }));
  if (data === undefined || data.items.length === 0) return null;
  return (
    <Section
      title="Latest runs"
      aside={
        <Link {...paths.runs()} className="underline decoration-n6 underline-offset-2 hover:text-n10">
          All runs
        </Link>
      }
    >
      <ul>
        {data.items.map((run) => (
          <RecentRun key={run.id} run={run} />
        ))}
      </ul>
    </Section>
  );
}

function RecentRun({ run }: { run: Run }) {
  return (
    <li className="border-t border-n3 first:border-t-0">
      <Link
        {...paths.run(run.id)}
        className="grid min-h-9 grid-cols-[minmax(0,1.2fr)_minmax(110px,0.7fr)_minmax(0,2fr)_minmax(0,1fr)_72px_84px] items-center gap-4 rounded-sm px-1 hover:bg-n1 max-md:grid-cols-[minmax(0,1fr)_auto_72px] max-md:gap-3"
      >
        <span className="truncate font-medium">{run.name}</span>
        <RunState run={run} />
        <span className="truncate font-mono text-xs text-n8 max-md:hidden">
          {joinCommand([run.command, ...run.args]).slice(0, 160)}
        </span>
        <span className="truncate text-n9 max-md:hidden">{run.agent_name}</span>
        <span className="text-right max-md:hidden">
          <RunDuration run={run} />
        </span>
        <span className="text-right text-n9">
          <Time at={run.created_at} />
        </span>
      </Link>
    </li>
  );
}
