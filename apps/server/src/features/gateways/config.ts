import type { GatewayConfig } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { BASE_CONFIGURATION } from "./base-configuration.ts";
import { gatewayNotFound } from "./refusals.ts";
import { findGateway } from "./store.ts";

/** What a gateway shall run: the base configuration, as nothing is assigned to it. */
export function configOf(): GatewayConfig {
  return { config_yaml: BASE_CONFIGURATION, config_version: 0, deployment_id: null, last_updated: null };
}

/** As `configOf`, for the gateway itself, which is the actor. Throws `forbidden` while it waits for approval. */
export async function ownConfig(ctx: Ctx): Promise<GatewayConfig> {
  const row = await inTransaction(ctx, (ctx) => findGateway(ctx.db, ctx.actor.id));
  if (row === undefined) throw gatewayNotFound();
  if (row.approval === "pending")
    throw new AppError("forbidden", "The gateway waits for approval by a person.", {
      hint: `Approve it: \`flowplane agents approve ${row.name}\`, or on its page.`,
    });
  return configOf();
}
