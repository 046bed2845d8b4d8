import { Ban, Plus } from "lucide-react";
import { useState } from "react";
import type { Bearer } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Empty } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { EXPIRES, LAST_USED, STATE, madeBy } from "./columns.tsx";
import { lookOfSecret } from "./lookOfSecret.ts";
import { LIFETIMES } from "./lifetimes.ts";
import { RevokeDialog } from "./RevokeDialog.tsx";
import { SecretDialog } from "./SecretDialog.tsx";
import { TabList } from "./TabList.tsx";

const rowId = (bearer: Bearer) => bearer.id;

export default function Bearers() {
  const list = useLiveList("bearerList", { query: {} }, rowId);
  const mayNot = useMayNot("token:write");
  const [dialog, setDialog] = useState<"nothing" | "create" | Bearer>("nothing");
  const close = () => setDialog("nothing");
  const add = (
    <Button look="primary" icon={<Plus size={16} />} whyNot={mayNot} onClick={() => setDialog("create")}>
      New bearer
    </Button>
  );
  return (
    <TabList
      sentence="Bearers prove third-party agents that cannot do certificates. Each belongs to one agent."
      action={add}
    >
      <DataList
        label="Bearers"
        noun="bearer"
        list={list}
        rowId={rowId}
        link={(bearer) => paths.agent(bearer.agent_id)}
        columns={COLUMNS}
        narrow={(bearer) => ({
          first: bearer.agent_name,
          second: (
            <>
              used <Time at={bearer.last_used_at} /> · expires <Time at={bearer.expires_at} />
            </>
          ),
          aside: <StateMark {...lookOfSecret(bearer)} />,
        })}
        action={(bearer) => (
          <IconButton
            label={`Revoke the bearer of ${bearer.agent_name}`}
            whyNot={mayNot ?? (bearer.revoked_at === null ? undefined : "It is revoked already.")}
            onClick={() =>
              mayNot === undefined && bearer.revoked_at === null ? setDialog(bearer) : undefined
            }
          >
            <Ban size={16} />
          </IconButton>
        )}
        empty={<Empty>There is no bearer. Most agents do better with an enrolment token.</Empty>}
      />
      {dialog === "create" ? <Create onClose={close} /> : null}
      {typeof dialog === "object" ? <Revoke bearer={dialog} onClose={close} /> : null}
    </TabList>
  );
}

const COLUMNS: readonly Column<Bearer>[] = [
  {
    name: "Agent",
    width: "minmax(140px, 2fr)",
    cell: (bearer) => <span className="font-medium">{bearer.agent_name}</span>,
  },
  STATE,
  LAST_USED,
  EXPIRES,
  madeBy("minmax(90px, 1fr)"),
];

function Create({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [seconds, setSeconds] = useState(7_776_000);
  const create = useApi("bearerCreate");
  if (create.data !== undefined) {
    return (
      <SecretDialog
        title={`Bearer for ${create.data.bearer.agent_name}`}
        label="bearer"
        secret={create.data.secret}
        onClose={onClose}
      >
        <p>It connects to this address, with the bearer as “Authorization: Bearer …”:</p>
        <CopyBlock text={create.data.opamp_url} label="OpAMP address" />
      </SecretDialog>
    );
  }
  return (
    <FormDialog
      title="New bearer"
      description="Makes an expected agent and the bearer that only it may use."
      action="Create"
      whyNot={name.trim() === "" ? "Name the agent first." : undefined}
      busy={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate({ body: { name: name.trim(), expires_in_seconds: seconds } })}
      onClose={onClose}
    >
      <TextField
        label="Name of the agent"
        autoFocus
        required
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField
        label="Valid for"
        value={seconds}
        onChange={(event) => setSeconds(Number(event.target.value))}
      >
        {LIFETIMES.map((lifetime) => (
          <option key={lifetime.seconds} value={lifetime.seconds}>
            {lifetime.word}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}

function Revoke({ bearer, onClose }: { bearer: Bearer; onClose: () => void }) {
  const revoke = useApi("bearerRevoke", {
    onSuccess: () => {
      say("The bearer is revoked");
      onClose();
    },
  });
  return (
    <RevokeDialog
      title={`Revoke the bearer of ${bearer.agent_name}`}
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ params: { bearer_id: bearer.id } })}
      onClose={onClose}
    >
      The agent's connections that use it end at once, and it is refused from then on.
    </RevokeDialog>
  );
}
