import { useNavigate } from "@tanstack/react-router";
import { Ban, Plus } from "lucide-react";
import { useState } from "react";
import type { EnrolmentToken } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { TOKEN_LOOK } from "../../api/states.ts";
import { number } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { Empty } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { madeBy } from "./columns.tsx";
import { RevokeDialog } from "./RevokeDialog.tsx";
import { TabList } from "./TabList.tsx";

const rowId = (token: EnrolmentToken) => token.id;

export default function EnrolmentTokens() {
  const navigate = useNavigate();
  const list = useLiveList("enrolmentTokenList", { query: {} }, rowId);
  const mayNot = useMayNot("token:write");
  const [revoking, setRevoking] = useState<EnrolmentToken | undefined>(undefined);
  const add = (
    <Button
      look="primary"
      icon={<Plus size={16} />}
      whyNot={mayNot}
      onClick={() => void navigate(paths.addAgent())}
    >
      Add agent
    </Button>
  );
  return (
    <TabList
      sentence="What an agent shows once to be let in. A used-up or expired token lets nobody in; the agents it let in stay."
      action={add}
    >
      <DataList
        label="Enrolment tokens"
        noun="token"
        list={list}
        rowId={rowId}
        columns={COLUMNS}
        narrow={(token) => ({
          first: token.name,
          second: (
            <>
              {uses(token)} uses · {token.state === "expired" ? "expired" : "expires"}{" "}
              <Time at={token.expires_at} />
            </>
          ),
          aside: <StateMark {...TOKEN_LOOK[token.state]} />,
        })}
        action={(token) => (
          <IconButton
            label={`Revoke ${token.name}`}
            whyNot={mayNot ?? (token.state === "revoked" ? "It is revoked already." : undefined)}
            onClick={() =>
              token.state === "revoked" || mayNot !== undefined ? undefined : setRevoking(token)
            }
          >
            <Ban size={16} />
          </IconButton>
        )}
        empty={
          <Empty>
            There is no enrolment token. “Add agent” makes one and shows the line to paste on the machine.
          </Empty>
        }
      />
      {revoking === undefined ? null : <Revoke token={revoking} onClose={() => setRevoking(undefined)} />}
    </TabList>
  );
}

const COLUMNS: readonly Column<EnrolmentToken>[] = [
  {
    name: "Name",
    width: "minmax(140px, 2fr)",
    cell: (token) => <span className="font-medium">{token.name}</span>,
  },
  { name: "State", width: "minmax(90px, 1fr)", cell: (token) => <StateMark {...TOKEN_LOOK[token.state]} /> },
  {
    name: "Uses",
    width: "80px",
    align: "right",
    cell: (token) => <span className="text-n9">{uses(token)}</span>,
  },
  {
    name: "Approval",
    width: "minmax(90px, 1fr)",
    cell: (token) => (
      <span className="text-n9">{token.approval === "manual" ? "by a person" : "automatic"}</span>
    ),
  },
  {
    name: "Labels",
    width: "minmax(80px, 1.4fr)",
    cell: (token) => (
      <span className="font-mono text-xs text-n8">
        {Object.entries(token.labels)
          .map(([key, value]) => `${key}=${value}`)
          .join("  ")}
      </span>
    ),
  },
  {
    name: "Expires",
    width: "minmax(84px, 0.9fr)",
    cell: (token) => <Time at={token.expires_at} className="text-n9" />,
  },
  madeBy("minmax(90px, 1.1fr)"),
];

function uses(token: EnrolmentToken): string {
  return `${number(token.uses)} / ${token.uses_max === null ? "∞" : number(token.uses_max)}`;
}

function Revoke({ token, onClose }: { token: EnrolmentToken; onClose: () => void }) {
  const revoke = useApi("enrolmentTokenRevoke", {
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
      Nobody can enrol with it any more. The {number(token.uses)} agents it let in keep their certificates; a
      collector that shows the token itself with every connection is cut off.
    </RevokeDialog>
  );
}
