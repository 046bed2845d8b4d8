import { SelectField, TextField } from "../../ui/Field.tsx";
import { Check } from "../../ui/Check.tsx";
import { More } from "../../ui/More.tsx";
import { oneOf } from "../../search.ts";
import { TimeZoneField } from "../job-editor/TimeZoneField.tsx";
import { WEEKDAYS, type Weekday } from "./rolloutForm.ts";
import type { PlanFieldsProps } from "./WaveFields.tsx";

/** What is judged, and what happens when too many fail. */
export function GateFields(props: PlanFieldsProps) {
  const { form, onChange } = props;
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <NumberField
          {...props}
          of="maxFailures"
          label="Failed agents allowed"
          hint="Over all waves. One more stops the rollout."
        />
        <SelectField
          label="When too many fail"
          value={form.onFailure}
          onChange={(event) =>
            onChange({ onFailure: oneOf(event.target.value, ["pause", "roll_back"]) ?? form.onFailure })
          }
        >
          <option value="roll_back">go back by itself</option>
          <option value="pause">pause and ask</option>
        </SelectField>
        <NumberField
          {...props}
          of="soakSeconds"
          label="Stay well for, seconds"
          hint="After an agent said that it runs the version."
        />
        <NumberField
          {...props}
          of="timeoutSeconds"
          label="Answer within, seconds"
          hint="Silence beyond that counts as failed."
        />
      </div>
      <Check
        checked={form.approval}
        onChange={(approval) => onChange({ approval })}
        hint="The first wave begins at once; each later one waits for somebody's word."
      >
        Ask before every further wave
      </Check>
    </div>
  );
}

/** What most people leave as it is. */
export function FurtherFields(props: PlanFieldsProps) {
  const { form, onChange } = props;
  return (
    <More title="Window, telemetry, new agents" open={form.hasWindow}>
      <div className="grid gap-4 sm:grid-cols-2">
        <NumberField
          {...props}
          of="maxUnavailable"
          label="At a time, agents"
          hint="Without a verdict at the same moment."
        />
        <NumberField {...props} of="minPassPercent" label="Of each wave must pass, %" decimal />
      </div>
      <Check
        checked={form.judgesTelemetry}
        onChange={(judgesTelemetry) => onChange({ judgesTelemetry })}
        hint="Of agents that report their own metrics, each against what is usual for it."
      >
        Judge throughput and errors, too
      </Check>
      {form.judgesTelemetry ? (
        <div className="grid gap-4 sm:grid-cols-2">
          <NumberField {...props} of="maxErrorPercent" label="More errors than usual, %" decimal />
          <NumberField {...props} of="maxDropPercent" label="Less accepted than usual, %" decimal />
        </div>
      ) : null}
      <Check checked={form.hasWindow} onChange={(hasWindow) => onChange({ hasWindow })}>
        Change agents only in a maintenance window
      </Check>
      {form.hasWindow ? <WindowFields {...props} /> : null}
      <Check checked={form.includeNew} onChange={(includeNew) => onChange({ includeNew })}>
        Agents that match later get the version, too
      </Check>
    </More>
  );
}

type NumberName =
  | "maxFailures"
  | "soakSeconds"
  | "timeoutSeconds"
  | "maxUnavailable"
  | "minPassPercent"
  | "maxErrorPercent"
  | "maxDropPercent";

/** One number of the plan, as it was typed. */
function NumberField({
  form,
  problems,
  onChange,
  of,
  label,
  hint,
  decimal = false,
}: PlanFieldsProps & { of: NumberName; label: string; hint?: string; decimal?: boolean }) {
  return (
    <TextField
      label={label}
      inputMode={decimal ? "decimal" : "numeric"}
      hint={hint}
      value={form[of]}
      problem={problems[of]}
      onChange={(event) => onChange({ [of]: event.target.value })}
    />
  );
}

const DAY_WORD: Readonly<Record<Weekday, string>> = {
  mon: "Mon",
  tue: "Tue",
  wed: "Wed",
  thu: "Thu",
  fri: "Fri",
  sat: "Sat",
  sun: "Sun",
};

function WindowFields({ form, problems, onChange }: PlanFieldsProps) {
  return (
    <div className="flex flex-col gap-4">
      <div role="group" aria-label="Days of the window" className="flex flex-wrap gap-1">
        {WEEKDAYS.map((day) => (
          <button
            key={day}
            type="button"
            aria-pressed={form.days.includes(day)}
            onClick={() =>
              onChange({
                days: WEEKDAYS.filter((one) => (one === day) !== form.days.includes(one)),
              })
            }
            className="h-8 rounded-md border border-n5 px-2 text-n9 hover:bg-n2 aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-accent max-md:h-9"
          >
            {DAY_WORD[day]}
          </button>
        ))}
      </div>
      {problems.days === undefined ? null : <p className="text-sm text-bad">{problems.days}</p>}
      <div className="grid gap-4 sm:grid-cols-3">
        <TextField
          label="From"
          type="time"
          value={form.from}
          onChange={(event) => onChange({ from: event.target.value })}
        />
        <TextField
          label="Until"
          type="time"
          value={form.until}
          problem={problems.until}
          hint={form.until < form.from ? "of the next day" : undefined}
          onChange={(event) => onChange({ until: event.target.value })}
        />
        <TimeZoneField value={form.timeZone} onChange={(timeZone) => onChange({ timeZone })} />
      </div>
    </div>
  );
}
