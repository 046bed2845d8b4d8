import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { PACK_BYTES } from "../logs/limits.ts";
import { readEncoding } from "../logs/segments.ts";
import type { SegmentRow } from "../logs/store.ts";
import { PACK_LEVEL, ROWS_PER_BATCH } from "./limits.ts";
import { addGarbage, markPacked, moveIntoPack, unpackedSegments } from "./store.ts";

const compress = promisify(zstdCompress);

interface Member {
  readonly row: SegmentRow;
  readonly encoding: Uint8Array;
}

/**
 * Puts the segments of a run's log into fewer objects, a pack at a time: first the pack, then, in one transaction, the rows that point
 * into it and the old objects' end. Cut off anywhere, it goes on where it was. Every segment keeps its own bytes, so that
 * replays find what was hashed. Gives the number of segments packed.
 */
export async function packLog(ctx: Ctx, runId: string): Promise<number> {
  let packed = 0;
  let after = 0;
  for (;;) {
    const from = after;
    const rows = await inTransaction(ctx, (ctx) => unpackedSegments(ctx.db, runId, from, ROWS_PER_BATCH));
    let members: Member[] = [];
    let bytes = 0;
    for (const row of rows) {
      after = row.segment_seq;
      const found = await readEncoding(ctx.objects, row);
      if (!found.ok) {
        // It stays as it is, and readers are told; packing it would hide what is wrong.
        ctx.log.error(
          { run_id: runId, segment: row.segment_seq, issue: found.issue },
          "a segment cannot be packed",
        );
        continue;
      }
      members.push({ row, encoding: found.encoding });
      bytes += found.encoding.length;
      if (bytes < PACK_BYTES) continue;
      packed += await store(ctx, runId, members);
      members = [];
      bytes = 0;
    }
    packed += await store(ctx, runId, members);
    if (rows.length < ROWS_PER_BATCH) break;
  }
  await inTransaction(ctx, (ctx) => markPacked(ctx.db, runId, new Date(ctx.now())));
  return packed;
}

async function store(ctx: Ctx, runId: string, members: readonly Member[]): Promise<number> {
  const [first] = members;
  // One alone would be no fewer.
  if (first === undefined || members.length < 2) return 0;
  const whole = Buffer.concat(members.map(({ encoding }) => encoding));
  const body = await compress(whole, { params: { [constants.ZSTD_c_compressionLevel]: PACK_LEVEL } });
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 16);
  const number = String(first.row.segment_seq).padStart(10, "0");
  const key = `packs/${ctx.actor.organization_id}/${runId}/${number}-${hash}`;
  await ctx.objects.put(key, body);
  await inTransaction(ctx, async (ctx) => {
    let offset = 0;
    for (const { row, encoding } of members) {
      const stored = Math.ceil((body.length * encoding.length) / whole.length);
      await moveIntoPack(ctx.db, row, { key, offset, length: encoding.length, stored });
      offset += encoding.length;
    }
    const old = members.map(({ row }) => row.object_key);
    await addGarbage(ctx.db, ctx.actor.organization_id, old, new Date(ctx.now()));
  });
  return members.length;
}
