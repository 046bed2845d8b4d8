import { Ban, Plus } from "lucide-react";
import { useState } from "react";
import { ROLES, type Role } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi, type Item } from "../../api/query.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { oneOf } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Empty } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { ROLE_MEANS } from "../members/roleMeans.ts";
import { EXPIRES, LAST_USED, STATE, madeBy } from "./columns.tsx";
import { lookOfSecret } from "./lookOfSecret.ts";
import { LIFETIMES } from "./lifetimes.ts";
import { RevokeDialog } from "./RevokeDialog.tsx";
import { SecretDialog } from "./SecretDialog.tsx";
import { TabList } from "./TabList.tsx";

type ApiToken = Item<"apiTokenList">;
const rowId = (token: ApiToken) => token.id;

export default function ApiTokens() {
  const mayNot = useMayNot("api_token:write");
  return mayNot === undefined ? (
    <ApiTokenTable />
  ) : (
    <div className="px-6 py-5 max-md:px-4">
      <Empty>API tokens are seen and made by admins. {mayNot}</Empty>
    </div>
  );
}

function ApiTokenTable() {
  const list = useLiveList("apiTokenList", { query: {} }, rowId);
  const [dialog, setDialog] = useState<"nothing" | "create" | ApiToken>("nothing");
  const close = () => setDialog("nothing");
  const add = (
    <Button look="primary" icon={<Plus size={16} />} onClick={() => setDialog("create")}>
      New API token
    </Button>
  );
  return (
    <TabList
      sentence="For programs and scripts that call the REST API. Each acts in this organization with one role."
      action={add}
    >
      <DataList
        label="API tokens"
        noun="API token"
        list={list}
        rowId={rowId}
        columns={COLUMNS}
        narrow={(token) => ({
          first: token.name,
          second: (
            <>
              {token.role} · used <Time at={token.last_used_at} />
            </>
          ),
          aside: <StateMark {...lookOfSecret(token)} />,
        })}
        action={(token) => (
          <IconButton
            label={`Revoke ${token.name}`}
            whyNot={token.revoked_at === null ? undefined : "It is revoked already."}
            onClick={() => (token.revoked_at === null ? setDialog(token) : undefined)}
          >
            <Ban size={16} />
          </IconButton>
        )}
        empty={
          <Empty>
            There is no API token. The CLI does not need one: “flowplane login” asks in the browser.
          </Empty>
        }
      />
      {dialog === "create" ? <Create onClose={close} /> : null}
      {typeof dialog === "object" ? <Revoke token={dialog} onClose={close} /> : null}
    </TabList>
  );
}

const COLUMNS: readonly Column<ApiToken>[] = [
  {
    name: "Name",
    width: "minmax(140px, 2fr)",
    cell: (token) => <span className="font-medium">{token.name}</span>,
  },
  STATE,
  {
    name: "Role",
    width: "minmax(80px, 0.8fr)",
    cell: (token) => <span className="text-n9">{token.role}</span>,
  },
  LAST_USED,
  EXPIRES,
  madeBy("minmax(90px, 1.2fr)"),
];

function Create({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("service");
  const [seconds, setSeconds] = useState<number | null>(7_776_000);
  const create = useApi("apiTokenCreate");
  if (create.data !== undefined) {
    const { token, secret } = create.data;
    return (
      <SecretDialog title={`API token ${token.name}`} label="API token" secret={secret} onClose={onClose}>
        <p className="text-n9">For example:</p>
        <CopyBlock
          text={`curl -H "Authorization: Bearer ${secret}" ${window.location.origin}/api/v1/agents`}
          label="example"
        />
      </SecretDialog>
    );
  }
  return (
    <FormDialog
      title="New API token"
      action="Create"
      whyNot={name.trim() === "" ? "Name it first." : undefined}
      busy={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate({ body: { name: name.trim(), role, expires_in_seconds: seconds } })}
      onClose={onClose}
    >
      <TextField
        label="Name"
        placeholder="what uses it"
        autoFocus
        required
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField
        label="Role"
        hint={ROLE_MEANS[role]}
        value={role}
        onChange={(event) => setRole(oneOf(event.target.value, ROLES) ?? role)}
      >
        {ROLES.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </SelectField>
      <SelectField
        label="Valid for"
        value={seconds ?? ""}
        onChange={(event) => setSeconds(event.target.value === "" ? null : Number(event.target.value))}
      >
        {LIFETIMES.map((lifetime) => (
          <option key={lifetime.seconds} value={lifetime.seconds}>
            {lifetime.word}
          </option>
        ))}
        <option value="">until revoked</option>
      </SelectField>
    </FormDialog>
  );
}

function Revoke({ token, onClose }: { token: ApiToken; onClose: () => void }) {
  const revoke = useApi("apiTokenRevoke", {
    onSuccess: () => {
      say(`${token.name} is revoked`);
      onClose();
    },
  });
  return (
    <RevokeDialog
      title={`Revoke ${token.name}`}
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ params: { token_id: token.id } })}
      onClose={onClose}
    >
      Whatever uses it is refused from now on.
    </RevokeDialog>
  );
}
