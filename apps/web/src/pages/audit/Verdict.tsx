import { useQuery } from "@tanstack/react-query";
import { q } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { Button } from "../../ui/Button.tsx";
import { CopyButton } from "../../ui/Copy.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

/** Recomputes the chain when it appears, and says what it found. */
export function Verdict() {
  const { data, error, isFetching, refetch, dataUpdatedAt } = useQuery({
    ...q("auditVerify", {}),
    staleTime: 0,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined)
    return (
      <p role="status" className="text-n8">
        Recomputing every hash…
      </p>
    );
  return (
    <div
      role="status"
      className={`flex flex-wrap items-center gap-x-4 gap-y-1 rounded-md border px-3 py-2 ${
        data.intact ? "border-ok/40 bg-ok-soft" : "border-bad/40 bg-bad-soft"
      }`}
    >
      <p className="flex min-w-0 flex-1 basis-80 items-baseline gap-2">
        <StateShape tone={data.intact ? "ok" : "bad"} />
        {data.intact ? (
          <span>
            <strong className="font-semibold">Intact.</strong> {counted(data.checked, "entry", "entries")}{" "}
            checked: none was edited, removed or reordered.
          </span>
        ) : (
          <span>
            <strong className="font-semibold">Broken</strong>
            {data.problem === null ? "." : ` at entry ${data.problem.seq}: ${data.problem.what}`}
          </span>
        )}
      </p>
      <span
        className="inline-flex items-center gap-1 text-sm text-n9"
        title="Keep it elsewhere to notice a cut tail"
      >
        head <span className="font-mono">{data.head.slice(0, 12)}…</span>
        <CopyButton text={data.head} label="Copy the head's hash" />
      </span>
      <span className="text-sm text-n9">
        <Time at={new Date(dataUpdatedAt).toISOString()} />
      </span>
      <Button busy={isFetching} onClick={() => void refetch()}>
        Verify again
      </Button>
    </div>
  );
}
