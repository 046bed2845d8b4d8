import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useCallback, useSyncExternalStore } from "react";
import type { Agent, ListedAgent } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { DELIVERY_LOOK } from "../../api/delivery.ts";
import { agentLook, KIND_WORD } from "../../api/states.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { useSelection } from "../../list/useSelection.ts";
import { paths } from "../../paths.ts";
import type { AgentsSearch, AgentSort } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { AGENT_COLUMNS, columnsOf } from "./agentColumns.ts";
import { AgentFacets } from "./AgentFacets.tsx";
import { ColumnsMenu } from "./ColumnsMenu.tsx";
import { SelectionBar } from "./SelectionBar.tsx";
import { shownColumns } from "./shownColumns.ts";
import { ViewsMenu } from "./ViewsMenu.tsx";

const SITES_MAX = 200;
const rowId = (agent: ListedAgent) => agent.id;

export default function AgentsPage() {
  const search = useSearch({ from: "/frame/agents" });
  const navigate = useNavigate({ from: "/agents" });
  const { sort = "name", order = "asc" } = search;
  const filter = filterOf(search);
  const list = useLiveList("agentList", { query: { ...filter, sort, order } }, rowId);
  const selection = useSelection(list, rowId, JSON.stringify(filter));
  const facets = useQuery({ ...q("agentFacets", { query: filter }), placeholderData: keepPreviousData }).data;
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items ?? [];
  const shown = columnsOf(useSyncExternalStore(shownColumns.subscribe, shownColumns.get));
  const mayNotAdd = useMayNot("token:write");
  const change = useCallback(
    (part: AgentsSearch) =>
      void navigate({ to: "/agents", search: (now) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return (
    <FullPage
      title="Agents"
      actions={
        <Button
          look="primary"
          icon={<Plus size={16} />}
          whyNot={mayNotAdd}
          onClick={() => void navigate(paths.addAgent())}
        >
          Add agent
        </Button>
      }
    >
      <div className="flex flex-col gap-2 px-6 pb-3 max-md:px-4">
        <div className="flex gap-2">
          <FilterInput
            label="Filter agents"
            placeholder="Name, host, kind:collector version:0.159.0 label.env=prod…"
            value={search.q ?? ""}
            onChange={useCallback((q: string) => change({ q: q === "" ? undefined : q }), [change])}
          />
          <ColumnsMenu />
          <ViewsMenu search={search} onChoose={(view) => void navigate({ to: "/agents", search: view })} />
        </div>
        <AgentFacets facets={facets} search={search} onChange={change} />
      </div>
      {selection.count === 0 ? null : (
        <SelectionBar selection={selection} filter={filter} total={list.total} />
      )}
      <DataList
        label="Agents"
        selection={{ ...selection, nameOf: (agent) => agent.name }}
        noun="agent"
        list={list}
        rowId={rowId}
        link={(agent) => paths.agent(agent.id)}
        columns={columns(sort, order, sites, change).filter(
          ({ name }) => shown.some((column) => column === name) || !isOptional(name),
        )}
        narrow={(agent) => ({
          first: agent.name,
          second: (
            <>
              {KIND_WORD[agent.kind]} · {agent.hostname ?? "no host yet"} · <Time at={agent.last_seen_at} />
            </>
          ),
          aside: <StateMark {...agentLook(agent)} />,
        })}
        empty={isFiltered ? <NoneMatch /> : <NoAgents />}
      />
    </FullPage>
  );
}

function filterOf({ q, kind, state, site_id }: AgentsSearch) {
  return { q, kind, state, site_id };
}

function isOptional(name: string): boolean {
  return AGENT_COLUMNS.some((column) => column === name);
}

function columns(
  sort: AgentSort,
  order: "asc" | "desc",
  sites: readonly { readonly id: string; readonly name: string }[],
  change: (part: AgentsSearch) => void,
): readonly Column<ListedAgent>[] {
  const sortBy = (key: AgentSort) => ({
    direction: sort === key ? order : undefined,
    toggle: () => change({ sort: key, order: sort === key && order === "asc" ? "desc" : "asc" }),
  });
  return [
    {
      name: "Name",
      width: "minmax(150px, 1.7fr)",
      sort: sortBy("name"),
      cell: (agent) => <span className="font-medium">{agent.name}</span>,
    },
    {
      name: "State",
      width: "minmax(164px, 1.1fr)",
      sort: sortBy("state"),
      cell: (agent) => (
        <span title={agent.connection_change?.sentence}>
          <StateMark {...agentLook(agent)} />
        </span>
      ),
    },
    { name: "Kind", width: "minmax(76px, 0.7fr)", cell: (agent) => <Quiet>{KIND_WORD[agent.kind]}</Quiet> },
    {
      name: "Site",
      width: "minmax(80px, 0.9fr)",
      cell: (agent) => <Quiet>{sites.find(({ id }) => id === agent.site_id)?.name ?? "–"}</Quiet>,
    },
    {
      name: "Host",
      width: "minmax(100px, 1.3fr)",
      cell: (agent) => <Quiet title={agent.hostname ?? ""}>{agent.hostname ?? "–"}</Quiet>,
    },
    {
      name: "OS",
      width: "minmax(80px, 0.9fr)",
      cell: (agent) => <Quiet title={agent.os ?? ""}>{agent.os ?? "–"}</Quiet>,
    },
    {
      name: "Version",
      width: "minmax(72px, 0.7fr)",
      sort: sortBy("version"),
      cell: (agent) => <Quiet>{agent.version ?? "–"}</Quiet>,
    },
    {
      name: "Configuration",
      width: "minmax(150px, 1.7fr)",
      cell: (agent) => <Assigned configuration={agent.configuration} />,
    },
    {
      name: "Labels",
      width: "minmax(100px, 1.5fr)",
      cell: (agent) => <Labels labels={agent.labels} />,
    },
    {
      name: "Last seen",
      width: "minmax(84px, 0.8fr)",
      sort: sortBy("last_seen_at"),
      cell: (agent) => <Time at={agent.last_seen_at} className="text-n9" />,
    },
  ];
}

function Quiet({ children, title }: { children: React.ReactNode; title?: string }) {
  return (
    <span className="text-n9" title={title}>
      {children}
    </span>
  );
}

/** What it should run; how far that has come is told only where it has not arrived. */
function Assigned({ configuration }: Pick<ListedAgent, "configuration">) {
  if (configuration === null) return <Quiet>–</Quiet>;
  const { name, version, state } = configuration;
  const look = DELIVERY_LOOK[state];
  return (
    <span className="flex min-w-0 items-center gap-2" title={`${name} v${version}: ${look.word}`}>
      <span className="truncate">
        {name} <span className="text-n8">v{version}</span>
      </span>
      {state === "in_sync" ? null : (
        // A name that is cut can be guessed; half a state cannot.
        <span className="shrink-0">
          <StateMark {...look} />
        </span>
      )}
    </span>
  );
}

function Labels({ labels }: { labels: Agent["labels"] }) {
  const text = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join("  ");
  return (
    <span className="font-mono text-xs text-n8" title={text}>
      {text}
    </span>
  );
}

function NoneMatch() {
  return (
    <Empty
      action={
        <Link {...paths.agents()} className={buttonClass("plain")}>
          Show all agents
        </Link>
      }
    >
      No agent matches this filter.
    </Empty>
  );
}

function NoAgents() {
  const navigate = useNavigate();
  const mayNotAdd = useMayNot("token:write");
  return (
    <Empty
      action={
        <Button look="primary" whyNot={mayNotAdd} onClick={() => void navigate(paths.addAgent())}>
          Add the first agent
        </Button>
      }
    >
      No agent has enrolled yet. An agent is a small process on a machine of yours; it connects outward, so no
      port has to be opened. Adding one is a single line to paste there.
    </Empty>
  );
}
