import { absoluteTime, relativeTime } from "../lib/time.ts";
import { useNow } from "../lib/now.ts";

/** A point in time, relative; the absolute one on hover and for programs. */
export function Time({ at, className }: { at: string | null; className?: string }) {
  const now = useNow();
  if (at === null) return <span className="text-n8">never</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={absoluteTime(ms)} className={className}>
      {relativeTime(ms, now)}
    </time>
  );
}
