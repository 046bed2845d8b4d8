import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Rocket } from "lucide-react";
import { ROLLOUT_STATES, type Rollout } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { ROLLOUT_LOOK } from "../../api/rollouts.ts";
import { number } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FacetMenu } from "../../list/FacetMenu.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { oneOf, type RolloutsSearch } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { ProgressBar } from "./ProgressBar.tsx";
import { Subject } from "./Subject.tsx";

const CONFIGURATIONS_MAX = 200;
const SCOPES = [
  { value: undefined, word: "All" },
  { value: "running", word: "Running" },
  { value: "paused", word: "Paused" },
] as const;
const rowId = (rollout: Rollout) => rollout.id;

export default function RolloutsPage() {
  const search = useSearch({ from: "/frame/rollouts" });
  const navigate = useNavigate({ from: "/rollouts" });
  const list = useLiveList("rolloutList", { query: search }, rowId);
  const configurations =
    useQuery(q("configurationList", { query: { limit: CONFIGURATIONS_MAX } })).data?.items ?? [];
  const change = (part: RolloutsSearch) =>
    void navigate({ to: "/rollouts", search: (now) => ({ ...now, ...part }), replace: true });
  const isFiltered = search.state !== undefined || search.configuration_id !== undefined;
  return (
    <FullPage
      title="Rollouts"
      sentence="A version is brought to agents in waves. Each wave is judged before the next one begins."
      actions={<NewRolloutButton />}
    >
      <div className="flex flex-wrap items-center gap-2 px-6 pb-3 max-md:px-4">
        <Scopes
          label="Which rollouts"
          scopes={SCOPES}
          chosen={search.state === "running" || search.state === "paused" ? search.state : undefined}
          onChoose={(state) => change({ state })}
        />
        <FacetMenu
          name="State"
          chosen={search.state}
          values={ROLLOUT_STATES.map((state) => ({ value: state, label: ROLLOUT_LOOK[state].word }))}
          onChoose={(state) => change({ state: oneOf(state, ROLLOUT_STATES) })}
        />
        <FacetMenu
          name="Configuration"
          chosen={search.configuration_id}
          values={configurations.map(({ id, name }) => ({ value: id, label: name }))}
          onChoose={(configuration_id) => change({ configuration_id })}
        />
      </div>
      <DataList
        label="Rollouts"
        noun="rollout"
        list={list}
        rowId={rowId}
        link={(rollout) => paths.rollout(rollout.id)}
        columns={COLUMNS}
        narrow={(rollout) => ({
          first: <Subject rollout={rollout} />,
          second: (
            <>
              {number(rollout.counts.passed)} of {number(rollout.agents)} passed
              {rollout.counts.failed === 0 ? "" : `, ${number(rollout.counts.failed)} failed`} ·{" "}
              <Time at={rollout.created_at} />
            </>
          ),
          aside: <StateMark {...ROLLOUT_LOOK[rollout.state]} />,
        })}
        empty={isFiltered ? <NoneMatch /> : <NoRollouts />}
      />
    </FullPage>
  );
}

const COLUMNS: readonly Column<Rollout>[] = [
  { name: "Rollout", width: "minmax(190px, 1.6fr)", cell: (rollout) => <Subject rollout={rollout} /> },
  {
    name: "State",
    width: "minmax(112px, 0.8fr)",
    cell: (rollout) => <StateMark {...ROLLOUT_LOOK[rollout.state]} />,
  },
  {
    name: "Passed",
    width: "minmax(160px, 1.3fr)",
    cell: (rollout) => <ProgressBar counts={rollout.counts} agents={rollout.agents} />,
  },
  {
    name: "Failed",
    width: "64px",
    align: "right",
    cell: ({ counts }) => (
      <span className={counts.failed === 0 ? "text-n8" : "text-bad"}>{number(counts.failed)}</span>
    ),
  },
  {
    name: "Wave",
    width: "64px",
    align: "right",
    cell: ({ wave, waves }) => (
      <span className="text-n9">{wave === null ? "–" : `${wave + 1} of ${waves.length}`}</span>
    ),
  },
  {
    name: "What it says",
    width: "minmax(150px, 2.2fr)",
    cell: (rollout) => (
      <span className="text-n9" title={`${rollout.message}\n${rollout.sentence}`}>
        {rollout.message}
      </span>
    ),
  },
  {
    name: "By",
    width: "minmax(80px, 0.8fr)",
    cell: (rollout) => <span className="text-n9">{rollout.created_by.name}</span>,
  },
  {
    name: "Begun",
    width: "84px",
    align: "right",
    cell: (rollout) => <Time at={rollout.created_at} className="text-n9" />,
  },
];

function NewRolloutButton({ word = "New rollout" }: { word?: string }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("rollout:write");
  return (
    <Button
      look="primary"
      icon={<Rocket size={16} aria-hidden="true" />}
      whyNot={mayNot}
      onClick={() => void navigate(paths.newRollout())}
    >
      {word}
    </Button>
  );
}

function NoneMatch() {
  return (
    <Empty
      action={
        <Link {...paths.rollouts()} className={buttonClass("plain")}>
          Show all rollouts
        </Link>
      }
    >
      No rollout matches this filter.
    </Empty>
  );
}

function NoRollouts() {
  const configurations = useQuery(q("configurationList", { query: { limit: 1 } })).data?.items;
  return configurations?.length === 0 ? (
    <Empty
      action={
        <Link {...paths.configurations()} className={buttonClass("primary")}>
          Write the first configuration
        </Link>
      }
    >
      Nothing was rolled out yet. First write a configuration, or import what one of your Collectors runs;
      then bring it to the others in waves that stop by themselves when agents get worse.
    </Empty>
  ) : (
    <Empty action={<NewRolloutButton word="Begin the first rollout" />}>
      Nothing was rolled out yet. A rollout brings a version of a configuration to the agents you choose, one
      at first, then more, and goes back by itself when they get worse.
    </Empty>
  );
}
