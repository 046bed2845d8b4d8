import { parseEvent, type LinkEvent } from "@flowplane/link";
import type { ApplyEvents } from "../gateway/link.ts";
import * as gauges from "./gauges.ts";

/** `apply`, and once its transaction is durable the figures of what agents reported: so each event counts once. */
export function counting(apply: ApplyEvents): ApplyEvents {
  return async (ctx, identity, events, source) => {
    await apply(ctx, identity, events, source);
    ctx.afterCommit(() => {
      for (const event of events) countReport(event, ctx.now());
    });
  };
}

/** What one report adds. What cannot be read adds nothing; it stands in the run's timeline. */
export function countReport(event: LinkEvent, now: number): void {
  const at = Date.parse(event.at);
  if (!Number.isNaN(at)) gauges.spoolDelay.observe(Math.max(0, now - at) / 1_000);
  const parsed = parseEvent(event);
  if (!parsed.ok) return;
  switch (parsed.value.type) {
    case "incident.opened": {
      const { category, severity, score } = parsed.value.payload;
      gauges.incidents.inc({ category, severity });
      gauges.confidence.observe({ category }, score / 100);
      return;
    }
    case "incident.intervention": {
      const { action, outcome } = parsed.value.payload;
      if (outcome === "done") gauges.interventions.inc({ action, source: "policy" });
      else if (outcome !== "under_way") gauges.withheld.inc({ action, outcome });
      return;
    }
    case "guard.changed":
      if (parsed.value.payload.until !== null) gauges.guardTrips.inc();
      return;
    case "run.ended":
      gauges.redactions.inc(parsed.value.payload.log.redactions ?? 0);
      return;
    default:
  }
}
