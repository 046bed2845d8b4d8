import { createHash } from "node:crypto";
import type { GatewayConfig } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { fetchAssigned, readShown, type AssignmentRow } from "../delivery/fetch.ts";
import { BASE_CONFIGURATION } from "./base-configuration.ts";
import { configHeld, gatewayNotFound } from "./refusals.ts";
import { findGateway } from "./store.ts";

const BASE: GatewayConfig = {
  config_yaml: BASE_CONFIGURATION,
  config_version: 0,
  config_hash: null,
  deployment_id: null,
  last_updated: null,
};

export interface OwnConfig {
  readonly etag: string;
  /** null: it is as the gateway has it. */
  readonly body: string | null;
}

/**
 * What a gateway shall run, secrets left as references; the base configuration while nothing is assigned to it. `held` says why
 * it is not given what is assigned.
 */
export async function shownConfig(
  ctx: Ctx,
  agentId: string,
): Promise<{ readonly config: GatewayConfig } | { readonly held: string }> {
  const read = await readShown(ctx, agentId);
  if (read === undefined) return { config: BASE };
  const { assignment, composed } = read;
  return composed.ok ? { config: configOf(assignment, composed.shown) } : { held: composed.reason };
}

/**
 * What the gateway that is the actor shall run, secrets filled in, as JSON or as text alone. `known` is the ETag of what it has.
 * Throws `forbidden` while it waits for approval, `conflict` when what is assigned to it cannot be given to it.
 */
export async function ownConfig(
  ctx: Ctx,
  { isText, known }: { isText: boolean; known: string | undefined },
): Promise<OwnConfig> {
  const row = await inTransaction(ctx, (ctx) => findGateway(ctx.db, ctx.actor.id));
  if (row === undefined) throw gatewayNotFound();
  if (row.approval === "pending")
    throw new AppError("forbidden", "The gateway waits for approval by a person.", {
      hint: `Approve it: \`flowplane agents approve ${row.name}\`, or on its page.`,
    });
  const tagOf = (assignment: AssignmentRow) =>
    isText
      ? `"${assignment.offer_hash}"`
      : `"${assignment.offer_hash}.${assignment.assigned_at.getTime().toString(36)}"`;
  const fetched = await fetchAssigned(ctx, row.id, (assignment) => known === tagOf(assignment));
  if (fetched === undefined) {
    const body = isText ? BASE_CONFIGURATION : JSON.stringify(BASE);
    const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
    return { etag, body: known === etag ? null : body };
  }
  if ("held" in fetched) throw configHeld(fetched.held);
  const { assignment, text } = fetched;
  const etag = tagOf(assignment);
  if (text === null) return { etag, body: null };
  return { etag, body: isText ? text : JSON.stringify(configOf(assignment, text)) };
}

function configOf(assignment: AssignmentRow, text: string): GatewayConfig {
  return {
    config_yaml: text,
    config_version: assignment.version ?? 0,
    config_hash: assignment.offer_hash,
    deployment_id: assignment.rollout_id,
    last_updated: timestamp(assignment.assigned_at),
  };
}
