import type { Gateway } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { isUuid } from "../../platform/ids.ts";
import { HEALTH_SCORES, healthStatus, presenceOf } from "../fleet/health-score.ts";
import { gatewayNotFound, mustBeOwn } from "./refusals.ts";
import { findGateway, listGateways, type GatewayRow } from "./store.ts";

interface Whose {
  readonly org_id?: string | undefined;
}

export async function listFleetGateways(
  ctx: Ctx,
  query: Whose & { cursor?: string | undefined; limit: number },
) {
  mustBeOwn(ctx.actor, query.org_id);
  const after = idOfCursor(query.cursor);
  const rows = await inTransaction(ctx, (ctx) => listGateways(ctx.db, after, query.limit));
  return pageOf(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => gatewayOf(row, ctx.now()),
  );
}

/** Everything that a gateway said, at one moment. `missing` is what is answered when there is none. */
export async function readGateway(ctx: Ctx, id: string, { org_id }: Whose, missing?: string) {
  const isOurs = org_id === undefined || org_id === ctx.actor.organization_id;
  const row = isOurs && isUuid(id) ? await inTransaction(ctx, (ctx) => findGateway(ctx.db, id)) : undefined;
  if (row === undefined) throw gatewayNotFound(missing);
  return {
    gateway_id: row.id,
    instance_id: row.gateway_instance_id,
    name: row.name,
    status: presenceOf(row),
    health: healthOf(row, ctx.now()),
    version: {
      agent_version: row.version,
      otel_version: row.metadata?.otel_version ?? null,
      capabilities: row.metadata?.capabilities ?? [],
    },
    metrics: {
      logs_processed: row.metrics?.logs_processed ?? null,
      errors: row.metrics?.errors ?? null,
      latency_ms: row.metrics?.latency_ms ?? null,
      last_updated: timestamp(row.metrics_at),
    },
  };
}

function gatewayOf(row: GatewayRow, now: number): Gateway {
  const { status, health_score, last_seen } = healthOf(row, now);
  return {
    id: row.id,
    name: row.name,
    instance_id: row.gateway_instance_id,
    org_id: row.organization_id,
    status: presenceOf(row),
    hostname: row.hostname,
    ip_address: row.ip_address,
    last_seen,
    health_status: status,
    health_score,
    current_config_version: row.config_version,
    metadata: row.metadata ?? {},
    created_at: timestamp(row.created_at),
  };
}

function healthOf(row: GatewayRow, now: number) {
  const seenAt = row.last_seen_at?.getTime() ?? null;
  const silentMs = seenAt === null ? null : Math.max(0, now - seenAt);
  const status = healthStatus(presenceOf(row), silentMs);
  const isUp = status !== "offline" && row.connected_at !== null;
  return {
    status,
    last_seen: timestamp(row.last_seen_at),
    seconds_since_last_seen: silentMs === null ? null : Math.floor(silentMs / 1_000),
    uptime_seconds:
      isUp && row.connected_at !== null
        ? Math.max(0, Math.floor((now - row.connected_at.getTime()) / 1_000))
        : null,
    health_score: HEALTH_SCORES[status],
  };
}
