import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Download, ShieldCheck } from "lucide-react";
import { useCallback, useState } from "react";
import { api, pathOf, type AuditEvent } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { FilterInput } from "../../list/FilterInput.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import type { AuditSearch } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Time } from "../../ui/Time.tsx";
import { AuditEventDialog } from "./AuditEventDialog.tsx";
import { Verdict } from "./Verdict.tsx";

const rowId = (event: AuditEvent) => String(event.seq);

export default function AuditPage() {
  const mayNot = useMayNot("audit:read");
  if (mayNot !== undefined) {
    return (
      <FullPage title="Audit log">
        <div className="px-6 max-md:px-4">
          <Empty>Who did what is seen by admins. {mayNot}</Empty>
        </div>
      </FullPage>
    );
  }
  return <AuditLog />;
}

function AuditLog() {
  const search = useSearch({ from: "/frame/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const filter = filterOf(search);
  const list = useLiveList("auditList", { query: filter }, rowId);
  const [verifying, setVerifying] = useState(false);
  const [open, setOpen] = useState<AuditEvent | undefined>(undefined);
  const change = useCallback(
    (part: AuditSearch) =>
      void navigate({ to: "/audit", search: (now) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  const filters = [
    { name: "actor_id", word: "One actor", value: search.actor_id },
    { name: "target_id", word: "One target", value: search.target_id },
  ].filter(({ value }) => value !== undefined);
  return (
    <FullPage
      title="Audit log"
      sentence="Who did what to what, and why. Each entry is chained to the one before by its hash, so an edit, a removal or a swap shows."
      actions={
        <>
          <a href={pathOf(api.auditExport, {})} className={buttonClass("plain")}>
            <Download size={14} aria-hidden="true" />
            Export
          </a>
          <Button look="primary" icon={<ShieldCheck size={16} />} onClick={() => setVerifying(true)}>
            Verify
          </Button>
        </>
      }
    >
      {verifying ? (
        <div className="px-6 pb-3 max-md:px-4">
          <Verdict />
        </div>
      ) : null}
      <div className="flex flex-wrap items-center gap-2 px-6 pb-3 max-md:px-4">
        <FilterInput
          label="Filter by action"
          placeholder="Action, such as run.stop…"
          value={search.action ?? ""}
          onChange={useCallback(
            (action: string) => change({ action: action === "" ? undefined : action }),
            [change],
          )}
        />
        {filters.map(({ name, word, value }) => (
          <button
            key={name}
            type="button"
            title={value}
            onClick={() => change({ [name]: undefined })}
            className="h-8 rounded-md border border-accent bg-accent-soft px-2.5 font-medium text-accent"
          >
            {word} ×
          </button>
        ))}
      </div>
      <DataList
        label="Audit events"
        noun="event"
        list={list}
        rowId={rowId}
        columns={columns(setOpen)}
        narrow={(event) => ({
          first: <OpenButton event={event} onOpen={setOpen} />,
          second: (
            <>
              {event.actor.name}
              {event.reason === null ? "" : `: ${event.reason}`}
            </>
          ),
          aside: <Time at={event.at} className="text-n8" />,
        })}
        empty={
          Object.values(filter).every((value) => value === undefined) ? (
            <Empty>Nothing has been done yet. The first change anybody makes is entry 1.</Empty>
          ) : (
            <Empty
              action={
                <Link {...paths.audit()} className={buttonClass("plain")}>
                  Show everything
                </Link>
              }
            >
              No entry matches this filter.
            </Empty>
          )
        }
      />
      {open === undefined ? null : <AuditEventDialog event={open} onClose={() => setOpen(undefined)} />}
    </FullPage>
  );
}

function filterOf({ action, actor_id, target_id }: AuditSearch): AuditSearch {
  return { action, actor_id, target_id };
}

function columns(onOpen: (event: AuditEvent) => void): readonly Column<AuditEvent>[] {
  return [
    {
      name: "Action",
      width: "minmax(150px, 1.2fr)",
      cell: (event) => <OpenButton event={event} onOpen={onOpen} />,
    },
    { name: "Actor", width: "minmax(110px, 1fr)", cell: (event) => <span>{event.actor.name}</span> },
    {
      name: "Target",
      width: "minmax(110px, 1fr)",
      cell: (event) => (
        <span className="text-n9">
          {event.target_type.replaceAll("_", " ")}{" "}
          <span className="font-mono text-xs" title={event.target_id}>
            {event.target_id.length > 13 ? `…${event.target_id.slice(-8)}` : event.target_id}
          </span>
        </span>
      ),
    },
    {
      name: "Reason",
      width: "minmax(100px, 2fr)",
      cell: (event) => (
        <span className="text-n9" title={event.reason ?? ""}>
          {event.reason ?? ""}
        </span>
      ),
    },
    {
      name: "No.",
      width: "64px",
      align: "right",
      cell: (event) => <span className="text-n8">{event.seq}</span>,
    },
    {
      name: "When",
      width: "92px",
      align: "right",
      cell: (event) => <Time at={event.at} className="text-n9" />,
    },
  ];
}

/** Covers its row, so that a click anywhere opens the whole entry. */
function OpenButton({ event, onOpen }: { event: AuditEvent; onOpen: (event: AuditEvent) => void }) {
  return (
    <button
      type="button"
      onClick={() => onOpen(event)}
      className="font-mono text-sm outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
    >
      {event.action}
    </button>
  );
}
