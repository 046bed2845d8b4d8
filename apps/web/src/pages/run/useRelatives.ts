import { useQuery } from "@tanstack/react-query";
import { isTerminal, type Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";

const RUNS_MAX = 50;

/** The run this one came from, and the one that came from it, as far as the latest runs alike show it. */
export function useRelatives(run: Run): { previous: string | undefined; next: Run | undefined } {
  const alike = useQuery({
    ...q("runList", {
      query: run.job_id === null ? { q: run.name, limit: RUNS_MAX } : { job_id: run.job_id, limit: RUNS_MAX },
    }),
    enabled: isTerminal(run.state),
  }).data?.items;
  return {
    previous: run.retry_of ?? run.restart_of ?? undefined,
    next: alike?.find(({ retry_of, restart_of }) => retry_of === run.id || restart_of === run.id),
  };
}
