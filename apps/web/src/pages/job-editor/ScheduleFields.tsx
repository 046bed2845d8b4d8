import { useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { q } from "../../api/query.ts";
import { oneOf } from "../../search.ts";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import {
  EVERY_UNITS,
  readSchedule,
  type EveryUnit,
  type ScheduleForm,
  type ScheduleInput,
} from "./scheduleForm.ts";
import { NextTimes } from "../job/NextTimes.tsx";
import { TimeZoneField } from "./TimeZoneField.tsx";

interface ScheduleFieldsProps {
  readonly form: ScheduleForm;
  readonly onChange: (part: Partial<ScheduleForm>) => void;
}
const KINDS = [
  { value: "none", word: "By hand" },
  { value: "cron", word: "Calendar" },
  { value: "every", word: "Every…" },
  { value: "at", word: "Once" },
] as const;
const PRESETS = [
  ["every 15 minutes", "*/15 * * * *"],
  ["every hour", "0 * * * *"],
  ["every night at 02:15", "15 2 * * *"],
  ["weekdays at 07:00", "0 7 * * 1-5"],
  ["the first of the month", "0 4 1 * *"],
] as const;
const UNITS = Object.keys(EVERY_UNITS) as EveryUnit[];
const MISFIRES = {
  skip: "leave them out",
  last: "start once",
  all: "start each of them (at most 100)",
} as const;
const OVERLAPS = {
  skip: "leave the new one out",
  queue: "let the new one wait",
  replace: "stop the old one",
  allow: "run both",
} as const;
const TIMES_SHOWN = 8;

export function ScheduleFields({ form, onChange }: ScheduleFieldsProps) {
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <div className="flex">
          <Scopes
            label="When it starts"
            scopes={KINDS}
            chosen={form.kind}
            onChoose={(kind) => onChange({ kind: kind ?? "none" })}
          />
        </div>
        {form.kind === "cron" ? <CronFields form={form} onChange={onChange} /> : null}
        {form.kind === "every" ? (
          <div className="grid grid-cols-2 gap-4">
            <TextField
              label="Every"
              inputMode="decimal"
              value={form.every}
              onChange={(event) => onChange({ every: event.target.value })}
            />
            <SelectField
              label="Unit"
              value={form.unit}
              onChange={(event) => onChange({ unit: oneOf(event.target.value, UNITS) ?? form.unit })}
            >
              {UNITS.map((unit) => (
                <option key={unit}>{unit}</option>
              ))}
            </SelectField>
          </div>
        ) : null}
        {form.kind === "at" ? (
          <TextField
            label="When"
            type="datetime-local"
            hint="In your own time zone."
            value={form.at}
            onChange={(event) => onChange({ at: event.target.value })}
          />
        ) : null}
        {form.kind === "none" ? null : (
          <div className="grid gap-4 md:grid-cols-2">
            <SelectField
              label="When the one before still runs"
              value={form.overlap}
              onChange={(event) =>
                onChange({
                  overlap: oneOf(event.target.value, ["skip", "queue", "replace", "allow"]) ?? form.overlap,
                })
              }
            >
              {Object.entries(OVERLAPS).map(([value, word]) => (
                <option key={value} value={value}>
                  {word}
                </option>
              ))}
            </SelectField>
            <SelectField
              label="Starts that were missed"
              value={form.misfire}
              onChange={(event) =>
                onChange({ misfire: oneOf(event.target.value, ["skip", "last", "all"]) ?? form.misfire })
              }
            >
              {Object.entries(MISFIRES).map(([value, word]) => (
                <option key={value} value={value}>
                  {word}
                </option>
              ))}
            </SelectField>
          </div>
        )}
      </div>
      <Preview form={form} />
    </div>
  );
}

function CronFields({ form, onChange }: ScheduleFieldsProps) {
  return (
    <>
      <TextField
        label="Cron expression"
        className="font-mono"
        hint="minute hour day-of-month month weekday"
        spellCheck={false}
        autoComplete="off"
        value={form.cron}
        onChange={(event) => onChange({ cron: event.target.value })}
      />
      <div className="flex flex-wrap gap-1.5">
        {PRESETS.map(([word, cron]) => (
          <button
            key={cron}
            type="button"
            aria-pressed={form.cron === cron}
            onClick={() => onChange({ cron })}
            className="h-7 rounded-md border border-n5 px-2 text-sm text-n9 hover:bg-n2 aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {word}
          </button>
        ))}
      </div>
      <TimeZoneField value={form.timeZone} onChange={(timeZone) => onChange({ timeZone })} />
    </>
  );
}

/** The next times as they would be, with what daylight saving does to them. */
function Preview({ form }: { form: ScheduleForm }) {
  const read = useDeferredValue(readSchedule(form));
  if ("problem" in read) return <p className="text-n9">{read.problem}</p>;
  if (read.schedule === undefined)
    return (
      <p className="text-n9">It starts when somebody asks: from this page, the command line or the API.</p>
    );
  return <Times schedule={read.schedule} />;
}

function Times({ schedule }: { schedule: ScheduleInput }) {
  const { data, error } = useQuery({
    ...q("schedulePreview", { body: { schedule_policy: schedule, count: TIMES_SHOWN } }),
    placeholderData: (before) => before,
    retry: false,
  });
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <Rows count={TIMES_SHOWN} />;
  return (
    <section aria-label="Next times" aria-live="polite" className="flex min-w-0 flex-col gap-2">
      <h3 className="font-medium first-letter:uppercase">{data.in_words}</h3>
      <NextTimes times={data.times} />
    </section>
  );
}
