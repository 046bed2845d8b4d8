import { Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Check, Ellipsis, Play } from "lucide-react";
import { useState } from "react";
import type { AgentDetail } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import {
  agentLook,
  cannotForget,
  cannotLaunchOn,
  cannotReconnect,
  cannotRestartAgent,
  cannotRevoke,
} from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import { AgentSentence } from "./AgentSentence.tsx";
import { ForgetAgent, ReconnectAgent, RenameAgent, RestartAgent, RevokeAgent } from "./AgentDialogs.tsx";

type OpenDialog = "nothing" | "rename" | "restart" | "reconnect" | "revoke" | "forget";

export default function AgentPage() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const [dialog, setDialog] = useState<OpenDialog>("nothing");
  const close = () => setDialog("nothing");
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-5 pb-3 max-md:px-4">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{agent.name}</span>
            <span className="text-base font-normal tracking-normal">
              <StateMark {...agentLook(agent)} />
            </span>
          </h1>
          <AgentSentence agent={agent} />
        </div>
        <Actions agent={agent} onDialog={setDialog} />
      </header>
      <Tabs
        label="Agent"
        tabs={[
          { name: "Overview", link: paths.agentTab(agentId, ""), exact: true },
          { name: "Runs", link: paths.agentTab(agentId, "runs") },
          { name: "Configuration", link: paths.agentTab(agentId, "configuration") },
          ...(agent.kind === "collector"
            ? [
                { name: "Packages", link: paths.agentTab(agentId, "packages") },
                { name: "Telemetry", link: paths.agentTab(agentId, "telemetry") },
              ]
            : []),
          { name: "Identity", link: paths.agentTab(agentId, "identity") },
          { name: "Wire", link: paths.agentTab(agentId, "wire") },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
      {dialog === "rename" ? <RenameAgent agent={agent} onClose={close} /> : null}
      {dialog === "restart" ? <RestartAgent agent={agent} onClose={close} /> : null}
      {dialog === "reconnect" ? <ReconnectAgent agent={agent} onClose={close} /> : null}
      {dialog === "revoke" ? <RevokeAgent agent={agent} onClose={close} /> : null}
      {dialog === "forget" ? <ForgetAgent agent={agent} onClose={close} /> : null}
    </div>
  );
}

function Actions({ agent, onDialog }: { agent: AgentDetail; onDialog: (dialog: OpenDialog) => void }) {
  const navigate = useNavigate();
  const mayNotWrite = useMayNot("agent:write");
  const mayNotRun = useMayNot("run:write");
  const approve = useApi("agentApprove", { onSuccess: () => say(`${agent.name} is let in`) });
  return (
    <div className="flex flex-wrap items-center gap-2">
      {approve.error === null ? null : <Problem error={approve.error} />}
      {agent.state === "pending" ? (
        <Button
          look="primary"
          icon={<Check size={16} />}
          busy={approve.isPending}
          whyNot={mayNotWrite}
          onClick={() => approve.mutate({ params: { agent_id: agent.id } })}
        >
          Approve
        </Button>
      ) : null}
      {agent.kind === "site" ? (
        <Button
          icon={<Play size={16} />}
          whyNot={mayNotRun ?? cannotLaunchOn(agent)}
          onClick={() => void navigate(paths.launchRun(agent.id))}
        >
          Launch a run
        </Button>
      ) : null}
      <Menu
        trigger={
          <button
            type="button"
            aria-label="More actions"
            title="More actions"
            className={buttonClass("plain", "w-8 px-0! max-md:w-9")}
          >
            <Ellipsis size={16} aria-hidden="true" />
          </button>
        }
        entries={[
          { kind: "item", text: "Rename or label…", whyNot: mayNotWrite, onSelect: () => onDialog("rename") },
          {
            kind: "item",
            text: "Restart the agent…",
            whyNot: mayNotWrite ?? cannotRestartAgent(agent),
            onSelect: () => onDialog("restart"),
          },
          {
            kind: "item",
            text: "Give it a new credential…",
            whyNot: mayNotWrite ?? cannotReconnect(agent),
            onSelect: () => onDialog("reconnect"),
          },
          { kind: "line" },
          {
            kind: "item",
            danger: true,
            text: "Revoke its identity…",
            whyNot: mayNotWrite ?? cannotRevoke(agent),
            onSelect: () => onDialog("revoke"),
          },
          {
            kind: "item",
            danger: true,
            text: "Forget the agent…",
            whyNot: mayNotWrite ?? cannotForget(agent),
            onSelect: () => onDialog("forget"),
          },
        ]}
      />
    </div>
  );
}
