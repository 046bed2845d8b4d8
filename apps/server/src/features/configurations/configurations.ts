import type { Configuration, ConfigurationOverlay } from "@flowplane/contract";
import {
  actorRef,
  inTransaction,
  newId,
  notify,
  timestamp,
  type Ctx,
  type Tx,
} from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { isNameTaken } from "../../platform/storage/names.ts";
import { record } from "../audit/audit.ts";
import { refuseInUse } from "../rollouts/in-use.ts";
import { deleteDrafts } from "./draft-store.ts";
import {
  findConfiguration,
  insertConfiguration,
  listConfigurations,
  lockConfiguration,
  updateConfiguration,
  type ConfigurationRow,
  type ShownConfigurationRow,
} from "./store.ts";
import { judgeText } from "./text.ts";

export async function listConfigurationPage(
  ctx: Ctx,
  query: { q?: string | undefined; cursor?: string | undefined; limit: number },
) {
  const after = readAfter(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listConfigurations(ctx.db, {
      words: query.q?.toWellFormed().replaceAll("\0", "\uFFFD"),
      after,
      limit: query.limit + 1,
    });
    return pageOf(rows, query.limit, (row) => [row.name, row.id], configurationOf);
  });
}

export async function readConfiguration(ctx: Ctx, id: string): Promise<Configuration> {
  return inTransaction(ctx, async (ctx) => configurationOf(await requireConfiguration(ctx, id)));
}

export async function createConfiguration(
  ctx: Ctx,
  input: {
    name: string;
    description: string;
    body: string;
    overlays?: readonly ConfigurationOverlay[] | undefined;
    message: string;
  },
): Promise<Configuration> {
  const judged = judgeText(input.body, input.overlays);
  return inTransaction(ctx, async (ctx) => {
    const [id, now, by] = [newId(), new Date(ctx.now()), JSON.stringify(actorRef(ctx.actor))];
    const shared = { organization_id: ctx.actor.organization_id, created_by: by, created_at: now };
    const isMade = await insertConfiguration(
      ctx.db,
      {
        ...shared,
        id,
        name: input.name,
        description: input.description,
        current_version: 1,
        updated_at: now,
      },
      { ...shared, ...judged, configuration_id: id, version: 1, body: input.body, message: input.message },
    );
    if (!isMade) throw nameTaken(input.name);
    record(ctx, {
      action: "configuration.create",
      target_type: "configuration",
      target_id: id,
      reason: input.message,
      metadata: { name: input.name, hash: judged.hash },
    });
    notify(ctx, { topic: "configuration", id });
    return configurationOf(await requireConfiguration(ctx, id));
  });
}

export async function changeConfiguration(
  ctx: Ctx,
  id: string,
  change: {
    name?: string | undefined;
    description?: string | undefined;
    health_thresholds?: Configuration["health_thresholds"] | undefined;
  },
): Promise<Configuration> {
  return inTransaction(ctx, async (ctx) => {
    const configuration = await lockLive(ctx, id);
    if (
      change.name !== undefined &&
      (await isNameTaken(ctx.db, "configurations", change.name, configuration.id))
    )
      throw nameTaken(change.name);
    await updateConfiguration(ctx.db, configuration.id, {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.health_thresholds === undefined
        ? {}
        : { health_thresholds: thresholdsColumn(change.health_thresholds) }),
      updated_at: new Date(ctx.now()),
    });
    record(ctx, {
      action: "configuration.change",
      target_type: "configuration",
      target_id: configuration.id,
      metadata: { from: configuration.name, ...change },
    });
    notify(ctx, { topic: "configuration", id: configuration.id });
    return configurationOf(await requireConfiguration(ctx, configuration.id));
  });
}

function thresholdsColumn(thresholds: Configuration["health_thresholds"]): string | null {
  if (thresholds === null) return null;
  const { healthy_seconds, warning_seconds } = thresholds;
  return JSON.stringify({ healthy_ms: healthy_seconds * 1_000, warning_ms: warning_seconds * 1_000 });
}

export async function archiveConfiguration(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const configuration = await lockLive(ctx, id);
    await refuseInUse(ctx, configuration.id, configuration.name);
    const now = new Date(ctx.now());
    await updateConfiguration(ctx.db, configuration.id, { archived_at: now, updated_at: now });
    // Nothing can be saved from them any more, and they would count.
    await deleteDrafts(ctx.db, configuration.id);
    record(ctx, {
      action: "configuration.archive",
      target_type: "configuration",
      target_id: configuration.id,
      metadata: { name: configuration.name },
    });
    notify(ctx, { topic: "configuration", id: configuration.id });
    return undefined;
  });
}

/** One that is not archived, locked. Throws `not_found`. */
export async function lockLive(ctx: Tx, id: string): Promise<ConfigurationRow> {
  const configuration = isUuid(id) ? await lockConfiguration(ctx.db, id) : undefined;
  if (configuration === undefined || configuration.archived_at !== null) throw notFound("configuration", id);
  return configuration;
}

export async function requireConfiguration(ctx: Tx, id: string): Promise<ShownConfigurationRow> {
  const row = isUuid(id) ? await findConfiguration(ctx.db, id) : undefined;
  if (row === undefined) throw notFound("configuration", id);
  return row;
}

function configurationOf(row: ShownConfigurationRow): Configuration {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    current_version: row.current_version,
    hash: row.hash,
    warnings: row.warnings,
    drafts: Number(row.drafts),
    health_thresholds:
      row.health_thresholds === null
        ? null
        : {
            healthy_seconds: row.health_thresholds.healthy_ms / 1_000,
            warning_seconds: row.health_thresholds.warning_ms / 1_000,
          },
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
  };
}

function readAfter(cursor: string | undefined): readonly [string, string] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [name, id] = values;
  if (typeof name === "string" && typeof id === "string" && isUuid(id)) return [name, id];
  throw new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
}

function nameTaken(name: string): AppError {
  return new AppError("conflict", `There is a configuration named ${name} already.`, {
    fields: [{ pointer: "/name", message: "is taken" }],
  });
}
