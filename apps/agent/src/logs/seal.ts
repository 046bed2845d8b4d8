// A closed segment becomes a file: compressed once, on disk before anybody relies on it.

import { createHash, webcrypto } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import type { RunFiles } from "../supervisor/files.ts";

const compress = promisify(zstdCompress);
/** Logs shrink well at the fastest level, and the host has other work. One piece of output for one of input. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 256 * 1024 };

export type Sealed = { storedBytes: number; sha256: string; encodingSha256: string };

/** Writes the segment's file, replacing one that a crash left there. Rejects when the disk does not take it. */
export async function sealSegment(
  files: RunFiles,
  segmentSeq: number,
  encoding: Uint8Array,
): Promise<Sealed> {
  const [body, encodingSha256] = await Promise.all([compress(encoding, ZSTD), hash(encoding)]);
  const path = files.segment(segmentSeq);
  const draft = `${path}.new`;
  try {
    await using file = await open(draft, "w", 0o600);
    await file.writeFile(body);
    await file.datasync();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await rename(draft, path);
  await syncFolder(files.segmentsDir);
  // The folders themselves were new with the first of them.
  if (segmentSeq === 1) {
    await syncFolder(files.dir);
    await syncFolder(dirname(files.dir));
  }
  return { storedBytes: body.length, sha256: sha256(body), encodingSha256 };
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/** On another thread: this is all of the output. */
async function hash(bytes: Uint8Array): Promise<string> {
  // WebCrypto's type leaves out shared memory, in which no segment lies.
  return Buffer.from(await webcrypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString(
    "hex",
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
