import { useQuery } from "@tanstack/react-query";
import { HEALTH_LEVELS } from "@flowplane/contract";
import { HEALTH_LOOK } from "../../api/states.ts";
import { q } from "../../api/query.ts";
import { useNow } from "../../lib/now.ts";
import { clockTime, duration } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { StateMark } from "../../ui/StateMark.tsx";
import { TONE_FILL } from "../../ui/toneFill.ts";

const DAY_MS = 86_400_000;

/** The last 24 hours as one band, and the time spent in each level. */
export function HealthHistory({ agentId }: { agentId: string }) {
  const history = useQuery(q("agentHealthHistory", { params: { agent_id: agentId } })).data;
  const now = useNow();
  if (history === undefined || history.spans.length === 0) return null;
  const from = now - DAY_MS;
  const share = (at: number) => Math.min(100, Math.max(0, ((at - from) / DAY_MS) * 100));
  const spent = HEALTH_LEVELS.filter((level) => (history.seconds[level] ?? 0) > 0);
  return (
    <div className="flex flex-col gap-1.5">
      <ol
        aria-label="Health over the last 24 hours"
        className="relative h-3 overflow-hidden rounded-sm bg-n2"
      >
        {history.spans.map((span) => {
          const [start, end] = [Date.parse(span.from), span.to === null ? now : Date.parse(span.to)];
          const words = `${HEALTH_LOOK[span.level].word} from ${clockTime(start).slice(0, 5)} for ${duration(end - Math.max(start, from))}: ${span.reason}`;
          return (
            <li
              key={span.from}
              title={words}
              className={`absolute inset-y-0 ${TONE_FILL[HEALTH_LOOK[span.level].tone]}`}
              style={{ left: `${share(start)}%`, width: `${share(end) - share(start)}%`, minWidth: 1 }}
            >
              <span className="sr-only">{words}</span>
            </li>
          );
        })}
      </ol>
      <div aria-hidden="true" className="flex justify-between text-xs text-n8">
        <span>24 h ago</span>
        <span>now</span>
      </div>
      <p className="flex flex-wrap gap-x-4 gap-y-1 text-n9">
        {spent.map((level) => (
          <span key={level} className="inline-flex items-center gap-1.5">
            <StateMark {...HEALTH_LOOK[level]} quiet />
            <span className="text-n8">{duration((history.seconds[level] ?? 0) * 1_000)}</span>
          </span>
        ))}
        <span className="text-n8">
          {history.flaps === 0 ? "no change of health" : counted(history.flaps, "change")}
          {history.score === null ? "" : ` · score ${history.score}`}
        </span>
      </p>
    </div>
  );
}
