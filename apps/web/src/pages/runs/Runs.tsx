import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useCallback } from "react";
import { RUN_STATES } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { RUN_LOOK } from "../../api/states.ts";
import { FacetMenu } from "../../list/FacetMenu.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { paths } from "../../paths.ts";
import { oneOf, type RunsSearch } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { RunTable } from "./RunTable.tsx";

const SCOPES = [
  { active: undefined, word: "All" },
  { active: "true", word: "Active" },
  { active: "false", word: "Ended" },
] as const;

export default function RunsPage() {
  const search = useSearch({ from: "/frame/runs" });
  const navigate = useNavigate({ from: "/runs" });
  const mayNotLaunch = useMayNot("run:write");
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
        <div role="group" aria-label="Which runs" className="flex rounded-md border border-n5 p-0.5">
          {SCOPES.map(({ active, word }) => (
            <button
              key={word}
              type="button"
              aria-pressed={search.active === active}
              onClick={() => change({ active, state: undefined })}
              className="h-6.5 rounded-sm px-2.5 text-n9 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-8"
            >
              {word}
            </button>
          ))}
        </div>
        <FacetMenu
          name="State"
          chosen={search.state}
          values={RUN_STATES.map((state) => ({ value: state, label: RUN_LOOK[state].word }))}
          onChoose={(state) => change({ state: oneOf(state, RUN_STATES), active: undefined })}
        />
        {search.agent_id === undefined ? null : (
          <button
            type="button"
            onClick={() => change({ agent_id: undefined })}
            className="h-8 rounded-md border border-accent bg-accent-soft px-2.5 font-medium text-accent"
          >
            On one agent ×
          </button>
        )}
        <div className="flex min-w-56 flex-1">
          <FilterInput
            label="Filter runs"
            placeholder="Name, command or argument…"
            value={search.q ?? ""}
            onChange={useCallback((q: string) => change({ q: q === "" ? undefined : q }), [change])}
          />
        </div>
      </div>
      <RunTable filter={filterOf(search)} showAgent empty={isFiltered ? <NoneMatch /> : <NoRuns />} />
    </FullPage>
  );
}

function filterOf({ q, state, active, agent_id }: RunsSearch): RunsSearch {
  return { q, state, active, agent_id };
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
