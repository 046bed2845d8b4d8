const MINUTES_SHOWN_FROM_S = 600;
const DAYS_SHOWN_FROM_S = 86_400;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A moment (ms) on an axis from one moment to another (s), as fine as the axis is long. */
export function timeWords(at: number, [from, to]: readonly [number, number]): string {
  const length = to - from;
  if (length >= DAYS_SHOWN_FROM_S) return `${day.format(at)} ${clock.format(at)}`;
  return length >= MINUTES_SHOWN_FROM_S ? clock.format(at) : seconds.format(at);
}
