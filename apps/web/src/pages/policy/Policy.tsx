import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { Ellipsis, Pencil } from "lucide-react";
import { useState } from "react";
import type { Policy } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { MODE_LOOK } from "../../api/states.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import { RevokeDialog } from "../tokens/RevokeDialog.tsx";
import { policySentence } from "./policyWords.ts";
import { RenamePolicy } from "./RenamePolicy.tsx";

export default function PolicyPage() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId" });
  const params = { policy_id: policyId };
  const policy = useSuspenseQuery(q("policyRead", { params })).data;
  const suggestions = useQuery(q("policySuggestions", { params })).data?.items.length ?? 0;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-5 pb-3 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{policy.name}</span>
            <span className="text-base font-normal tracking-normal">
              <StateMark {...MODE_LOOK[policy.current.mode]} />
            </span>
          </h1>
          <p className="mt-0.5 max-w-[90ch] text-n9">
            {policySentence(policy.current)} {counted(policy.incidents_30d, "incident")} in{" "}
            {counted(policy.runs_30d, "run")} of the last 30 days.
          </p>
          {policy.description === "" ? null : <p className="max-w-[90ch] text-n8">{policy.description}</p>}
        </div>
        <Actions policy={policy} />
      </header>
      <Tabs
        label="Policy"
        tabs={[
          { name: `Version ${policy.current_version}`, link: paths.policyTab(policyId, ""), exact: true },
          { name: "Versions", link: paths.policyTab(policyId, "versions") },
          { name: "Compare", link: paths.policyTab(policyId, "compare") },
          {
            name: suggestions === 0 ? "Suggestions" : `Suggestions (${suggestions})`,
            link: paths.policyTab(policyId, "suggestions"),
          },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}

function Actions({ policy }: { policy: Policy }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("policy:write");
  const [dialog, setDialog] = useState<"nothing" | "archive" | "rename">("nothing");
  const change = useApi("policyChange", { onSuccess: () => say(`${policy.name} is the default now`) });
  const archive = useApi("policyArchive", {
    onSuccess: () => {
      say(`${policy.name} is archived`);
      void navigate(paths.policies());
    },
  });
  const params = { policy_id: policy.id };
  return (
    <div className="flex flex-wrap items-center gap-2">
      <Button
        look="primary"
        icon={<Pencil size={14} aria-hidden="true" />}
        whyNot={mayNot}
        onClick={() => void navigate(paths.editPolicy(policy.id))}
      >
        New version
      </Button>
      <Menu
        trigger={
          <button
            type="button"
            aria-label="More actions"
            className={buttonClass("quiet", "w-8 px-0! max-md:w-9")}
          >
            <Ellipsis size={16} aria-hidden="true" />
          </button>
        }
        entries={[
          {
            kind: "item",
            text: "Make it the default",
            whyNot: mayNot ?? (policy.is_default ? "It is the default already." : undefined),
            onSelect: () => change.mutate({ params, body: { is_default: true } }),
          },
          { kind: "item", text: "Rename…", whyNot: mayNot, onSelect: () => setDialog("rename") },
          { kind: "line" },
          {
            kind: "item",
            text: "Archive…",
            danger: true,
            whyNot: mayNot ?? (policy.is_default ? "Make another policy the default first." : undefined),
            onSelect: () => setDialog("archive"),
          },
        ]}
      />
      {dialog === "rename" ? <RenamePolicy policy={policy} onClose={() => setDialog("nothing")} /> : null}
      {dialog === "archive" ? (
        <RevokeDialog
          title={`Archive ${policy.name}`}
          action="Archive the policy"
          busy={archive.isPending}
          error={archive.error}
          onConfirm={() => archive.mutate({ params })}
          onClose={() => setDialog("nothing")}
        >
          No job or run can choose it any more. Its versions stay, so that what they decided can be replayed.
        </RevokeDialog>
      ) : null}
    </div>
  );
}
