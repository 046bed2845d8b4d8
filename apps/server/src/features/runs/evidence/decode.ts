import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { EVIDENCE_BYTES_MAX } from "@flowplane/link";

const decompress = promisify(zstdDecompress);

/** A compressed chunk -> its JSON Lines, or what is wrong. However small it is, it cannot unfold to more than a chunk. */
export async function decodeChunk(
  body: Uint8Array,
): Promise<{ ok: true; bytes: Buffer } | { ok: false; issue: string }> {
  try {
    return { ok: true, bytes: await decompress(body, { maxOutputLength: EVIDENCE_BYTES_MAX }) };
  } catch (error) {
    return {
      ok: false,
      issue: `not zstd of at most ${EVIDENCE_BYTES_MAX} bytes: ${(error as Error).message}`,
    };
  }
}
