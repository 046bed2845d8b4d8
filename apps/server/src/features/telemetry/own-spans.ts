import { redactText } from "@flowplane/opamp";
import type { OwnSpan } from "@flowplane/telemetry";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { redactAttributes } from "./own-logs.ts";
import type { SpanRow } from "./span-store.ts";

/** Spans as they are stored: what looks like a secret is taken out here, and never reaches the database. */
export function spanRows({ organization_id, agent_id }: AgentIdentity, spans: readonly OwnSpan[]): SpanRow[] {
  return spans.map((span) => ({
    ...span,
    name: redactText(span.name),
    statusMessage: redactText(span.statusMessage),
    service: redactText(span.service),
    attributes: redactAttributes(span.attributes),
    organizationId: organization_id,
    agentId: agent_id,
  }));
}
