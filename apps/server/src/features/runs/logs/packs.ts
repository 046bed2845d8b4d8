import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { SEGMENT_BYTES_MAX } from "@flowplane/link";
import type { Objects } from "../../../platform/objects/objects.ts";
import { PACK_BYTES, PACKS_KEPT } from "./limits.ts";

const decompress = promisify(zstdDecompress);

// A pack holds the encodings of several segments, one behind the other, compressed as one. Who reads a log reads them in
// order, so the last packs are kept.
const kept = new Map<string, Promise<Uint8Array | undefined>>();

/** One segment of a pack, as it was encoded. */
export async function readPacked(
  objects: Objects,
  key: string,
  offset: number,
  length: number,
): Promise<{ ok: true; encoding: Uint8Array } | { ok: false; issue: string }> {
  const known = kept.get(key);
  const loading = known ?? load(objects, key);
  kept.delete(key);
  kept.set(key, loading);
  for (const oldest of kept.keys()) {
    if (kept.size <= PACKS_KEPT) break;
    kept.delete(oldest);
  }
  try {
    const pack = await loading;
    if (pack === undefined) {
      kept.delete(key);
      return { ok: false, issue: "is not in the object store" };
    }
    if (offset + length > pack.length) return { ok: false, issue: "is damaged: its pack is too short" };
    return { ok: true, encoding: pack.subarray(offset, offset + length) };
  } catch (error) {
    kept.delete(key);
    if (error instanceof Unreadable) return { ok: false, issue: `is damaged: ${error.message}` };
    throw error;
  }
}

class Unreadable extends Error {}

async function load(objects: Objects, key: string): Promise<Uint8Array | undefined> {
  const body = await objects.get(key);
  if (body === undefined) return undefined;
  try {
    return await decompress(body, { maxOutputLength: PACK_BYTES + SEGMENT_BYTES_MAX });
  } catch (cause) {
    throw new Unreadable(`its pack is not zstd: ${(cause as Error).message}`, { cause });
  }
}
