import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FileSearch } from "lucide-react";
import { useCallback, useState } from "react";
import { SEVERITIES, type Incident } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { CATEGORY_WORD, incidentLook, SEVERITY_LOOK } from "../../api/states.ts";
import { useKeys } from "../../frame/keys.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FacetMenu } from "../../list/FacetMenu.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { INCIDENT_CATEGORIES, oneOf, type IncidentsSearch } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { CloseIncident } from "../incident/CloseIncident.tsx";
import { DoneWords } from "./DoneWords.tsx";

const SCOPES = [
  { value: undefined, word: "Open" },
  { value: "acknowledged", word: "Acknowledged" },
  { value: "closed", word: "Closed" },
  { value: "all", word: "All" },
] as const;
const LIST_MAX = 200;
const rowId = (incident: Incident) => incident.id;

/** The inbox: what the detector found and nobody has looked after yet comes first. */
export default function IncidentsPage() {
  const search = useSearch({ from: "/frame/incidents" });
  const navigate = useNavigate({ from: "/incidents" });
  const mayNot = useMayNot("run:write");
  const filter = filterOf(search);
  const list = useLiveList("incidentList", { query: filter }, rowId);
  const sites = useQuery(q("siteList", { query: { limit: LIST_MAX } })).data?.items ?? [];
  const jobs = useQuery(q("jobList", { query: { limit: LIST_MAX } })).data?.items ?? [];
  const [current, setCurrent] = useState<string | undefined>(undefined);
  const [closing, setClosing] = useState<Incident | undefined>(undefined);
  const acknowledge = useApi("incidentAcknowledge", { onSuccess: () => say("Acknowledged") });
  const change = useCallback(
    (part: IncidentsSearch) =>
      void navigate({ to: "/incidents", search: (now) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  const row = list.rows.find(({ id }) => id === current);
  const onRow = (act: (incident: Incident) => void) => () => {
    if (mayNot !== undefined) return say(mayNot);
    if (row === undefined) return say("Choose a row first: j and k move.");
    act(row);
  };
  useKeys([
    {
      keys: "e",
      does: "Acknowledge",
      run: onRow((incident) =>
        incident.state === "open"
          ? acknowledge.mutate({ params: { incident_id: incident.id } })
          : say("It is not open."),
      ),
    },
    {
      keys: "c",
      does: "Close the incident",
      run: onRow((incident) =>
        incident.state === "closed" ? say("It is closed already.") : setClosing(incident),
      ),
    },
  ]);
  const isFiltered = Object.entries(filter).some(([name, value]) => name !== "state" && value !== undefined);
  return (
    <FullPage
      title="Incidents"
      sentence="What looked like a loop, a stall, a storm or a runaway, with what was seen and what was done about it."
      actions={
        <Link {...paths.detect()} className={buttonClass("plain")}>
          <FileSearch size={16} aria-hidden="true" />
          Look into a saved log
        </Link>
      }
    >
      <div className="flex flex-wrap items-center gap-2 px-6 pb-3 max-md:px-4">
        <Scopes
          label="Which incidents"
          scopes={SCOPES}
          chosen={search.state === "open" ? undefined : search.state}
          onChoose={(state) => change({ state })}
        />
        <FacetMenu
          name="Category"
          chosen={search.category}
          values={INCIDENT_CATEGORIES.map((value) => ({ value, label: CATEGORY_WORD[value] }))}
          onChoose={(value) => change({ category: oneOf(value, INCIDENT_CATEGORIES) })}
        />
        <FacetMenu
          name="Severity"
          chosen={search.severity}
          values={SEVERITIES.map((value) => ({ value, label: SEVERITY_LOOK[value].word }))}
          onChoose={(value) => change({ severity: oneOf(value, SEVERITIES) })}
        />
        <FacetMenu
          name="Site"
          chosen={search.site_id}
          values={sites.map(({ id, name }) => ({ value: id, label: name }))}
          onChoose={(site_id) => change({ site_id })}
        />
        <FacetMenu
          name="Job"
          chosen={search.job_id}
          values={jobs.map(({ id, name }) => ({ value: id, label: name }))}
          onChoose={(job_id) => change({ job_id })}
        />
      </div>
      <DataList
        label="Incidents"
        noun="incident"
        list={list}
        rowId={rowId}
        link={(incident) => paths.incident(incident.id)}
        columns={COLUMNS}
        onCurrent={(incident) => setCurrent(incident.id)}
        narrow={(incident) => ({
          first: incident.title,
          second: (
            <>
              {SEVERITY_LOOK[incident.severity].word} · {incident.run_name} · <Time at={incident.opened_at} />
            </>
          ),
          aside: <StateMark {...incidentLook(incident)} />,
        })}
        empty={<Nothing search={search} isFiltered={isFiltered} />}
      />
      {closing === undefined ? null : (
        <CloseIncident incident={closing} onClose={() => setClosing(undefined)} />
      )}
    </FullPage>
  );
}

function filterOf({ state, category, severity, site_id, job_id }: IncidentsSearch) {
  return {
    state: state === "all" ? undefined : (state ?? "open"),
    category,
    severity,
    site_id,
    job_id,
  };
}

const COLUMNS: readonly Column<Incident>[] = [
  {
    name: "What was seen",
    width: "minmax(220px, 3fr)",
    cell: (incident) => (
      <span className="font-medium" title={incident.sentence}>
        {incident.title}
      </span>
    ),
  },
  {
    name: "State",
    width: "minmax(120px, 0.8fr)",
    cell: (incident) => <StateMark {...incidentLook(incident)} />,
  },
  {
    name: "Severity",
    width: "minmax(80px, 0.6fr)",
    cell: (incident) => <span className="text-n9">{SEVERITY_LOOK[incident.severity].word}</span>,
  },
  {
    name: "Category",
    width: "minmax(90px, 0.8fr)",
    cell: (incident) => <span className="text-n9">{CATEGORY_WORD[incident.category]}</span>,
  },
  {
    name: "Run",
    width: "minmax(100px, 1fr)",
    cell: (incident) => <span className="text-n9">{incident.run_name}</span>,
  },
  {
    name: "Agent",
    width: "minmax(90px, 1fr)",
    cell: (incident) => <span className="text-n9">{incident.agent_name}</span>,
  },
  {
    name: "What was done",
    width: "minmax(130px, 1.1fr)",
    cell: (incident) => <DoneWords incident={incident} />,
  },
  {
    name: "Opened",
    width: "92px",
    align: "right",
    cell: (incident) => <Time at={incident.opened_at} className="text-n9" />,
  },
];

function Nothing({ search, isFiltered }: { search: IncidentsSearch; isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty
        action={
          <Link {...paths.incidents({ state: search.state })} className={buttonClass("plain")}>
            Without the filters
          </Link>
        }
      >
        No incident matches these filters.
      </Empty>
    );
  }
  if (search.state === undefined || search.state === "open") {
    return (
      <Empty
        action={
          <Link {...paths.incidents({ state: "all" })} className={buttonClass("plain")}>
            Show all of them
          </Link>
        }
      >
        Nothing is open. Every run is watched for loops, stalls, storms and runaways; what is found appears
        here by itself, and says why in one sentence.
      </Empty>
    );
  }
  return <Empty>There is none.</Empty>;
}
