import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useCallback } from "react";
import { RUN_STATES } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { RUN_LOOK } from "../../api/states.ts";
import { FacetMenu } from "../../list/FacetMenu.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { paths } from "../../paths.ts";
import { oneOf, type RunsSearch } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { RunGroups } from "./RunGroups.tsx";
import { RunTable } from "./RunTable.tsx";

const SCOPES = [
  { value: undefined, word: "All" },
  { value: "true", word: "Active" },
  { value: "false", word: "Ended" },
] as const;
const GROUPINGS = [
  { value: undefined, word: "Runs" },
  { value: "job", word: "By job" },
] as const;
const JOBS_MAX = 200;
const AGENTS_MAX = 200;

export default function RunsPage() {
  const search = useSearch({ from: "/frame/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const mayNotLaunch = useMayNot("run:write");
  const jobs = useQuery(q("jobList", { query: { limit: JOBS_MAX } })).data?.items ?? [];
  const agents = useQuery(q("agentList", { query: { kind: "site", limit: AGENTS_MAX } })).data?.items ?? [];
  const change = useCallback(
    (part: RunsSearch) =>
      void navigate({ to: "/runs", search: (now) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  const isFiltered = Object.values(filterOf(search)).some((value) => value !== undefined);
  return (
    <FullPage
      title="Runs"
      actions={
        <Button
          look="primary"
          icon={<Play size={16} />}
          whyNot={mayNotLaunch}
          onClick={() => void navigate(paths.launchRun())}
        >
          Launch a run
        </Button>
      }
    >
      <div className="flex flex-wrap items-center gap-2 px-6 pb-3 max-md:px-4">
        <Scopes
          label="Which runs"
          scopes={SCOPES}
          chosen={search.active}
          onChoose={(active) => change({ active, state: undefined })}
        />
        <Scopes
          label="One row each"
          scopes={GROUPINGS}
          chosen={search.group}
          onChoose={(group) => change({ group })}
        />
        <FacetMenu
          name="State"
          chosen={search.state}
          values={RUN_STATES.map((state) => ({ value: state, label: RUN_LOOK[state].word }))}
          onChoose={(state) => change({ state: oneOf(state, RUN_STATES), active: undefined })}
        />
        <FacetMenu
          name="Job"
          chosen={search.job_id}
          values={jobs.map(({ id, name }) => ({ value: id, label: name }))}
          onChoose={(job_id) => change({ job_id })}
        />
        <FacetMenu
          name="Agent"
          chosen={search.agent_id}
          values={agents.map(({ id, name }) => ({ value: id, label: name }))}
          onChoose={(agent_id) => change({ agent_id })}
        />
        <div className="flex min-w-56 flex-1">
          <FilterInput
            label="Filter runs"
            placeholder="Name, command or argument…"
            value={search.q ?? ""}
            onChange={useCallback((q: string) => change({ q: q === "" ? undefined : q }), [change])}
          />
        </div>
      </div>
      {search.group === "job" ? (
        <RunGroups filter={filterOf(search)} empty={isFiltered ? <NoneMatch /> : <NoRuns />} />
      ) : (
        <RunTable filter={filterOf(search)} empty={isFiltered ? <NoneMatch /> : <NoRuns />} />
      )}
    </FullPage>
  );
}

function filterOf({ q, state, active, agent_id, job_id }: RunsSearch): RunsSearch {
  return { q, state, active, agent_id, job_id };
}

function NoneMatch() {
  return (
    <Empty
      action={
        <Link {...paths.runs()} className={buttonClass("plain")}>
          Show all runs
        </Link>
      }
    >
      No run matches this filter.
    </Empty>
  );
}

function NoRuns() {
  const navigate = useNavigate();
  const mayNotLaunch = useMayNot("run:write");
  return (
    <Empty
      action={
        <Button look="primary" whyNot={mayNotLaunch} onClick={() => void navigate(paths.launchRun())}>
          Launch the first run
        </Button>
      }
    >
      Nothing has run yet. A run is one command on one agent, with its output kept and watched. From a
      terminal: <code className="font-mono text-sm">npx flowplane run -- echo hello</code>
    </Empty>
  );
}
