import { parseEvent, TEXT_CHARS_MAX, type LinkEvent } from "@flowplane/link";
import { notify, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { storableText } from "../runs/sanitize.ts";

/** An agent's own guard tripped or let go: written down, for it changes what policies do on that host. */
export function takeGuardEvent(ctx: Tx, event: LinkEvent): void {
  const parsed = parseEvent(event);
  if (!parsed.ok || parsed.value.type !== "guard.changed") {
    ctx.log.warn({ agent_id: ctx.actor.id, seq: event.seq }, "a guard's report is not understood");
    return;
  }
  const { until, reason, interventions } = parsed.value.payload;
  record(ctx, {
    action: until === null ? "detection.fallback_ended" : "detection.fallback",
    target_type: "agent",
    target_id: ctx.actor.id,
    reason: storableText(reason, TEXT_CHARS_MAX),
    metadata: { name: ctx.actor.name, until, interventions },
  });
  notify(ctx, { topic: "agent", id: ctx.actor.id });
}
