import { SelectField, TextField } from "../../ui/Field.tsx";
import { Check } from "../../ui/Check.tsx";
import { More } from "../../ui/More.tsx";
import { oneOf } from "../../search.ts";
import { TimeZoneField } from "../job-editor/TimeZoneField.tsx";
import { WEEKDAYS, type Weekday } from "./rolloutForm.ts";
import type { PlanFieldsProps } from "./WaveFields.tsx";

/** What is judged, and what happens when too many fail. */
export function GateFields({ form, problems, onChange }: PlanFieldsProps) {
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="Failed agents allowed"
          inputMode="numeric"
          hint="Over all waves. One more stops the rollout."
          value={form.maxFailures}
          problem={problems.maxFailures}
          onChange={(event) => onChange({ maxFailures: event.target.value })}
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
        <TextField
          label="Stay well for, seconds"
          inputMode="numeric"
          hint="After an agent said that it runs the version."
          value={form.soakSeconds}
          problem={problems.soakSeconds}
          onChange={(event) => onChange({ soakSeconds: event.target.value })}
        />
        <TextField
          label="Answer within, seconds"
          inputMode="numeric"
          hint="Silence beyond that counts as failed."
          value={form.timeoutSeconds}
          problem={problems.timeoutSeconds}
          onChange={(event) => onChange({ timeoutSeconds: event.target.value })}
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
  const { form, problems, onChange } = props;
  return (
    <More title="Window, telemetry, new agents" open={form.hasWindow}>
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="At a time, agents"
          inputMode="numeric"
          hint="Without a verdict at the same moment."
          value={form.maxUnavailable}
          problem={problems.maxUnavailable}
          onChange={(event) => onChange({ maxUnavailable: event.target.value })}
        />
        <TextField
          label="Of each wave must pass, %"
          inputMode="decimal"
          value={form.minPassPercent}
          problem={problems.minPassPercent}
          onChange={(event) => onChange({ minPassPercent: event.target.value })}
        />
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
          <TextField
            label="More errors than usual, %"
            inputMode="decimal"
            value={form.maxErrorPercent}
            problem={problems.maxErrorPercent}
            onChange={(event) => onChange({ maxErrorPercent: event.target.value })}
          />
          <TextField
            label="Less accepted than usual, %"
            inputMode="decimal"
            value={form.maxDropPercent}
            problem={problems.maxDropPercent}
            onChange={(event) => onChange({ maxDropPercent: event.target.value })}
          />
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
