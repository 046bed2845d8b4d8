import { CATEGORIES, POLICY_MODES, type PolicyMode } from "@flowplane/contract";
import { MODE_LOOK } from "../../api/states.ts";
import { oneOf } from "../../search.ts";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { Section } from "../../ui/Page.tsx";
import { LadderFields } from "./LadderFields.tsx";
import type { PolicyForm } from "./policyForm.ts";

const MODE_MEANS: Readonly<Record<PolicyMode, string>> = {
  shadow: "Watches and tells. Each incident says what would have been done.",
  canary: "Acts on a share of the runs, always the same ones, and only watches the others.",
  enforce: "Acts on every run.",
};
const SENSITIVITIES = ["low", "medium", "high"] as const;

export function PolicyFields({
  form,
  onChange,
}: {
  form: PolicyForm;
  onChange: (part: Partial<PolicyForm>) => void;
}) {
  const text = (
    field:
      | "canaryPercent"
      | "warmUpSeconds"
      | "cooldownMinutes"
      | "guardCount"
      | "guardMinutes"
      | "fallbackMinutes",
    label: string,
    hint?: string,
  ) => (
    <TextField
      label={label}
      hint={hint}
      inputMode="decimal"
      value={form[field]}
      onChange={(event) => onChange({ [field]: event.target.value })}
    />
  );
  return (
    <>
      <Section title="How far it goes">
        <div className="grid gap-4 md:grid-cols-3">
          <SelectField
            label="Mode"
            hint={MODE_MEANS[form.mode]}
            value={form.mode}
            onChange={(event) => onChange({ mode: oneOf(event.target.value, POLICY_MODES) ?? form.mode })}
          >
            {POLICY_MODES.map((mode) => (
              <option key={mode} value={mode}>
                {MODE_LOOK[mode].word}
              </option>
            ))}
          </SelectField>
          {form.mode === "canary" ? text("canaryPercent", "Share of the runs, %") : null}
          <SelectField
            label="Sensitivity"
            hint="Low waits longer before it is sure."
            value={form.sensitivity}
            onChange={(event) =>
              onChange({ sensitivity: oneOf(event.target.value, SENSITIVITIES) ?? form.sensitivity })
            }
          >
            {SENSITIVITIES.map((sensitivity) => (
              <option key={sensitivity}>{sensitivity}</option>
            ))}
          </SelectField>
        </div>
      </Section>
      <Section title="What is done">
        <div className="flex flex-col gap-3">
          {CATEGORIES.map((category) => (
            <LadderFields
              key={category}
              category={category}
              ladder={form.ladders[category]}
              onChange={(ladder) => onChange({ ladders: { ...form.ladders, [category]: ladder } })}
            />
          ))}
        </div>
      </Section>
      <Section title="What is by design">
        <TextArea
          label="Benign patterns"
          hint="Parts of lines these jobs print by design, one a line."
          className="font-mono text-sm"
          spellCheck={false}
          value={form.benign}
          onChange={(event) => onChange({ benign: event.target.value })}
        />
      </Section>
      <Section title="Brakes">
        <div className="grid grid-cols-2 gap-4 md:grid-cols-3">
          {text("warmUpSeconds", "Warm-up, seconds", "No intervention so soon after a start.")}
          {text("cooldownMinutes", "Cooldown, minutes", "Between two interventions on one run.")}
          <span className="max-md:hidden" />
          {text("guardCount", "Interventions at most", "In one site, within the time beside.")}
          {text("guardMinutes", "Within, minutes")}
          {text("fallbackMinutes", "Then shadow for, minutes")}
        </div>
      </Section>
    </>
  );
}
