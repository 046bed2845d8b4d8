import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { decodeLines, SEGMENT_BYTES_MAX, type LogLine } from "@flowplane/link";

const decompress = promisify(zstdDecompress);

export type DecodedSegment = { ok: true; lines: LogLine[] } | { ok: false; issue: string };

/** A compressed segment -> its lines, or what is wrong with it. However small it is, it cannot unfold to more than a segment. */
export async function decodeSegment(body: Uint8Array): Promise<DecodedSegment> {
  const unpacked = await decompressSegment(body);
  if (!unpacked.ok) return unpacked;
  const decoded = decodeLines(unpacked.encoding);
  if (!decoded.ok) return decoded;
  return { ok: true, lines: decoded.value };
}

/** A compressed segment -> its encoding. */
export async function decompressSegment(
  body: Uint8Array,
): Promise<{ ok: true; encoding: Uint8Array } | { ok: false; issue: string }> {
  try {
    return { ok: true, encoding: await decompress(body, { maxOutputLength: SEGMENT_BYTES_MAX }) };
  } catch (error) {
    return {
      ok: false,
      issue: `not zstd of at most ${SEGMENT_BYTES_MAX} bytes: ${(error as Error).message}`,
    };
  }
}
