import { useQuery } from "@tanstack/react-query";
import { Ellipsis, Plus } from "lucide-react";
import { useState } from "react";
import type { Secret } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { Empty } from "../../ui/Page.tsx";
import { Time } from "../../ui/Time.tsx";
import { RevokeDialog } from "../tokens/RevokeDialog.tsx";
import { TabList } from "../tokens/TabList.tsx";
import { SecretForm } from "./SecretForm.tsx";

type OpenDialog =
  | { readonly kind: "nothing" | "new" }
  | { readonly kind: "replace" | "forget"; readonly secret: Secret };
const SITES_MAX = 200;
const rowId = (secret: Secret) => secret.name;

/** Names of what runs are given and nobody sees again. */
export default function Secrets() {
  const mayNot = useMayNot("secret:write");
  const list = useLiveList("secretList", { query: {} }, rowId);
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items ?? [];
  const [dialog, setDialog] = useState<OpenDialog>({ kind: "nothing" });
  const close = () => setDialog({ kind: "nothing" });
  const siteName = (id: string | null) =>
    id === null ? "every site" : (sites.find((site) => site.id === id)?.name ?? "one site");
  const add = (
    <Button
      look="primary"
      icon={<Plus size={16} />}
      whyNot={mayNot}
      onClick={() => setDialog({ kind: "new" })}
    >
      New secret
    </Button>
  );
  return (
    <TabList
      sentence="What jobs and runs are given by name. A value reaches the process alone: it is in no list, no log and no answer of the API."
      action={add}
    >
      <DataList
        label="Secrets"
        noun="secret"
        list={list}
        rowId={rowId}
        columns={columns(siteName)}
        narrow={(secret) => ({
          first: <span className="font-mono">{secret.name}</span>,
          second: `for ${siteName(secret.site_id)}`,
          aside: <Time at={secret.updated_at} className="text-n8" />,
        })}
        action={(secret) => (
          <Menu
            trigger={
              <button
                type="button"
                aria-label={`Actions for ${secret.name}`}
                className={buttonClass("quiet", "w-7 px-0! max-md:w-9")}
              >
                <Ellipsis size={16} aria-hidden="true" />
              </button>
            }
            entries={[
              {
                kind: "item",
                text: "Replace the value…",
                whyNot: mayNot,
                onSelect: () => setDialog({ kind: "replace", secret }),
              },
              {
                kind: "item",
                danger: true,
                text: "Forget…",
                whyNot: mayNot,
                onSelect: () => setDialog({ kind: "forget", secret }),
              },
            ]}
          />
        )}
        empty={
          <Empty>
            No secret is stored. Store one here and name it in a job's environment: the program finds it in
            its variable.
          </Empty>
        }
      />
      {dialog.kind === "new" ? <SecretForm sites={sites} secret={undefined} onClose={close} /> : null}
      {dialog.kind === "replace" ? <SecretForm sites={sites} secret={dialog.secret} onClose={close} /> : null}
      {dialog.kind === "forget" ? <Forget secret={dialog.secret} onClose={close} /> : null}
    </TabList>
  );
}

function columns(siteName: (id: string | null) => string): readonly Column<Secret>[] {
  return [
    {
      name: "Name",
      width: "minmax(160px, 2fr)",
      cell: (secret) => <span className="font-mono">{secret.name}</span>,
    },
    {
      name: "For runs of",
      width: "minmax(100px, 1fr)",
      cell: (secret) => <span className="text-n9">{siteName(secret.site_id)}</span>,
    },
    {
      name: "Value set",
      width: "minmax(90px, 1fr)",
      cell: (secret) => <Time at={secret.updated_at} className="text-n9" />,
    },
    {
      name: "Last used",
      width: "minmax(90px, 1fr)",
      cell: (secret) => <Time at={secret.last_used_at} className="text-n9" />,
    },
    {
      name: "By",
      width: "minmax(90px, 1fr)",
      cell: (secret) => <span className="text-n9">{secret.created_by.name}</span>,
    },
  ];
}

function Forget({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const forget = useApi("secretDelete", {
    onSuccess: () => {
      say(`${secret.name} is forgotten`);
      onClose();
    },
  });
  return (
    <RevokeDialog
      title={`Forget ${secret.name}`}
      action="Forget the secret"
      busy={forget.isPending}
      error={forget.error}
      onConfirm={() => forget.mutate({ params: { secret_name: secret.name } })}
      onClose={onClose}
    >
      Jobs that name it do not start any more until it is stored again. Runs under way keep the value they
      have.
    </RevokeDialog>
  );
}
