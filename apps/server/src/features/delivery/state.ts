import { sql, type RawBuilder } from "kysely";
import type { ConfigurationAttempt, DeliveryState } from "@flowplane/contract";

type AttemptStatus = ConfigurationAttempt["status"];

/** How far an assignment has come, by the newest try at its content. */
export function deliveryState(attempt: AttemptStatus | null, heldReason: string | null): DeliveryState {
  if (heldReason !== null) return "held";
  switch (attempt) {
    case null:
    case "waiting":
      return "waiting";
    case "applied":
      return "in_sync";
    case "failed":
    case "rolled_itself_back":
      return "failed";
    case "offered":
    case "applying":
      return attempt;
  }
}

/** `deliveryState` as SQL over `agent_assignments` and, joined or null, `configuration_attempts`. */
export function deliveryStateSql(assignment: string, attempt: string): RawBuilder<DeliveryState> {
  const [a, t] = [sql.id(assignment), sql.id(attempt)];
  return sql<DeliveryState>`case when ${a}.held_reason is not null then 'held'
    when ${t}.status is null then 'waiting' when ${t}.status = 'applied' then 'in_sync'
    when ${t}.status in ('failed', 'rolled_itself_back') then 'failed' else ${t}.status end`;
}
