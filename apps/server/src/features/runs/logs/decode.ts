import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { decodeLines, SEGMENT_BYTES_MAX, type LogLine } from "@flowplane/link";

const decompress = promisify(zstdDecompress);

export type DecodedSegment = { ok: true; lines: LogLine[] } | { ok: false; issue: string };

/** A compressed segment -> its lines, or what is wrong with it. However small it is, it cannot unfold to more than a segment. */
export async function decodeSegment(body: Uint8Array): Promise<DecodedSegment> {
  let encoded: Uint8Array;
  try {
    encoded = await decompress(body, { maxOutputLength: SEGMENT_BYTES_MAX });
  } catch (error) {
    return {
      ok: false,
      issue: `not zstd of at most ${SEGMENT_BYTES_MAX} bytes: ${(error as Error).message}`,
    };
  }
  const decoded = decodeLines(encoded);
  if (!decoded.ok) return decoded;
  return { ok: true, lines: decoded.value };
}
