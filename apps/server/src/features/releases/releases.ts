import { RELEASES_MAX, type Release, type ReleaseChannel, type ReleaseFile } from "@flowplane/contract";
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
import { record } from "../audit/audit.ts";
import { forgetObjects } from "./objects.ts";
import { refuseInUse } from "./in-use.ts";
import { lockThePackage } from "./find.ts";
import {
  countReleases,
  deleteRelease,
  findRelease,
  insertRelease,
  listFiles,
  listReleases,
  lockRelease,
  setPublished,
  setSignature,
  type FileRow,
  type ReleaseRow,
  type ShownReleaseRow,
} from "./store.ts";

/** Of one package, newest first. */
export async function releasesOf(ctx: Tx, packageId: string): Promise<Release[]> {
  const rows = await listReleases(ctx.db, packageId);
  const files = Map.groupBy(
    await listFiles(
      ctx.db,
      rows.map(({ id }) => id),
    ),
    ({ release_id }) => release_id,
  );
  return rows.map((row) => releaseOf(row, files.get(row.id) ?? []));
}

export async function createRelease(
  ctx: Ctx,
  packageId: string,
  input: { version: string; channel: ReleaseChannel; message: string },
): Promise<Release> {
  return inTransaction(ctx, async (ctx) => {
    const of = await lockThePackage(ctx, packageId);
    if ((await countReleases(ctx.db, of.id)) >= RELEASES_MAX)
      throw new AppError(
        "conflict",
        `${of.name} has ${RELEASES_MAX} releases, the most a package can have. Delete old ones first.`,
      );
    const id = newId();
    const isMade = await insertRelease(ctx.db, {
      id,
      organization_id: ctx.actor.organization_id,
      package_id: of.id,
      ...input,
      published_at: null,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(ctx.now()),
    });
    if (!isMade)
      throw new AppError("conflict", `${of.name} has a release ${input.version} already.`, {
        fields: [{ pointer: "/version", message: "is taken" }],
      });
    tell(ctx, "release.create", { id, package_id: of.id, version: input.version }, of.name, input.message);
    return shown(ctx, of.id, id);
  });
}

export async function publishRelease(ctx: Ctx, packageId: string, id: string): Promise<Release> {
  return inTransaction(ctx, async (ctx) => {
    const of = await lockThePackage(ctx, packageId);
    const release = await requireDraft(ctx, of.id, id);
    const files = await listFiles(ctx.db, [release.id]);
    if (files.length === 0)
      throw new AppError(
        "conflict",
        `The release ${release.version} of ${of.name} has no file yet. Upload one, then publish it.`,
      );
    await setPublished(ctx.db, release.id, new Date(ctx.now()));
    tell(ctx, "release.publish", release, of.name, release.message, {
      channel: release.channel,
      files: files.map(({ os, arch, sha256 }) => ({ os, arch, sha256: sha256.toString("hex") })),
    });
    return shown(ctx, of.id, release.id);
  });
}

export async function signFile(
  ctx: Ctx,
  packageId: string,
  releaseId: string,
  fileId: string,
  signature: Buffer,
): Promise<ReleaseFile> {
  return inTransaction(ctx, async (ctx) => {
    const of = await lockThePackage(ctx, packageId);
    const release = await requireDraft(ctx, of.id, releaseId);
    const file = isUuid(fileId) ? await setSignature(ctx.db, release.id, fileId, signature) : undefined;
    if (file === undefined) throw notFound("file", fileId);
    tell(ctx, "release.sign", release, of.name, undefined, {
      file_id: file.id,
      os: file.os,
      arch: file.arch,
      signature_bytes: signature.byteLength,
    });
    return fileOf(file);
  });
}

export async function removeRelease(ctx: Ctx, packageId: string, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const of = await lockThePackage(ctx, packageId);
    const release = await requireLocked(ctx, of.id, id);
    await refuseInUse(
      ctx,
      { packageId: of.id, releaseId: release.id },
      `The release ${release.version} of ${of.name}`,
    );
    const files = await listFiles(ctx.db, [release.id]);
    await deleteRelease(ctx.db, release.id);
    forgetObjects(
      ctx,
      files.map((file) => file.id),
    );
    tell(ctx, "release.delete", release, of.name);
    return undefined;
  });
}

/** One to which something may be added, locked. Throws `not_found`, or `conflict` once it is published. */
export async function requireDraft(ctx: Tx, packageId: string, id: string): Promise<ReleaseRow> {
  const release = await requireLocked(ctx, packageId, id);
  if (release.published_at !== null)
    throw new AppError(
      "conflict",
      `The release ${release.version} is published and never changes. Create another one.`,
    );
  return release;
}

export function fileOf(row: FileRow): ReleaseFile {
  return {
    id: row.id,
    os: row.os,
    arch: row.arch,
    bytes: row.bytes,
    sha256: row.sha256.toString("hex"),
    signature_bytes: row.signature.byteLength,
    created_at: timestamp(row.created_at),
  };
}

/** Writes down what was done to a release, and has dashboards read its package again. */
export function tell(
  ctx: Tx,
  action: string,
  release: Pick<ReleaseRow, "id" | "package_id" | "version">,
  name: string,
  reason?: string,
  metadata: Record<string, unknown> = {},
): void {
  record(ctx, {
    action,
    target_type: "release",
    target_id: release.id,
    ...(reason === undefined ? {} : { reason }),
    metadata: { package: name, version: release.version, ...metadata },
  });
  notify(ctx, { topic: "package", id: release.package_id });
}

async function requireLocked(ctx: Tx, packageId: string, id: string): Promise<ReleaseRow> {
  const release = isUuid(id) ? await lockRelease(ctx.db, packageId, id) : undefined;
  if (release === undefined) throw notFound("release", id);
  return release;
}

async function shown(ctx: Tx, packageId: string, id: string): Promise<Release> {
  const release = await findRelease(ctx.db, packageId, id);
  if (release === undefined) throw notFound("release", id);
  return releaseOf(release, await listFiles(ctx.db, [id]));
}

function releaseOf(row: ShownReleaseRow, files: readonly FileRow[]): Release {
  return {
    id: row.id,
    package_id: row.package_id,
    version: row.version,
    channel: row.channel,
    message: row.message,
    published_at: timestamp(row.published_at),
    files: files.map(fileOf),
    agents: row.agents,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}
