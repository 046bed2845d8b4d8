/** Starts of jobs laid out over days, as the calendar draws them. */
import type { Api, EndpointOutput } from "@flowplane/contract";

type Items = EndpointOutput<Api["scheduleCalendar"]>["items"];

export interface CalendarEntry {
  readonly jobId: string;
  readonly name: string;
  /** The first start of that day, and how many more follow. */
  readonly at: number;
  readonly times: number;
}
export interface CalendarDay {
  readonly start: number;
  readonly entries: readonly CalendarEntry[];
}

/** `days` days from the one `from` is in, each with its jobs by first start. Days are those of the reader's zone. */
export function calendarDays(items: Items, from: number, days: number): CalendarDay[] {
  const first = new Date(from);
  return Array.from({ length: days }, (_, index) => {
    const start = new Date(first.getFullYear(), first.getMonth(), first.getDate() + index).getTime();
    const end = new Date(first.getFullYear(), first.getMonth(), first.getDate() + index + 1).getTime();
    const entries = items.flatMap(({ job_id: jobId, name, times }) => {
      const inside = times.map((time) => Date.parse(time)).filter((time) => time >= start && time < end);
      return inside[0] === undefined ? [] : [{ jobId, name, at: inside[0], times: inside.length }];
    });
    return { start, entries: entries.toSorted((a, b) => a.at - b.at) };
  });
}
