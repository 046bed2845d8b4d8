import type { ConfigurationChange, ConfigurationOverlay, ConfigurationVersion } from "@flowplane/contract";
import { actorRef, inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { changesOf } from "./changes.ts";
import { lockLive, requireConfiguration } from "./configurations.ts";
import { deleteDraft } from "./draft-store.ts";
import {
  findVersion,
  insertVersion,
  listVersions,
  updateConfiguration,
  type ListedVersionRow,
  type VersionRow,
} from "./store.ts";
import { judgeText } from "./text.ts";

const VERSION_MAX = 2 ** 31 - 1;

export async function listVersionPage(
  ctx: Ctx,
  id: string,
  query: { cursor?: string | undefined; limit: number },
) {
  const below = readCursor(query.cursor, 1)?.[0];
  if (below !== undefined && !(Number.isSafeInteger(below) && Math.abs(Number(below)) <= VERSION_MAX))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return inTransaction(ctx, async (ctx) => {
    await requireConfiguration(ctx, id);
    const rows = await listVersions(
      ctx.db,
      id,
      below === undefined ? undefined : Number(below),
      query.limit + 1,
    );
    return pageOf(rows, query.limit, (row) => [row.version], versionOf);
  });
}

/** What is saved becomes the next version; nothing that was saved ever changes. */
export async function createVersion(
  ctx: Ctx,
  id: string,
  input: {
    body: string;
    overlays?: readonly ConfigurationOverlay[] | undefined;
    message: string;
    based_on?: number | undefined;
    draft_revision?: number | undefined;
  },
): Promise<ConfigurationVersion> {
  return inTransaction(ctx, async (ctx) => {
    const configuration = await lockLive(ctx, id);
    const { current_version: current } = configuration;
    if (input.based_on !== undefined && input.based_on !== current)
      throw new AppError(
        "conflict",
        `Version ${current} was saved in the meantime; yours is based on version ${input.based_on}. Look at the difference and save it again.`,
      );
    const before = await requireVersion(ctx, configuration.id, current);
    // Who sends a body alone, such as an editor that knows of no overlays, must not lose them for everybody.
    const judged = judgeText(input.body, input.overlays ?? overlaysOf(before));
    if (before.hash === judged.hash)
      throw new AppError("conflict", `That is what version ${current} says already.`);
    const version = current + 1;
    await insertVersion(ctx.db, {
      ...judged,
      configuration_id: configuration.id,
      version,
      organization_id: ctx.actor.organization_id,
      body: input.body,
      message: input.message,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(ctx.now()),
    });
    await updateConfiguration(ctx.db, configuration.id, {
      current_version: version,
      updated_at: new Date(ctx.now()),
    });
    // A draft that went on in another window is still wanted; only the one that this was made of is done.
    if (input.draft_revision !== undefined && ctx.actor.type === "user")
      await deleteDraft(ctx.db, configuration.id, ctx.actor.id, input.draft_revision);
    record(ctx, {
      action: "configuration.version",
      target_type: "configuration",
      target_id: configuration.id,
      reason: input.message,
      metadata: { name: configuration.name, version, hash: judged.hash },
    });
    notify(ctx, { topic: "configuration", id: configuration.id });
    return versionOf(await requireVersion(ctx, configuration.id, version));
  });
}

export async function readVersion(
  ctx: Ctx,
  id: string,
  wanted: string,
): Promise<ConfigurationVersion & { body: string; overlays: ConfigurationOverlay[] }> {
  return inTransaction(ctx, async (ctx) => {
    const { current_version: current } = await requireConfiguration(ctx, id);
    const row = await requireVersion(ctx, id, wanted === "current" ? current : Number(wanted));
    return { ...versionOf(row), body: row.body, overlays: overlaysOf(row) };
  });
}

export async function diffVersions(
  ctx: Ctx,
  id: string,
  { from, to }: { from: number; to: number },
): Promise<{ changes: ConfigurationChange[] }> {
  const [before, after] = await inTransaction(ctx, async (ctx) => {
    await requireConfiguration(ctx, id);
    return [await requireVersion(ctx, id, from), await requireVersion(ctx, id, to)] as const;
  });
  return { changes: changesOf(before, after) };
}

/** Throws `not_found`. */
export async function requireVersion(ctx: Tx, id: string, version: number): Promise<VersionRow> {
  const isNumber = Number.isInteger(version) && version >= 1 && version <= VERSION_MAX;
  const row = isNumber ? await findVersion(ctx.db, id, version) : undefined;
  if (row === undefined)
    throw new AppError(
      "not_found",
      isNumber
        ? `The configuration has no version ${version}.`
        : "A version is a number from 1, or `current`.",
    );
  return row;
}

function overlaysOf({ overlays }: VersionRow): ConfigurationOverlay[] {
  return overlays.map(({ name, selector, body }) => ({ name, selector, body }));
}

function versionOf(row: ListedVersionRow): ConfigurationVersion {
  return {
    configuration_id: row.configuration_id,
    version: row.version,
    hash: row.hash,
    bytes: row.bytes,
    warnings: row.warnings,
    message: row.message,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}
