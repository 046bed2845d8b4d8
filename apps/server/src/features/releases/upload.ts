import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { PACKAGE_CONTENT_TYPE, RELEASE_FILES_MAX, type ReleaseFile } from "@flowplane/contract";
import { actorRef, inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { FILE_BYTES_MAX, UPLOADS_MAX } from "./limits.ts";
import { forgetObjects, objectKey } from "./objects.ts";
import { lockThePackage } from "./find.ts";
import { platformOf } from "./platform.ts";
import { fileOf, requireDraft, tell } from "./releases.ts";
import { deleteFile, insertFile, listFiles } from "./store.ts";

export interface Upload {
  readonly packageId: string;
  readonly releaseId: string;
  readonly os: string;
  readonly arch: string;
  /** The body as it arrives. */
  readonly body: unknown;
  /** What its sender says it has, bytes. */
  readonly declaredBytes: number | undefined;
}

/**
 * Takes the files of releases in. The bytes go into the store while they are hashed, and count as a file only once the
 * row of them is written; what breaks off in between is freed here or by the nightly cleaning.
 */
export function createUploads(limits: { fileBytesMax?: number } = {}) {
  const bytesMax = limits.fileBytesMax ?? FILE_BYTES_MAX;
  let underWay = 0;

  return async function upload(ctx: Ctx, asked: Upload): Promise<ReleaseFile> {
    const { os, arch } = platformOf(asked);
    await inTransaction(ctx, async (ctx) => {
      const of = await lockThePackage(ctx, asked.packageId);
      await requireDraft(ctx, of.id, asked.releaseId);
    });
    const body = bytesOf(asked.body);
    if ((asked.declaredBytes ?? 0) > bytesMax) throw tooLarge(bytesMax);
    if (underWay >= UPLOADS_MAX)
      throw new AppError("unavailable", "Too many uploads are under way. Send this one again.", {
        retryAfterSeconds: 5,
      });
    underWay += 1;
    const id = newId();
    let isKept = false;
    try {
      const { bytes, sha256 } = await keep(ctx, id, body, bytesMax);
      const file = await inTransaction(ctx, async (ctx) => {
        const of = await lockThePackage(ctx, asked.packageId);
        const release = await requireDraft(ctx, of.id, asked.releaseId);
        const files = await listFiles(ctx.db, [release.id]);
        const former = files.find((file) => file.os === os && file.arch === arch);
        if (former !== undefined) {
          await deleteFile(ctx.db, former.id);
          forgetObjects(ctx, [former.id]);
        } else if (files.length >= RELEASE_FILES_MAX)
          throw new AppError("conflict", `A release has at most ${RELEASE_FILES_MAX} files.`);
        const row = await insertFile(ctx.db, {
          id,
          organization_id: ctx.actor.organization_id,
          release_id: release.id,
          os,
          arch,
          bytes,
          sha256,
          signature: Buffer.alloc(0),
          created_by: JSON.stringify(actorRef(ctx.actor)),
          created_at: new Date(ctx.now()),
        });
        tell(ctx, "release.upload", release, of.name, undefined, {
          file_id: id,
          os,
          arch,
          bytes,
          sha256: sha256.toString("hex"),
        });
        return fileOf(row);
      });
      isKept = true;
      return file;
    } finally {
      underWay -= 1;
      if (!isKept) await ctx.objects.delete(objectKey(id));
    }
  };
}

async function keep(ctx: Ctx, id: string, body: Readable, bytesMax: number) {
  const hash = createHash("sha256");
  let bytes = 0;
  let refusal: AppError | undefined;
  const counted = async function* () {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) {
        refusal = tooLarge(bytesMax);
        throw refusal;
      }
      hash.update(chunk);
      yield chunk;
    }
    if (bytes > 0) return;
    refusal = empty();
    throw refusal;
  };
  try {
    await ctx.objects.put(objectKey(id), counted());
  } catch (error) {
    throw refusal ?? error;
  }
  return { bytes, sha256: hash.digest() };
}

function bytesOf(body: unknown): Readable {
  if (body !== null && typeof body === "object" && Symbol.asyncIterator in body) return body as Readable;
  throw empty();
}

function empty(): AppError {
  return new AppError("invalid_input", `Send the file's bytes as the body, as ${PACKAGE_CONTENT_TYPE}.`);
}

function tooLarge(bytesMax: number): AppError {
  return new AppError("too_large", `The file of a release has at most ${bytesMax} bytes.`);
}
