import { useParams } from "@tanstack/react-router";
import { Empty } from "../../ui/Page.tsx";
import { RunTable } from "../runs/RunTable.tsx";

const HIDDEN = ["Job", "Command"] as const;

export default function JobRuns() {
  const { jobId } = useParams({ from: "/frame/jobs/$jobId" });
  return (
    <div className="flex h-full min-h-0 flex-col pt-2">
      <RunTable
        filter={{ job_id: jobId }}
        hidden={HIDDEN}
        empty={<Empty>It has not run yet. “Run now” starts it at once, whatever its schedule says.</Empty>}
      />
    </div>
  );
}
