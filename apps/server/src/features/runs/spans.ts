import type { LinkEvent } from "@flowplane/link";
import type { Tx } from "../../platform/context.ts";
import { readTraceparent } from "../../platform/traces/traceparent.ts";
import type { PastSpan } from "../../platform/traces/traces.ts";
import { plausible, type Judgement } from "./report.ts";
import type { RunRow } from "./store.ts";

/**
 * Writes the spans of what an agent tells: it has no tracing of its own, and gives back the context of the order that it carries out.
 * What it does by itself belongs to the trace of the request that asked for the run.
 */
export function traceReport(ctx: Tx, run: RunRow, { patch, entry }: Judgement, event: LinkEvent): void {
  if (ctx.traces === undefined) return;
  const told = readTraceparent(event.payload["traceparent"]);
  if (entry.type === "run.running" && run.started_at === null && patch.started_at) {
    const since = run.state === "STARTING" ? run.state_since : patch.started_at;
    write(ctx, run, "agent: start", [since, patch.started_at], told, { pid: patch.pid ?? 0 });
  }
  if (entry.type === "run.stopping") {
    const signalledAt = event.payload["signalled_at"];
    if (typeof signalledAt !== "string") return;
    const end = plausible(signalledAt, run.created_at.getTime(), ctx.now());
    write(ctx, run, "agent: signal", [entry.at, end], told, {});
  }
  if (entry.type === "incident.opened")
    write(ctx, run, "agent: incident", [entry.at, entry.at], undefined, {
      incident_id: String(entry.payload["incident_id"]),
    });
}

/** A run that had to wait was given to an agent. */
export function traceDispatch(ctx: Tx, run: RunRow): void {
  if (run.traceparent === null) return;
  write(ctx, run, "dispatch", [run.created_at, new Date(ctx.now())], undefined, {});
}

function write(
  ctx: Tx,
  run: RunRow,
  name: string,
  [start, end]: readonly [Date, Date],
  parent: PastSpan["parent"],
  attributes: PastSpan["attributes"],
): void {
  const span: PastSpan = {
    name,
    parent: parent ?? readTraceparent(run.traceparent),
    // Times of different clocks and precisions: none ends before it begins.
    start: start < end ? start : end,
    end,
    attributes: {
      ...attributes,
      run_id: run.id,
      tenant_id: run.organization_id,
      ...(run.agent_id === null ? {} : { agent_id: run.agent_id }),
    },
  };
  ctx.afterCommit(() => ctx.traces?.write(span));
}
