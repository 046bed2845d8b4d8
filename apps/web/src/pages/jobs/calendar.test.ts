import { expect, test } from "vitest";
import { calendarDays } from "./calendar.ts";

const at = (day: number, hour: number) => new Date(2026, 2, day, hour).toISOString();

test("starts fall on their days, jobs by their first start, and a day without any stays empty", () => {
  const items = [
    { job_id: "late", name: "late", times: [at(27, 22), at(28, 22)], more: 0 },
    { job_id: "often", name: "often", times: [at(27, 6), at(27, 12), at(27, 18)], more: 4 },
  ];
  const days = calendarDays(items, new Date(2026, 2, 27, 5).getTime(), 3);
  expect(days.map(({ start }) => new Date(start).getDate())).toEqual([27, 28, 29]);
  expect(days.map(({ entries }) => entries.map(({ name, times }) => `${name} ×${times}`))).toEqual([
    ["often ×3", "late ×1"],
    ["late ×1"],
    [],
  ]);
});

test("the day clocks change has its own length", () => {
  const days = calendarDays([], new Date(2026, 2, 28).getTime(), 3);
  expect(days.every(({ start }) => new Date(start).getHours() === 0)).toBe(true);
});
