/** What is gone of a run's log, as its row says it. */
export interface ToldLog {
  /** All of it. */
  readonly expired: boolean;
  /** First line that is kept. */
  readonly first_seq: number;
  /** Time of the last line that has expired. */
  readonly expired_until: Date | null;
}

const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "long",
  year: "numeric",
  timeZone: "UTC",
});
const COUNT = new Intl.NumberFormat("en-US");

/** What of a run's log has expired, in the words of API, command line and page; null when all of it is kept. Days are in UTC. */
export function logSentence({ expired, first_seq, expired_until }: ToldLog): string | null {
  if (expired) return "Its lines have expired. What is known about the run is kept.";
  if (first_seq <= 1) return null;
  return `Lines before ${COUNT.format(first_seq)}${untilWords(expired_until)} have expired.`;
}

/** What of a run's timeline has expired, in the words of API, command line and page. */
export function timelineSentence(entries: number, until: Date): string {
  return `${entries === 1 ? "1 entry" : `${COUNT.format(entries)} entries`}${untilWords(until)} ${entries === 1 ? "has" : "have"} expired.`;
}

/** Why the decisions about a run cannot be repeated, when something they were made of has expired; null when nothing has. */
export function replayRefusal(
  log: ToldLog,
  evidence: { readonly expiredChunk: number; readonly expiredUntil: Date | null },
): string | null {
  const gone = [
    log.first_seq > 1 && !log.expired
      ? `lines before ${COUNT.format(log.first_seq)}${untilWords(log.expired_until)}`
      : "",
    evidence.expiredChunk > 0
      ? `chunks of evidence up to ${COUNT.format(evidence.expiredChunk)}${untilWords(evidence.expiredUntil)}`
      : "",
  ].filter((words) => words !== "");
  if (gone.length === 0) return null;
  return `The decisions about this run can no longer be repeated: each follows from everything since the start, and ${gone.join(" and ")} have expired.`;
}

function untilWords(at: Date | null): string {
  return at === null ? "" : ` (until ${DAY.format(at)})`;
}
