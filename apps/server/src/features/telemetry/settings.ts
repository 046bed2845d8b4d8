import { OwnTelemetrySettings } from "@flowplane/contract";
import { inTransaction, type Ctx, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";

/** What was said about telemetry, with the defaults for what was left open. */
export function settingsOf(
  row: { readonly settings: Partial<OwnTelemetrySettings> } | undefined,
): OwnTelemetrySettings {
  return OwnTelemetrySettings.parse(row?.settings ?? {});
}

export async function readSettings(ctx: Ctx): Promise<OwnTelemetrySettings> {
  return inTransaction(ctx, read);
}

/** Agents that are here are told within seconds; the others when they come. */
export async function changeSettings(
  ctx: Ctx,
  settings: OwnTelemetrySettings,
): Promise<OwnTelemetrySettings> {
  return inTransaction(ctx, async (ctx) => {
    const before = await read(ctx);
    const row = { settings: JSON.stringify(settings), changed_at: new Date(ctx.now()) };
    await ctx.db
      .insertInto("own_telemetry_settings")
      .values({ organization_id: ctx.actor.organization_id, ...row })
      .onConflict((conflict) => conflict.column("organization_id").doUpdateSet(row))
      .execute();
    record(ctx, {
      action: "own_telemetry.change",
      target_type: "organization",
      target_id: ctx.actor.organization_id,
      metadata: { from: before, to: settings },
    });
    return settings;
  });
}

async function read(ctx: Tx): Promise<OwnTelemetrySettings> {
  const row = await ctx.db
    .selectFrom("own_telemetry_settings")
    .select("settings")
    .where("organization_id", "=", ctx.actor.organization_id)
    .executeTakeFirst();
  return settingsOf(row);
}
