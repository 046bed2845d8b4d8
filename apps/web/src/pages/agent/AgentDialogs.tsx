import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { AgentDetail } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { parseLabels, printLabels } from "../../lib/labels.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";

interface Props {
  readonly agent: AgentDetail;
  readonly onClose: () => void;
}

export function RenameAgent({ agent, onClose }: Props) {
  const [name, setName] = useState(agent.name);
  const [labels, setLabels] = useState(printLabels(agent.labels));
  const parsed = parseLabels(labels);
  const problem = "problem" in parsed ? parsed.problem : undefined;
  const before = { name: agent.name, labels: agent.labels };
  const params = { agent_id: agent.id };
  const undo = useApi("agentChange", { onSuccess: () => say("Changed back") });
  const change = useApi("agentChange", {
    onSuccess: () => {
      say("Saved", () => undo.mutate({ params, body: before }));
      onClose();
    },
  });
  return (
    <FormDialog
      title="Rename or label"
      action="Save"
      whyNot={problem ?? (name.trim() === "" ? "An agent needs a name." : undefined)}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => {
        if (!("problem" in parsed)) change.mutate({ params, body: { name, labels: parsed.labels } });
      }}
      onClose={onClose}
    >
      <TextField
        label="Name"
        value={name}
        required
        maxLength={200}
        onChange={(event) => setName(event.target.value)}
      />
      <TextArea
        label="Labels"
        hint="One key=value a line."
        className="font-mono text-sm"
        rows={5}
        value={labels}
        problem={problem}
        onChange={(event) => setLabels(event.target.value)}
      />
    </FormDialog>
  );
}

export function RestartAgent({ agent, onClose }: Props) {
  const restart = useApi("agentRestart", {
    onSuccess: () => {
      say("Restart requested");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title="Restart the agent"
      description={
        <>{agent.name} is asked to restart itself. Its runs go on; its link is down for some seconds.</>
      }
      action="Ask it to restart"
      danger={false}
      busy={restart.isPending}
      error={restart.error}
      onSubmit={(reason) => restart.mutate({ params: { agent_id: agent.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

export function ReconnectAgent({ agent, onClose }: Props) {
  const offer = useApi("agentConnectionOffer", {
    onSuccess: () => {
      say("New connection settings are offered; Identity says what becomes of them");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title="Give the agent a new credential"
      description={
        <>
          {agent.name} is offered a credential of its own for the address it comes to now. What it has stays
          valid until it has come with the new one. Another address is offered from the command line:{" "}
          <code>flowplane agents reconnect --endpoint</code>.
        </>
      }
      action="Offer it"
      danger={false}
      busy={offer.isPending}
      error={offer.error}
      onSubmit={(reason) => offer.mutate({ params: { agent_id: agent.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

export function RevokeAgent({ agent, onClose }: Props) {
  const revoke = useApi("agentRevoke", {
    onSuccess: () => {
      say(`The identity of ${agent.name} is revoked`);
      onClose();
    },
  });
  return (
    <ReasonDialog
      title="Revoke this agent's identity"
      description={
        <>
          {agent.name} is cut off at once and refused from then on. Its history stays. Runs on its machine are
          not stopped by this. To come back it must enrol anew.
        </>
      }
      action="Revoke"
      typeName={agent.name}
      busy={revoke.isPending}
      error={revoke.error}
      onSubmit={(reason) => revoke.mutate({ params: { agent_id: agent.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}

export function ForgetAgent({ agent, onClose }: Props) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const forget = useApi("agentDelete", {
    onSuccess: () => {
      say(`${agent.name} is forgotten`);
      void navigate(paths.agents());
    },
  });
  return (
    <FormDialog
      title="Forget this agent"
      description={
        <>{agent.name} leaves the fleet and its identity is revoked. The history of its runs stays.</>
      }
      action="Forget"
      danger
      whyNot={typed === agent.name ? undefined : `Type ${agent.name} to confirm.`}
      busy={forget.isPending}
      error={forget.error}
      onSubmit={() => forget.mutate({ params: { agent_id: agent.id } })}
      onClose={onClose}
    >
      <TextField
        label={`Type ${agent.name} to confirm`}
        autoComplete="off"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </FormDialog>
  );
}
