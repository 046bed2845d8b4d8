import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState } from "react";
import { q } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button, buttonClass, IconButton } from "../../ui/Button.tsx";
import { Empty, Page } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { calendarDays, type CalendarDay } from "./calendar.ts";

const DAYS = 7;
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const clockFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** Which jobs start when, over seven days. */
export default function JobCalendarPage() {
  const [week, setWeek] = useState(0);
  const [today] = useState(() => startOfDay(Date.now()));
  const first = new Date(today);
  const from = new Date(first.getFullYear(), first.getMonth(), first.getDate() + week * DAYS).getTime();
  const { data, error, refetch } = useQuery(
    q("scheduleCalendar", { query: { from: new Date(from).toISOString(), days: DAYS } }),
  );
  const more = data?.items.filter((item) => item.more > 0) ?? [];
  return (
    <Page
      title="Calendar"
      sentence="When jobs start by themselves, in your time zone."
      actions={
        <>
          <Link {...paths.jobs()} className={buttonClass("plain")}>
            List
          </Link>
          <IconButton label="Seven days back" look="plain" onClick={() => setWeek(week - 1)}>
            <ChevronLeft size={16} />
          </IconButton>
          <Button whyNot={week === 0 ? "It is shown already." : undefined} onClick={() => setWeek(0)}>
            From today
          </Button>
          <IconButton label="Seven days on" look="plain" onClick={() => setWeek(week + 1)}>
            <ChevronRight size={16} />
          </IconButton>
        </>
      }
    >
      {error !== null ? (
        <Problem error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Rows count={10} />
      ) : data.items.length === 0 ? (
        <Empty>No job starts by itself in these days.</Empty>
      ) : (
        <div className="grid gap-px overflow-hidden rounded-md border border-n4 bg-n4 md:grid-cols-7">
          {calendarDays(data.items, from, DAYS).map((day) => (
            <Day key={day.start} day={day} isToday={day.start === today} />
          ))}
        </div>
      )}
      {more.length === 0 ? null : (
        <p className="text-sm text-n8">
          Only the first starts are drawn of {more.map(({ name }) => name).join(", ")}: there are too many.
        </p>
      )}
    </Page>
  );
}

function Day({ day, isToday }: { day: CalendarDay; isToday: boolean }) {
  return (
    <section className="min-w-0 bg-n0 p-2 md:min-h-80">
      <h2 className={`pb-1.5 text-sm ${isToday ? "font-semibold text-accent" : "text-n8"}`}>
        {dayFormat.format(day.start)}
        {isToday ? ", today" : ""}
      </h2>
      {day.entries.length === 0 ? <p className="text-sm text-n8">nothing</p> : null}
      <ul className="flex flex-col gap-0.5">
        {day.entries.map((entry) => (
          <li key={entry.jobId}>
            <Link
              {...paths.job(entry.jobId)}
              title={`${entry.name}: ${counted(entry.times, "start")} this day, the first at ${clockFormat.format(entry.at)}`}
              className="flex items-baseline gap-1.5 rounded-sm px-1 py-0.5 hover:bg-n2"
            >
              <span className="shrink-0 text-sm text-n8">{clockFormat.format(entry.at)}</span>
              <span className="min-w-0 truncate">{entry.name}</span>
              {entry.times > 1 ? <span className="ml-auto text-sm text-n8">×{entry.times}</span> : null}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function startOfDay(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
