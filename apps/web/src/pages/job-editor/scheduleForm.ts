/** A schedule as people edit it. */
import type { Api, EndpointInput, SchedulePolicy } from "@flowplane/contract";
import { numberIn } from "../../lib/numberIn.ts";

export const SCHEDULE_KINDS = ["none", "cron", "every", "at"] as const;
export const EVERY_UNITS = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 } as const;
export type EveryUnit = keyof typeof EVERY_UNITS;
export type ScheduleInput = EndpointInput<Api["schedulePreview"]>["body"]["schedule_policy"];

export interface ScheduleForm {
  readonly kind: (typeof SCHEDULE_KINDS)[number];
  readonly cron: string;
  readonly timeZone: string;
  readonly every: string;
  readonly unit: EveryUnit;
  /** As `<input type="datetime-local">` has it, in the reader's zone. */
  readonly at: string;
  readonly misfire: SchedulePolicy["misfire"];
  readonly overlap: SchedulePolicy["overlap"];
  readonly paused: boolean;
}

export function emptySchedule(timeZone: string): ScheduleForm {
  return {
    kind: "none",
    cron: "15 2 * * *",
    timeZone,
    every: "15",
    unit: "minutes",
    at: "",
    misfire: "last",
    overlap: "skip",
    paused: false,
  };
}

export function scheduleOf(schedule: SchedulePolicy | null, timeZone: string): ScheduleForm {
  const empty = emptySchedule(timeZone);
  if (schedule === null) return empty;
  const unit = unitOf(schedule.every_seconds ?? 900);
  return {
    kind: schedule.cron !== undefined ? "cron" : schedule.every_seconds !== undefined ? "every" : "at",
    cron: schedule.cron ?? empty.cron,
    timeZone: schedule.time_zone,
    every: String((schedule.every_seconds ?? 900) / EVERY_UNITS[unit]),
    unit,
    at: schedule.at === undefined ? "" : localInput(Date.parse(schedule.at)),
    misfire: schedule.misfire,
    overlap: schedule.overlap,
    paused: schedule.paused,
  };
}

/** The schedule as the API takes it; undefined for none; a sentence when something is missing. */
export function readSchedule(
  form: ScheduleForm,
): { schedule: ScheduleInput | undefined } | { problem: string } {
  const common = {
    time_zone: form.timeZone.trim() || "UTC",
    misfire: form.misfire,
    overlap: form.overlap,
    paused: form.paused,
  };
  switch (form.kind) {
    case "none":
      return { schedule: undefined };
    case "cron": {
      const cron = form.cron.trim().replace(/\s+/g, " ");
      return cron.split(" ").length === 5
        ? { schedule: { ...common, cron } }
        : { problem: "Five fields: minute, hour, day of the month, month, weekday." };
    }
    case "every": {
      const every = numberIn(form.every, { min: 1, max: 31_536_000, unit: form.unit });
      if (every === undefined) return { problem: "Say how often." };
      return typeof every === "object"
        ? every
        : { schedule: { ...common, every_seconds: Math.round(every * EVERY_UNITS[form.unit]) } };
    }
    case "at": {
      const at = Date.parse(form.at);
      return Number.isNaN(at)
        ? { problem: "Say when." }
        : { schedule: { ...common, at: new Date(at).toISOString() } };
    }
  }
}

function unitOf(seconds: number): EveryUnit {
  const units = ["days", "hours", "minutes"] as const;
  return units.find((unit) => seconds % EVERY_UNITS[unit] === 0) ?? "seconds";
}

function localInput(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
