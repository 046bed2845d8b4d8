import type { Run } from "@flowplane/contract";
import { useNow } from "../../lib/now.ts";
import { duration } from "../../lib/time.ts";
import { RunDuration } from "./RunWords.tsx";

/** The bar is full at twice the usual; the mark in its middle is the usual. */
const FULL_AT = 2;

/** How long it ran, beside how long such runs usually take; without a usual, only the words. */
export function DurationBar({ run, usual }: { run: Run; usual: number | undefined }) {
  const now = useNow();
  if (usual === undefined || usual === 0 || run.started_at === null) return <RunDuration run={run} />;
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  const share = Math.max(0, end - Date.parse(run.started_at)) / usual;
  return (
    <span
      className="grid grid-cols-[64px_minmax(0,1fr)] items-center gap-2"
      title={`${Math.round(share * 100)} % of the usual ${duration(usual)}`}
    >
      <RunDuration run={run} />
      <span aria-hidden="true" className="relative block h-1.5 rounded-sm bg-n3">
        <span
          className={`absolute inset-y-0 left-0 rounded-sm ${share > FULL_AT ? "bg-attention" : "bg-n6"}`}
          style={{ width: `${Math.min(1, share / FULL_AT) * 100}%` }}
        />
        <span className="absolute -inset-y-0.5 left-1/2 w-px bg-n8" />
      </span>
    </span>
  );
}
