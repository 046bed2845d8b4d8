import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FilePlus } from "lucide-react";
import { useCallback } from "react";
import type { Configuration } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { counted } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const rowId = (configuration: Configuration) => configuration.id;

export default function ConfigurationsPage() {
  const { q } = useSearch({ from: "/frame/configurations" });
  const navigate = useNavigate({ from: "/configurations" });
  const list = useLiveList("configurationList", { query: { q } }, rowId);
  const filter = useCallback(
    (text: string) =>
      void navigate({ to: "/configurations", search: text === "" ? {} : { q: text }, replace: true }),
    [navigate],
  );
  return (
    <FullPage
      title="Configurations"
      sentence="What Collectors run, as versions that never change. Saving one changes no agent; a rollout does."
      actions={<NewButton word="New configuration" />}
    >
      <div className="flex px-6 pb-3 max-md:px-4">
        <FilterInput
          label="Filter configurations"
          placeholder="Name or description…"
          value={q ?? ""}
          onChange={filter}
        />
      </div>
      <DataList
        label="Configurations"
        noun="configuration"
        list={list}
        rowId={rowId}
        link={(configuration) => paths.configuration(configuration.id)}
        columns={COLUMNS}
        narrow={(configuration) => ({
          first: configuration.name,
          second: configuration.description === "" ? "–" : configuration.description,
          aside: `v${configuration.current_version}`,
        })}
        empty={q === undefined ? <NoConfigurations /> : <NoneMatch />}
      />
    </FullPage>
  );
}

const COLUMNS: readonly Column<Configuration>[] = [
  {
    name: "Configuration",
    width: "minmax(150px, 1.2fr)",
    cell: ({ name }) => <span className="font-medium">{name}</span>,
  },
  {
    name: "What it is for",
    width: "minmax(160px, 2.4fr)",
    cell: ({ description }) => (
      <span className="text-n9" title={description}>
        {description === "" ? "–" : description}
      </span>
    ),
  },
  {
    name: "Version",
    width: "72px",
    align: "right",
    cell: ({ current_version }) => <span className="text-n9">{current_version}</span>,
  },
  {
    name: "Check",
    width: "minmax(110px, 0.8fr)",
    cell: ({ warnings }) =>
      warnings === 0 ? (
        <StateMark tone="ok" word="Good" quiet />
      ) : (
        <StateMark tone="attention" word={counted(warnings, "warning")} />
      ),
  },
  {
    name: "Drafts",
    width: "72px",
    align: "right",
    cell: ({ drafts }) => <span className="text-n9">{drafts === 0 ? "–" : drafts}</span>,
  },
  {
    name: "By",
    width: "minmax(90px, 0.8fr)",
    cell: ({ created_by }) => <span className="text-n9">{created_by.name}</span>,
  },
  {
    name: "Changed",
    width: "92px",
    align: "right",
    cell: ({ updated_at }) => <Time at={updated_at} className="text-n9" />,
  },
];

function NewButton({ word }: { word: string }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("configuration:write");
  return (
    <Button
      look="primary"
      icon={<FilePlus size={16} aria-hidden="true" />}
      whyNot={mayNot}
      onClick={() => void navigate(paths.newConfiguration())}
    >
      {word}
    </Button>
  );
}

function NoConfigurations() {
  return (
    <Empty action={<NewButton word="Write the first configuration" />}>
      No configuration yet. The quickest beginning is what one of your Collectors runs already: import it,
      change a line, and roll it out to one agent first.
    </Empty>
  );
}

function NoneMatch() {
  return (
    <Empty
      action={
        <Link {...paths.configurations()} className={buttonClass("plain")}>
          Show all configurations
        </Link>
      }
    >
      No configuration matches this filter.
    </Empty>
  );
}
