import { expect, test } from "vitest";
import { SchedulePolicy } from "@flowplane/contract";
import { emptySchedule, readSchedule, scheduleOf, type ScheduleForm } from "./scheduleForm.ts";

const form = (part: Partial<ScheduleForm>): ScheduleForm => ({ ...emptySchedule("Europe/Berlin"), ...part });
const rest = { time_zone: "Europe/Berlin", misfire: "last", overlap: "skip", paused: false };

test.each<[Partial<ScheduleForm>, object]>([
  [{ kind: "none" }, { schedule: undefined }],
  [{ kind: "cron", cron: " 15  2 * * 1-5 " }, { schedule: { ...rest, cron: "15 2 * * 1-5" } }],
  [{ kind: "cron", cron: "15 2" }, { problem: expect.stringMatching(/Five fields/) }],
  [{ kind: "every", every: "1.5", unit: "hours" }, { schedule: { ...rest, every_seconds: 5_400 } }],
  [{ kind: "every", every: "" }, { problem: "Say how often." }],
  [{ kind: "every", every: "-1" }, { problem: expect.stringMatching(/At least/) }],
  [{ kind: "at", at: "" }, { problem: "Say when." }],
])("%j reads as %j", (part, expected) => {
  expect(readSchedule(form(part))).toEqual(expected);
});

test.each([
  { cron: "*/20 * * * *", time_zone: "Asia/Tokyo", overlap: "queue" },
  { every_seconds: 172_800 },
  { every_seconds: 90, misfire: "all" },
  { at: "2027-03-28T01:30:00.000Z", time_zone: "Europe/Berlin" },
])("%j survives being edited", (raw) => {
  const schedule = SchedulePolicy.parse(raw);
  expect(readSchedule(scheduleOf(schedule, "UTC"))).toEqual({ schedule });
});
