import { useQuery } from "@tanstack/react-query";
import type { Configuration } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { More } from "../../ui/More.tsx";

const VERSIONS_MAX = 100;

export interface WhatForm {
  readonly configuration: string;
  /** A version's number; "" for the current one. */
  readonly version: string;
  /** The version the others get; "" for no split. */
  readonly baseline: string;
  readonly percent: string;
  readonly message: string;
}

interface WhatFieldsProps {
  readonly form: WhatForm;
  readonly configurations: readonly Configuration[];
  readonly problem: string | undefined;
  readonly onChange: (part: Partial<WhatForm>) => void;
}

export function WhatFields({ form, configurations, problem, onChange }: WhatFieldsProps) {
  const current = configurations.find(({ id }) => id === form.configuration);
  const versions =
    useQuery({
      ...q("configurationVersionList", {
        params: { configuration_id: form.configuration },
        query: { limit: VERSIONS_MAX },
      }),
      enabled: form.configuration !== "",
    }).data?.items ?? [];
  const options = versions.map(({ version, message }) => (
    <option key={version} value={version}>
      {`v${version} · ${message.slice(0, 60)}`}
    </option>
  ));
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField
          label="Configuration"
          value={form.configuration}
          onChange={(event) => onChange({ configuration: event.target.value, version: "", baseline: "" })}
        >
          {configurations.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <SelectField
          label="Version"
          value={form.version}
          onChange={(event) => onChange({ version: event.target.value })}
        >
          <option value="">
            {current === undefined ? "the current one" : `the current one, v${current.current_version}`}
          </option>
          {options}
        </SelectField>
      </div>
      <TextField
        label="Why"
        placeholder="Kafka for audit logs"
        hint="Shown in the list of rollouts and kept in the audit log."
        maxLength={2_000}
        value={form.message}
        onChange={(event) => onChange({ message: event.target.value })}
      />
      <More title="Compare two versions (A/B)" open={form.baseline !== ""}>
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField
            label="The others get"
            value={form.baseline}
            onChange={(event) => onChange({ baseline: event.target.value })}
          >
            <option value="">no split: all get the version</option>
            {options}
          </SelectField>
          <TextField
            label="Share that gets the version, %"
            inputMode="decimal"
            hint="Always the same agents."
            value={form.percent}
            problem={problem}
            onChange={(event) => onChange({ percent: event.target.value })}
          />
        </div>
      </More>
    </div>
  );
}
