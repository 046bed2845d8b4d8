import { useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { Policy } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { MODE_LOOK } from "../../api/states.ts";
import { number } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { policySentence } from "../policy/policyWords.ts";

const rowId = (policy: Policy) => policy.id;

export default function PoliciesPage() {
  const navigate = useNavigate();
  const mayNot = useMayNot("policy:write");
  const list = useLiveList("policyList", { query: {} }, rowId);
  const add = (
    <Button
      look="primary"
      icon={<Plus size={16} />}
      whyNot={mayNot}
      onClick={() => void navigate(paths.newPolicy())}
    >
      New policy
    </Button>
  );
  return (
    <FullPage
      title="Policies"
      sentence="What is done about what the detector finds: told, tried on some runs, or enforced."
      actions={add}
    >
      <DataList
        label="Policies"
        noun="policy"
        list={list}
        rowId={rowId}
        link={(policy) => paths.policy(policy.id)}
        columns={COLUMNS}
        narrow={(policy) => ({
          first: policy.name,
          second: policySentence(policy.current),
          aside: <StateMark {...MODE_LOOK[policy.current.mode]} />,
        })}
        empty={<Empty>No policy yet. Without one the detector watches and tells, and touches nothing.</Empty>}
      />
    </FullPage>
  );
}

const COLUMNS: readonly Column<Policy>[] = [
  {
    name: "Policy",
    width: "minmax(140px, 1.3fr)",
    cell: (policy) => (
      <>
        <span className="font-medium">{policy.name}</span>
        {policy.is_default ? <span className="text-n8"> · default</span> : null}
      </>
    ),
  },
  {
    name: "Mode",
    width: "minmax(90px, 0.7fr)",
    cell: (policy) => <StateMark {...MODE_LOOK[policy.current.mode]} />,
  },
  {
    name: "What it does",
    width: "minmax(200px, 3fr)",
    cell: (policy) => (
      <span className="text-n9" title={policy.description}>
        {policySentence(policy.current)}
      </span>
    ),
  },
  {
    name: "Version",
    width: "72px",
    align: "right",
    cell: (policy) => <span className="text-n9">{policy.current_version}</span>,
  },
  {
    name: "Runs, 30 d",
    width: "88px",
    align: "right",
    cell: (policy) => <span className="text-n9">{number(policy.runs_30d)}</span>,
  },
  {
    name: "Incidents, 30 d",
    width: "104px",
    align: "right",
    cell: (policy) => <span className="text-n9">{number(policy.incidents_30d)}</span>,
  },
  {
    name: "Changed",
    width: "92px",
    align: "right",
    cell: (policy) => <Time at={policy.updated_at} className="text-n9" />,
  },
];
