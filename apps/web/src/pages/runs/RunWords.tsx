import { isTerminal, type Run } from "@flowplane/contract";
import { RUN_LOOK } from "../../api/states.ts";
import { useNow } from "../../lib/now.ts";
import { duration } from "../../lib/time.ts";
import { StateMark } from "../../ui/StateMark.tsx";

export function RunState({ run }: { run: Pick<Run, "state"> }) {
  return <StateMark {...RUN_LOOK[run.state]} />;
}

/** How long it ran, or runs. */
export function RunDuration({ run }: { run: Pick<Run, "state" | "started_at" | "ended_at"> }) {
  if (run.started_at === null) return <span className="text-n8">–</span>;
  const start = Date.parse(run.started_at);
  if (run.ended_at !== null)
    return <span className="text-n9">{duration(Date.parse(run.ended_at) - start)}</span>;
  return isTerminal(run.state) ? <span className="text-n8">–</span> : <Ticking start={start} />;
}

function Ticking({ start }: { start: number }) {
  const now = useNow();
  return <span className="text-n9">{duration(Math.floor(Math.max(0, now - start) / 1_000) * 1_000)}</span>;
}
