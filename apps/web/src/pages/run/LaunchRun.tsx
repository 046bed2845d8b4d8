import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Run } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { parseLabels } from "../../lib/labels.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { More } from "../../ui/More.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import {
  EnvironmentFields,
  IsolationFields,
  LimitFields,
  ProgressFields,
  RetryFields,
} from "../execution/ExecutionFields.tsx";
import {
  emptyExecution,
  executionOfRun,
  readExecution,
  type ExecutionForm,
} from "../execution/executionForm.ts";
import { useLaunchAgents, usePolicies } from "../execution/useTargets.ts";

/** Chosen instead of an agent: whichever connected one carries the labels. */
const BY_LABELS = "by-labels";

interface LaunchRunProps {
  readonly agentId: string | undefined;
  /** The run to begin with: its command, limits and agent. */
  readonly like: string | undefined;
  readonly onClose: () => void;
}

/** One field is enough: what to run. The rest has defaults and stands behind "More". */
export default function LaunchRun({ agentId, like, onClose }: LaunchRunProps) {
  const model = useQuery({
    ...q("runRead", { params: { run_id: like ?? "" } }),
    enabled: like !== undefined,
  });
  if (like === undefined) return <LaunchDialog agentId={agentId} model={undefined} onClose={onClose} />;
  if (model.data !== undefined)
    return (
      <LaunchDialog
        agentId={agentId ?? model.data.agent_id ?? undefined}
        model={model.data}
        onClose={onClose}
      />
    );
  return (
    <Dialog title="Launch a run" onClose={onClose}>
      {model.error === null ? <Rows count={4} /> : <Problem error={model.error} />}
    </Dialog>
  );
}

function LaunchDialog({
  agentId,
  model,
  onClose,
}: {
  agentId: string | undefined;
  model: Run | undefined;
  onClose: () => void;
}) {
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  const [form, setForm] = useState<ExecutionForm>(
    model === undefined ? emptyExecution : executionOfRun(model),
  );
  const [rest, setRest] = useState({
    agent: agentId ?? "",
    labels: "",
    name: model?.name ?? "",
    policy: model?.policy?.id ?? "",
  });
  const change = (part: Partial<ExecutionForm>) => setForm((now) => ({ ...now, ...part }));
  const set = (part: Partial<typeof rest>) => setRest((now) => ({ ...now, ...part }));
  const launch = useApi("runCreate", { onSuccess: (run) => void navigate(paths.run(run.id)) });
  const read = readExecution(form);
  const problems = "problems" in read ? read.problems : {};
  const labels = parseLabels(rest.labels);
  const labelProblem = rest.agent === BY_LABELS && "problem" in labels ? labels.problem : undefined;
  const agents = useLaunchAgents(agentId);
  const policies = usePolicies();
  const target = rest.agent === "" && agents.length === 1 ? (agents[0]?.id ?? "") : rest.agent;
  const whyNot =
    mayNot ??
    (form.command.trim() === "" ? "Say what to run." : undefined) ??
    Object.values(problems)[0] ??
    unfilled(form.env, model) ??
    labelProblem ??
    (target === ""
      ? agents.length === 0
        ? "No connected site agent could run it."
        : "Choose an agent."
      : undefined);
  const submit = () => {
    if (whyNot !== undefined || "problems" in read || "problem" in labels) return;
    launch.mutate({
      body: {
        ...read.fields,
        ...(target === BY_LABELS ? { placement: { labels: labels.labels } } : { agent_id: target }),
        ...(rest.name.trim() === "" ? {} : { name: rest.name.trim() }),
        ...(rest.policy === "" ? {} : { policy: { policy_id: rest.policy } }),
      },
    });
  };
  const fields = { form, problems, onChange: change };
  return (
    <Dialog
      title={model === undefined ? "Launch a run" : `Launch ${model.name} with changes`}
      wide
      description={
        <>
          The program starts without a shell; for pipes and variables write{" "}
          <code className="font-mono text-sm whitespace-nowrap">sh -c '…'</code>.
          {model === undefined || model.env_names.length === 0
            ? ""
            : " Values of variables are never shown, so fill them in again."}
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
          problem={form.command === "" ? undefined : problems.command}
          onChange={(event) => change({ command: event.target.value })}
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
          <option value={BY_LABELS}>the least loaded one that carries labels…</option>
        </SelectField>
        {rest.agent === BY_LABELS ? (
          <TextArea
            label="Labels"
            rows={2}
            hint="One key=value a line. The run waits until an agent fits."
            className="font-mono text-sm"
            spellCheck={false}
            value={rest.labels}
            problem={labelProblem}
            onChange={(event) => set({ labels: event.target.value })}
          />
        ) : null}
        <More
          title="More: name, folder, environment"
          open={model !== undefined && model.env_names.length > 0}
        >
          <TextField
            label="Name"
            placeholder="the program's name"
            value={rest.name}
            maxLength={200}
            onChange={(event) => set({ name: event.target.value })}
          />
          <EnvironmentFields {...fields} />
        </More>
        <More title="More: limits and isolation">
          <LimitFields {...fields} />
          <IsolationFields {...fields} />
        </More>
        <More title="More: retries, progress, detection policy">
          <RetryFields {...fields} />
          <ProgressFields {...fields} />
          <SelectField
            label="Detection policy"
            value={rest.policy}
            onChange={(event) => set({ policy: event.target.value })}
          >
            <option value="">the default one</option>
            {policies.map((policy) => (
              <option key={policy.id} value={policy.id}>
                {policy.name} v{policy.current_version}, {policy.current.mode}
              </option>
            ))}
          </SelectField>
        </More>
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

/** A value that was never shown must not become an empty one by oversight. */
function unfilled(env: string, model: Run | undefined): string | undefined {
  const name = model?.env_names.find((name) => env.split("\n").some((line) => line.trim() === `${name}=`));
  return name === undefined ? undefined : `Give ${name} its value, or take its line out.`;
}
