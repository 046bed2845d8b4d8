import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useState } from "react";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Problem } from "../../ui/Problem.tsx";
import type { ConfigurationText, PartName } from "./configurationText.ts";
import { ImportDialog } from "./ImportDialog.tsx";
import { cannotSave, useCheck } from "./useCheck.ts";
import { Workbench } from "./Workbench.tsx";

/** A beginning that works as it stands: it takes OTLP on loopback and prints what it gets. */
const FIRST = `receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      http:
        endpoint: 127.0.0.1:4318

processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: 400
  batch:

exporters:
  debug:

service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [debug]
`;

export default function NewConfigurationPage() {
  const { agent_id } = useSearch({ from: "/frame/configurations/new" });
  const navigate = useNavigate();
  const mayNot = useMayNot("configuration:write");
  const [name, setName] = useState("");
  const [text, setText] = useState<ConfigurationText>({ body: FIRST, overlays: [] });
  const [part, setPart] = useState<PartName>(undefined);
  const [imports, setImports] = useState(agent_id !== undefined);
  const checked = useCheck(text);
  const create = useApi("configurationCreate", {
    onSuccess: ({ id }) => {
      say("Created");
      void navigate(paths.configuration(id));
    },
  });
  const whyNot = mayNot ?? (name.trim() === "" ? "Give it a name." : undefined) ?? cannotSave(text, checked);
  return (
    <div className="flex h-full min-h-0 flex-col max-md:overflow-y-auto">
      <header className="px-6 pt-4 pb-1 max-md:px-4 max-md:pt-3">
        <h1 className="text-xl font-semibold tracking-tight">New configuration</h1>
        <p className="mt-0.5 max-w-[90ch] text-n9">
          Creating it changes no agent. Once it is there, a rollout brings it to the agents you choose.
        </p>
        {create.error === null ? null : <Problem error={create.error} />}
      </header>
      <form
        className="min-h-0 flex-1"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined && !create.isPending)
            create.mutate({ body: { name: name.trim(), body: text.body, overlays: [...text.overlays] } });
        }}
      >
        <Workbench
          text={text}
          onChange={setText}
          checked={checked}
          part={part}
          onPart={setPart}
          bar={
            <>
              <input
                aria-label="Name"
                placeholder="Name"
                maxLength={200}
                value={name}
                onChange={(event) => setName(event.target.value)}
                className="h-8 w-64 rounded-md border border-n7 bg-n0 px-2.5 placeholder:text-n8 max-md:h-10 max-md:w-full max-md:text-[16px]"
              />
              <Button icon={<Download size={14} aria-hidden="true" />} onClick={() => setImports(true)}>
                Import from an agent…
              </Button>
              <span className="flex-1" />
              <Button onClick={() => void navigate(paths.configurations())}>Cancel</Button>
              <Button type="submit" look="primary" busy={create.isPending} whyNot={whyNot}>
                Create
              </Button>
            </>
          }
        />
      </form>
      {imports ? (
        <ImportDialog
          agentId={agent_id}
          onImported={(imported, agentName) => {
            setText({ ...text, body: imported });
            setPart(undefined);
            if (name === "") setName(agentName);
            setImports(false);
          }}
          onClose={() => setImports(false)}
        />
      ) : null}
    </div>
  );
}
