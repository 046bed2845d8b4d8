import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { PackagePlus } from "lucide-react";
import { useCallback, useState } from "react";
import type { Package } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { UploadDialog } from "../package/UploadDialog.tsx";

const rowId = (each: Package) => each.id;

/** Programs and addons that agents can be given over OpAMP. */
export default function PackagesPage() {
  const { q } = useSearch({ from: "/frame/packages" });
  const navigate = useNavigate({ from: "/packages" });
  const list = useLiveList("packageList", { query: { q } }, rowId);
  const [isUploading, setUploading] = useState(false);
  const mayNot = useMayNot("package:write");
  const filter = useCallback(
    (text: string) =>
      void navigate({ to: "/packages", search: text === "" ? {} : { q: text }, replace: true }),
    [navigate],
  );
  const upload = (
    <Button
      look="primary"
      icon={<PackagePlus size={16} aria-hidden="true" />}
      whyNot={mayNot}
      onClick={() => setUploading(true)}
    >
      Upload a release
    </Button>
  );
  return (
    <FullPage
      title="Packages"
      sentence="Programs and addons for agents that accept packages. An agent is offered none unless somebody said which it is to have."
      actions={upload}
    >
      <div className="flex px-6 pb-3 max-md:px-4">
        <FilterInput label="Filter packages" placeholder="Name…" value={q ?? ""} onChange={filter} />
      </div>
      <DataList
        label="Packages"
        noun="package"
        list={list}
        rowId={rowId}
        link={({ id }) => paths.package(id)}
        columns={COLUMNS}
        narrow={(each) => ({
          first: each.name,
          second: `${counted(each.agents, "agent")} to have it, ${each.installed} have it`,
          aside: each.newest_version ?? "–",
        })}
        empty={
          q === undefined ? (
            <Empty action={upload}>
              No package yet. Upload a file of a program that your agents install, then give it to one agent
              first.
            </Empty>
          ) : (
            <Empty
              action={
                <Link {...paths.packages()} className={buttonClass("plain")}>
                  Show all packages
                </Link>
              }
            >
              No package matches this filter.
            </Empty>
          )
        }
      />
      {isUploading ? <UploadDialog of={undefined} onClose={() => setUploading(false)} /> : null}
    </FullPage>
  );
}

const COLUMNS: readonly Column<Package>[] = [
  {
    name: "Package",
    width: "minmax(150px, 1.2fr)",
    cell: ({ name }) => <span className="font-medium">{name}</span>,
  },
  {
    name: "What it is",
    width: "minmax(140px, 2fr)",
    cell: ({ description, type }) => (
      <span className="text-n9" title={description}>
        {description === "" ? (type === "addon" ? "an addon" : "the agent's program") : description}
      </span>
    ),
  },
  {
    name: "Newest",
    width: "minmax(90px, 0.8fr)",
    cell: ({ newest_version }) => <span className="text-n9">{newest_version ?? "–"}</span>,
  },
  {
    name: "To have it",
    width: "92px",
    align: "right",
    cell: ({ agents }) => <span className="text-n9">{agents}</span>,
  },
  {
    name: "Have it",
    width: "84px",
    align: "right",
    cell: ({ installed }) => <span className="text-n9">{installed}</span>,
  },
  {
    name: "Failed",
    width: "minmax(90px, 0.7fr)",
    cell: ({ failed }) =>
      failed === 0 ? (
        <span className="text-n8">–</span>
      ) : (
        <StateMark tone="bad" word={counted(failed, "agent")} />
      ),
  },
];
