import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { GRACE_MS_DEFAULT } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { splitCommand } from "../../lib/argv.ts";
import { parseEnvironment } from "../../lib/environment.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";

const AGENTS_SHOWN_MAX = 200;

/** One field is enough: what to run. The rest has defaults and stands behind "More". */
export default function LaunchRun({
  agentId,
  onClose,
}: {
  agentId: string | undefined;
  onClose: () => void;
}) {
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  const [form, setForm] = useState({
    command: "",
    agent: agentId ?? "",
    name: "",
    cwd: "",
    env: "",
    grace: String(GRACE_MS_DEFAULT / 1_000),
    limit: "",
  });
  const set = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }));
  const launch = useApi("runCreate", { onSuccess: (run) => void navigate(paths.run(run.id)) });
  const argv = splitCommand(form.command);
  const env = parseEnvironment(form.env);
  const commandProblem = form.command === "" || !("problem" in argv) ? undefined : argv.problem;
  const envProblem = "problem" in env ? env.problem : undefined;
  const agents = useLaunchAgents(agentId);
  const target = form.agent === "" && agents.length === 1 ? (agents[0]?.id ?? "") : form.agent;
  const whyNot =
    mayNot ??
    (form.command.trim() === "" ? "Say what to run." : undefined) ??
    commandProblem ??
    envProblem ??
    (target === ""
      ? agents.length === 0
        ? "No connected site agent could run it."
        : "Choose an agent."
      : undefined);
  const submit = () => {
    if (whyNot !== undefined || "problem" in argv || "problem" in env) return;
    const [command = "", ...args] = argv;
    launch.mutate({
      body: {
        command,
        args,
        env: env.values,
        agent_id: target,
        grace_ms: Math.round(Number(form.grace) * 1_000),
        max_runtime_ms: form.limit === "" ? null : Math.round(Number(form.limit) * 60_000),
        ...(form.name.trim() === "" ? {} : { name: form.name.trim() }),
        ...(form.cwd === "" ? {} : { cwd: form.cwd }),
      },
    });
  };
  return (
    <Dialog
      title="Launch a run"
      description={
        <>
          The program starts without a shell; for pipes and variables write{" "}
          <code className="font-mono text-sm whitespace-nowrap">sh -c '…'</code>.
        </>
      }
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!launch.isPending) submit();
        }}
      >
        <TextArea
          label="Command"
          autoFocus
          rows={2}
          spellCheck={false}
          className="font-mono"
          placeholder="backup --to s3://bucket 'a name with spaces'"
          value={form.command}
          problem={commandProblem}
          onChange={(event) => set({ command: event.target.value })}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        <SelectField label="Agent" value={target} onChange={(event) => set({ agent: event.target.value })}>
          {agents.length === 1 ? null : <option value="">Choose an agent…</option>}
          {agents.map(({ id, name, hostname }) => (
            <option key={id} value={id}>
              {name}
              {hostname === null || hostname === name ? "" : ` (${hostname})`}
            </option>
          ))}
        </SelectField>
        <details className="group">
          <summary className="cursor-pointer rounded-sm text-n9 hover:text-n10">
            More: name, folder, environment, limits
          </summary>
          <div className="flex flex-col gap-4 pt-4">
            <TextField
              label="Name"
              placeholder="the program's name"
              value={form.name}
              maxLength={200}
              onChange={(event) => set({ name: event.target.value })}
            />
            <TextField
              label="Folder"
              placeholder="the agent's work folder for runs"
              className="font-mono"
              pattern="/.*"
              title="An absolute path"
              value={form.cwd}
              onChange={(event) => set({ cwd: event.target.value })}
            />
            <TextArea
              label="Environment"
              hint="One NAME=value a line. Values are given to the program and never shown again."
              className="font-mono text-sm"
              spellCheck={false}
              value={form.env}
              problem={envProblem}
              onChange={(event) => set({ env: event.target.value })}
            />
            <div className="grid grid-cols-2 gap-4">
              <TextField
                label="Grace, seconds"
                hint="Between SIGTERM and SIGKILL."
                type="number"
                min={0}
                max={600}
                required
                value={form.grace}
                onChange={(event) => set({ grace: event.target.value })}
              />
              <TextField
                label="Limit, minutes"
                hint="Empty: as long as it takes."
                type="number"
                min={1}
                value={form.limit}
                onChange={(event) => set({ limit: event.target.value })}
              />
            </div>
          </div>
        </details>
        {launch.error === null ? null : <Problem error={launch.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={launch.isPending} whyNot={whyNot}>
            Launch
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** Connected site agents, with the one asked for even when it is not among the first. */
function useLaunchAgents(
  agentId: string | undefined,
): { id: string; name: string; hostname: string | null }[] {
  const connected = useQuery(
    q("agentList", { query: { kind: "site", state: "connected", limit: AGENTS_SHOWN_MAX } }),
  ).data;
  const wanted = useQuery({
    ...q("agentRead", { params: { agent_id: agentId ?? "" } }),
    enabled: agentId !== undefined,
  }).data;
  const items = connected?.items ?? [];
  return wanted === undefined || items.some(({ id }) => id === wanted.id) ? items : [wanted, ...items];
}
