import { useState } from "react";
import { REASON_LENGTH_MAX, type Agent } from "@flowplane/contract";
import { call } from "../../api/query.ts";
import { parseLabels } from "../../lib/labels.ts";
import type { Selection } from "../../list/selection.ts";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { BulkDialog } from "./BulkDialog.tsx";
import { relabelled } from "./bulkWords.ts";
import type { AgentFilterSearch } from "./chosenAgents.ts";

export const BULK_ACTIONS = ["label", "unlabel", "restart", "revoke"] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

interface Props {
  readonly selection: Selection<Agent>;
  readonly filter: AgentFilterSearch;
  readonly onClose: () => void;
}

export function BulkActionDialog({ action, ...props }: Props & { action: BulkAction }) {
  if (action === "label") return <AddLabel {...props} />;
  if (action === "unlabel") return <RemoveLabel {...props} />;
  return <WithReason {...props} action={action} />;
}

/** Labels are changed on what the agent has now, not on what the list showed some time ago. */
async function relabel(agent: Agent, key: string, value: string | undefined): Promise<unknown> {
  const params = { agent_id: agent.id };
  const { labels } = await call("agentRead")({ params });
  if (labels[key] === value) return labels;
  return call("agentChange")(
    { params, body: { labels: relabelled(labels, key, value) } },
    { idempotencyKey: crypto.randomUUID() },
  );
}

function AddLabel(props: Props) {
  const [text, setText] = useState("");
  const parsed = parseLabels(text);
  const [entry] = "labels" in parsed ? Object.entries(parsed.labels) : [];
  const problem = text === "" ? undefined : "problem" in parsed ? parsed.problem : undefined;
  return (
    <BulkDialog
      {...props}
      title="Add a label"
      consequence="Each gets the label; one that has the key already gets the new value."
      action="Label"
      whyNot={problem ?? (entry === undefined ? "Write the label first." : undefined)}
      fields={() => (
        <TextField
          label="Label"
          placeholder="env=prod"
          autoComplete="off"
          spellCheck={false}
          className="font-mono"
          value={text}
          problem={problem}
          onChange={(event) => setText(event.target.value)}
        />
      )}
      act={(agent) => (entry === undefined ? Promise.resolve() : relabel(agent, ...entry))}
    />
  );
}

const KEYS_OFFERED_MAX = 50;

function RemoveLabel(props: Props) {
  const [key, setKey] = useState("");
  return (
    <BulkDialog
      {...props}
      title="Remove a label"
      consequence="Each loses the label of this key, whatever its value; those without it stay as they are."
      action="Take it from"
      whyNot={key.trim() === "" ? "Say which label first." : undefined}
      fields={(agents) => {
        const keys = [...new Set(agents.flatMap(({ labels }) => Object.keys(labels)))].toSorted();
        const having = agents.filter(({ labels }) => key.trim() in labels).length;
        return (
          <>
            <TextField
              label="Key"
              list="keys-of-labels"
              autoComplete="off"
              spellCheck={false}
              className="font-mono"
              hint={
                key.trim() === ""
                  ? `They have ${keys.join(", ") || "no labels"}.`
                  : `${having} of them have it.`
              }
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
            <datalist id="keys-of-labels">
              {keys.slice(0, KEYS_OFFERED_MAX).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </datalist>
          </>
        );
      }}
      act={(agent) => relabel(agent, key.trim(), undefined)}
    />
  );
}

const WITH_REASON = {
  restart: {
    title: "Restart these agents",
    consequence:
      "Each is asked to restart itself; its runs go on and its link is down for some seconds. One that is not connected, or does not accept the command, is listed as failed.",
    action: "Restart",
    endpoint: "agentRestart",
  },
  revoke: {
    title: "Revoke these agents' identities",
    consequence:
      "Each is cut off at once and refused from then on; to come back it must enrol anew. Their history stays, and runs on their machines are not stopped by this. It cannot be undone.",
    action: "Revoke",
    endpoint: "agentRevoke",
  },
} as const;

function WithReason({ action, ...props }: Props & { action: "restart" | "revoke" }) {
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [total, setTotal] = useState(0);
  const isRevoke = action === "revoke";
  const { title, consequence, action: word, endpoint } = WITH_REASON[action];
  return (
    <BulkDialog
      {...props}
      title={title}
      consequence={consequence}
      action={word}
      danger={isRevoke}
      whyNot={
        reason.trim() === ""
          ? "Say why first; it is kept in the audit log."
          : isRevoke && (total === 0 || typed.trim() !== String(total))
            ? "Type the number of agents to confirm."
            : undefined
      }
      fields={(agents) => (
        <>
          <TextArea
            label="Reason"
            hint="Kept in the audit log with each of them."
            value={reason}
            maxLength={REASON_LENGTH_MAX}
            onChange={(event) => setReason(event.target.value)}
          />
          {isRevoke ? (
            <TextField
              label={`Type ${agents.length} to confirm`}
              inputMode="numeric"
              autoComplete="off"
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value);
                setTotal(agents.length);
              }}
            />
          ) : null}
        </>
      )}
      act={(agent) =>
        call(endpoint)(
          { params: { agent_id: agent.id }, body: { reason: reason.trim() } },
          { idempotencyKey: crypto.randomUUID() },
        )
      }
    />
  );
}
