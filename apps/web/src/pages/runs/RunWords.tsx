import { TriangleAlert } from "lucide-react";
import { isTerminal, type Run } from "@flowplane/contract";
import { RUN_LOOK } from "../../api/states.ts";
import { useNow } from "../../lib/now.ts";
import { duration } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { StateMark } from "../../ui/StateMark.tsx";

export function RunState({ run }: { run: Pick<Run, "state"> & { frozen_since?: string | null } }) {
  if (run.state === "RUNNING" && typeof run.frozen_since === "string")
    return <StateMark word="Frozen" tone="attention" />;
  return <StateMark {...RUN_LOOK[run.state]} />;
}

/** Whether the detector found something in it: open incidents loud, past ones quiet. */
export function IncidentMark({ run }: { run: Pick<Run, "incidents"> }) {
  const { open, total } = run.incidents;
  if (total === 0) return null;
  const words = `${counted(total, "incident")}${open === 0 ? ", none open" : `, ${open} open`}`;
  return (
    <span
      title={words}
      className={`inline-flex items-center gap-0.5 text-xs ${open > 0 ? "text-bad" : "text-n8"}`}
    >
      <TriangleAlert size={12} aria-hidden="true" />
      {total}
      <span className="sr-only"> ({words})</span>
    </span>
  );
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
