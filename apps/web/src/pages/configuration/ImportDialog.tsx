import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { q, useApi } from "../../api/query.ts";
import { agentLook } from "../../api/states.ts";
import { FilterInput } from "../../list/FilterInput.tsx";
import { say } from "../../ui/announce.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark } from "../../ui/StateMark.tsx";

const FOUND_MAX = 12;

interface ImportDialogProps {
  readonly agentId: string | undefined;
  readonly onImported: (text: string, agentName: string) => void;
  readonly onClose: () => void;
}

/** Begins with what a Collector runs now. Its secrets were removed by the agent or the server; they are written as references. */
export function ImportDialog({ agentId, onImported, onClose }: ImportDialogProps) {
  const [text, setText] = useState("");
  const first = useQuery({
    ...q("agentRead", { params: { agent_id: agentId ?? "none" } }),
    enabled: agentId !== undefined,
  }).data;
  const found = useQuery({
    ...q("agentList", { query: { kind: "collector", q: text, limit: FOUND_MAX } }),
    placeholderData: keepPreviousData,
  }).data?.items;
  const take = useApi("configurationImport");
  const rows = first === undefined ? found : [first, ...(found ?? []).filter(({ id }) => id !== first.id)];
  return (
    <Dialog
      title="Import from an agent"
      description="The configuration it says it runs now becomes your text. Secrets in it are redacted: write them as ${secret:NAME} before you save."
      onClose={onClose}
    >
      <FilterInput
        label="Find a Collector"
        placeholder="Name, host or label…"
        value={text}
        onChange={setText}
      />
      {take.error === null ? null : <Problem error={take.error} />}
      {rows === undefined ? (
        <Rows count={5} />
      ) : rows.length === 0 ? (
        <p className="text-n8">No Collector is called so.</p>
      ) : (
        <ul className="flex flex-col">
          {rows.map((agent) => (
            <li key={agent.id} className="border-t border-n3 first:border-t-0">
              <button
                type="button"
                aria-busy={take.isPending && take.variables?.body.agent_id === agent.id}
                onClick={() =>
                  take.mutate(
                    { body: { agent_id: agent.id } },
                    {
                      onSuccess: ({ body }) => {
                        say(`Imported from ${agent.name}`);
                        onImported(body, agent.name);
                      },
                    },
                  )
                }
                className="flex min-h-9 w-full items-center gap-3 rounded-sm px-1 text-left hover:bg-n2"
              >
                <span className="min-w-0 flex-1 truncate font-medium">{agent.name}</span>
                <span className="text-n8">{agent.version ?? ""}</span>
                <StateMark {...agentLook(agent)} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
