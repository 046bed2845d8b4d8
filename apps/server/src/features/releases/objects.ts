import type { Base, Tx } from "../../platform/context.ts";
import { timeOfId } from "../../platform/ids.ts";
import { findKnownFiles } from "./store.ts";

const PREFIX = "packages/";
/** An upload that is older than this has ended, one way or the other. */
const UPLOAD_MS_MAX = 24 * 3_600_000;
/** Objects looked up at a time. */
const BATCH_MAX = 500;

/** Where the bytes of a file are. A file never changes, so its id is enough. */
export function objectKey(fileId: string): string {
  return PREFIX + fileId;
}

/** Frees the bytes of deleted files once their deletion is durable; what a crash leaves is found by `cleanObjects`. */
export function forgetObjects(ctx: Tx, fileIds: readonly string[]): void {
  ctx.afterCommit(() => {
    for (const id of fileIds)
      ctx.objects
        .delete(objectKey(id))
        .catch((error: unknown) => ctx.log.warn({ err: error, file_id: id }, "freeing a file failed"));
  });
}

/** Frees the bytes of files that nobody knows: of uploads that broke off, and of deletions cut short. Returns how many. */
export async function cleanObjects(base: Base): Promise<number> {
  let freed = 0;
  let batch: string[] = [];
  const judge = async () => {
    const known = await findKnownFiles(base.storage.system, batch);
    for (const id of batch) {
      if (known.has(id)) continue;
      await base.objects.delete(objectKey(id));
      freed += 1;
    }
    batch = [];
  };
  for await (const key of base.objects.list(PREFIX)) {
    const id = key.slice(PREFIX.length);
    if (timeOfId(id) > base.now() - UPLOAD_MS_MAX) continue;
    batch.push(id);
    if (batch.length >= BATCH_MAX) await judge();
  }
  await judge();
  return freed;
}
