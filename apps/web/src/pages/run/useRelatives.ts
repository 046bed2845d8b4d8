import { useQuery } from "@tanstack/react-query";
import { isTerminal, type Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";

/** The run this one came from, and the one that came from it. */
export function useRelatives(run: Run): { previous: string | undefined; next: Run | undefined } {
  const next = useQuery({
    ...q("runList", { query: { from_run_id: run.id, limit: 1 } }),
    enabled: isTerminal(run.state),
  });
  return { previous: run.retry_of ?? run.restart_of ?? undefined, next: next.data?.items[0] };
}
