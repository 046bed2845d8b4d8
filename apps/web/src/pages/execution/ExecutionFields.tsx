import { useQuery } from "@tanstack/react-query";
import { ISOLATION_MODES, RETRY_REASONS } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { oneOf } from "../../search.ts";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import type { ExecutionField, ExecutionForm, Problems } from "./executionForm.ts";

export interface ExecutionFieldsProps {
  readonly form: ExecutionForm;
  readonly problems: Problems;
  readonly onChange: (part: Partial<ExecutionForm>) => void;
}
const SECRETS_MAX = 200;
const NETWORKS = ["none", "host", "bridge"] as const;
const ISOLATION_WORD = {
  process: "a process like any other",
  idle: "idle: only what nobody else wants of CPU and disk",
  container: "a rootless container",
} as const;
const REASON_WORD = {
  failed: "it failed",
  timed_out: "it ran out of time",
  lost: "it was lost",
  succeeded: "it succeeded",
} as const;

interface OneProps extends ExecutionFieldsProps {
  readonly field: Exclude<ExecutionField, "retryOn">;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly mono?: boolean;
}

function One({ form, problems, onChange, field, label, hint, placeholder, mono = false }: OneProps) {
  return (
    <TextField
      label={label}
      hint={hint}
      problem={problems[field]}
      placeholder={placeholder}
      className={mono ? "font-mono" : ""}
      inputMode={mono ? "text" : "decimal"}
      autoComplete="off"
      spellCheck={false}
      value={form[field]}
      onChange={(event) => onChange({ [field]: event.target.value })}
    />
  );
}

/** The folder, the variables, and the secrets among them. */
export function EnvironmentFields({
  envHint = "One NAME=value a line. Values are given to the program and never shown again.",
  ...props
}: ExecutionFieldsProps & { envHint?: string }) {
  const { form, problems, onChange } = props;
  const secrets = useQuery(q("secretList", { query: { limit: SECRETS_MAX } })).data?.items ?? [];
  return (
    <>
      <One {...props} field="cwd" label="Folder" placeholder="the agent's work folder for runs" mono />
      <TextArea
        label="Environment"
        hint={envHint}
        className="font-mono text-sm"
        spellCheck={false}
        value={form.env}
        problem={problems.env}
        onChange={(event) => onChange({ env: event.target.value })}
      />
      <TextArea
        label="Secrets"
        rows={2}
        hint={
          secrets.length === 0
            ? "One NAME=SECRET a line, of the secrets stored in the settings. There is none yet."
            : `One NAME=SECRET a line. Stored: ${secrets.map(({ name }) => name).join(", ")}.`
        }
        placeholder={secrets[0] === undefined ? "" : `PGPASSWORD=${secrets[0].name}`}
        className="font-mono text-sm"
        spellCheck={false}
        value={form.secrets}
        problem={problems.secrets}
        onChange={(event) => onChange({ secrets: event.target.value })}
      />
      <One
        {...props}
        field="inherit"
        label="Taken over from the agent"
        placeholder="PATH HOME"
        hint="Names of variables of the agent's own that the program gets as well."
        mono
      />
    </>
  );
}

export function LimitFields(props: ExecutionFieldsProps) {
  return (
    <div className="grid grid-cols-2 gap-4 md:grid-cols-3">
      <One {...props} field="maxMinutes" label="Runtime, minutes" placeholder="no limit" />
      <One {...props} field="memory" label="Memory, MiB" placeholder="no limit" />
      <One {...props} field="cpu" label="CPU, cores" placeholder="no limit" />
      <One {...props} field="pids" label="Processes" placeholder="no limit" />
      <One {...props} field="openFiles" label="Open files" placeholder="no limit" />
      <One {...props} field="fileSize" label="Largest file, MiB" placeholder="no limit" />
      <One {...props} field="grace" label="Grace, seconds" hint="Between SIGTERM and SIGKILL." />
      <One {...props} field="nice" label="Nice" placeholder="0" hint="19 gives way most." />
      <One {...props} field="umask" label="Umask" placeholder="022" mono />
    </div>
  );
}

export function IsolationFields(props: ExecutionFieldsProps) {
  const { form, onChange } = props;
  return (
    <div className="grid gap-4 md:grid-cols-2">
      <SelectField
        label="Isolation"
        value={form.isolation}
        onChange={(event) => onChange({ isolation: oneOf(event.target.value, ISOLATION_MODES) ?? "" })}
      >
        <option value="">as the site says</option>
        {ISOLATION_MODES.map((mode) => (
          <option key={mode} value={mode}>
            {ISOLATION_WORD[mode]}
          </option>
        ))}
      </SelectField>
      {form.isolation === "container" ? (
        <>
          <One {...props} field="image" label="Image" placeholder="docker.io/library/alpine:3" mono />
          <SelectField
            label="Network"
            value={form.network}
            onChange={(event) => onChange({ network: oneOf(event.target.value, NETWORKS) ?? "none" })}
          >
            {NETWORKS.map((network) => (
              <option key={network}>{network}</option>
            ))}
          </SelectField>
        </>
      ) : null}
      <One
        {...props}
        field="user"
        label="User"
        placeholder="the agent's"
        hint="Needs an agent that may change users."
        mono
      />
      <One {...props} field="group" label="Group" placeholder="the user's" mono />
    </div>
  );
}

export function RetryFields(props: ExecutionFieldsProps) {
  const { form, problems, onChange } = props;
  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-2 gap-4 md:grid-cols-3">
        <One {...props} field="retries" label="Retries" hint="0: none." />
        <One {...props} field="backoff" label="First wait, seconds" hint="It doubles, with jitter." />
        <One {...props} field="backoffMax" label="Longest wait, seconds" />
      </div>
      <fieldset className="flex flex-wrap gap-x-5 gap-y-1">
        <legend className="mb-1 font-medium">Again when</legend>
        {RETRY_REASONS.map((reason) => (
          <label key={reason} className="inline-flex items-center gap-2">
            <input
              type="checkbox"
              checked={form.retryOn.includes(reason)}
              onChange={(event) =>
                onChange({
                  retryOn: event.target.checked
                    ? [...form.retryOn, reason]
                    : form.retryOn.filter((one) => one !== reason),
                })
              }
            />
            {REASON_WORD[reason]}
          </label>
        ))}
        {problems.retryOn === undefined ? null : <p className="text-sm text-bad">{problems.retryOn}</p>}
      </fieldset>
    </div>
  );
}

/** How a run shows that it gets on, for the detector of stalls. */
export function ProgressFields(props: ExecutionFieldsProps) {
  return (
    <div className="grid gap-4 md:grid-cols-2">
      <One
        {...props}
        field="heartbeat"
        label="Sign of life at least every, seconds"
        hint="By “flowplane heartbeat”, sd_notify, the file or the pattern. Empty: not asked for."
      />
      <One
        {...props}
        field="progressFile"
        label="A file that changes"
        placeholder="/srv/import/checkpoint"
        mono
      />
      <One
        {...props}
        field="progressPattern"
        label="A line that matches"
        placeholder="page \d+ of"
        hint="A regular expression."
        mono
      />
    </div>
  );
}
