import type { Package, PackageType, PackageWithReleases } from "@flowplane/contract";
import { actorRef, inTransaction, newId, notify, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { lockThePackage, requirePackage } from "./find.ts";
import { forgetObjects } from "./objects.ts";
import { refuseInUse } from "./in-use.ts";
import { releasesOf } from "./releases.ts";
import { deletePackage, insertPackage, listPackages, type ShownPackageRow } from "./store.ts";

export async function listPackagePage(
  ctx: Ctx,
  query: { q?: string | undefined; cursor?: string | undefined; limit: number },
) {
  const [after, id] = readCursor(query.cursor, 2) ?? [];
  // The id is there only to tell a cursor of ours; names are unique.
  if (after !== undefined && (typeof after !== "string" || typeof id !== "string" || !isUuid(id)))
    throw new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
  return inTransaction(ctx, async (ctx) => {
    const rows = await listPackages(ctx.db, {
      words: query.q?.toWellFormed().replaceAll("\0", "\uFFFD"),
      after: after?.toWellFormed().replaceAll("\0", "\uFFFD"),
      limit: query.limit + 1,
    });
    return pageOf(rows, query.limit, (row) => [row.name, row.id], packageOf);
  });
}

export async function readPackage(ctx: Ctx, id: string): Promise<PackageWithReleases> {
  return inTransaction(ctx, async (ctx) => {
    const row = await requirePackage(ctx, id);
    return { ...packageOf(row), all_releases: await releasesOf(ctx, row.id) };
  });
}

export async function createPackage(
  ctx: Ctx,
  input: { name: string; type: PackageType; description: string },
): Promise<Package> {
  return inTransaction(ctx, async (ctx) => {
    const id = newId();
    const isMade = await insertPackage(ctx.db, {
      id,
      organization_id: ctx.actor.organization_id,
      ...input,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(ctx.now()),
    });
    if (!isMade)
      throw new AppError("conflict", `There is a package named ${input.name} already.`, {
        fields: [{ pointer: "/name", message: "is taken" }],
      });
    record(ctx, {
      action: "package.create",
      target_type: "package",
      target_id: id,
      metadata: { name: input.name, type: input.type },
    });
    notify(ctx, { topic: "package", id });
    return packageOf(await requirePackage(ctx, id));
  });
}

export async function removePackage(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const row = await lockThePackage(ctx, id);
    await refuseInUse(ctx, { packageId: row.id }, `The package ${row.name}`);
    const releases = await releasesOf(ctx, row.id);
    const files = releases.flatMap((release) => release.files);
    await deletePackage(ctx.db, row.id);
    forgetObjects(
      ctx,
      files.map((file) => file.id),
    );
    record(ctx, {
      action: "package.delete",
      target_type: "package",
      target_id: row.id,
      metadata: { name: row.name, versions: releases.map(({ version }) => version) },
    });
    notify(ctx, { topic: "package", id: row.id });
    return undefined;
  });
}

function packageOf(row: ShownPackageRow): Package {
  const { id, name, type, description, releases, newest_version, agents, installed, failed } = row;
  return {
    id,
    name,
    type,
    description,
    releases,
    newest_version,
    agents,
    installed,
    failed,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}
