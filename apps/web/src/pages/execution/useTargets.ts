import { useQuery } from "@tanstack/react-query";
import { q } from "../../api/query.ts";

const AGENTS_SHOWN_MAX = 200;
const POLICIES_SHOWN_MAX = 200;

interface Target {
  readonly id: string;
  readonly name: string;
  readonly hostname: string | null;
}

/** Connected site agents, with the one asked for even when it is not among the first. */
export function useLaunchAgents(agentId: string | undefined): readonly Target[] {
  const connected = useQuery(
    q("agentList", { query: { kind: "site", state: "connected", limit: AGENTS_SHOWN_MAX } }),
  ).data;
  const wanted = useQuery({
    ...q("agentRead", { params: { agent_id: agentId ?? "" } }),
    enabled: agentId !== undefined,
  }).data;
  const items = connected?.items ?? [];
  return wanted === undefined || items.some(({ id }) => id === wanted.id) ? items : [wanted, ...items];
}

export function usePolicies() {
  return useQuery(q("policyList", { query: { limit: POLICIES_SHOWN_MAX } })).data?.items ?? [];
}
