import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import {
  BULK_PATH,
  decodeLines,
  EXPIRED_HEADER,
  EVIDENCE_CONTENT_TYPE,
  FIRST_SEQ_HEADER,
  LAST_SEQ_HEADER,
  LINES_CONTENT_TYPE,
  SEGMENT_BYTES_MAX,
  SEGMENT_CONTENT_TYPE,
  SHA256_HEADER,
  tailPath,
} from "@flowplane/link";
import { Id } from "@flowplane/contract";
import { observeTail } from "../metrics.ts";
import { notFound } from "../../../platform/errors.ts";
import type { AgentHttp } from "../../gateway/agent-http.ts";
import { bodyOf, bulkDoor, check, expiredNumbers, invalid } from "../bulk-door.ts";
import { evidenceRoute } from "../evidence/bulk-route.ts";
import { decodeSegment } from "./decode.ts";
import { storeSegment, type Expired } from "./intake.ts";
import { SEGMENT_BODY_BYTES_MAX } from "./limits.ts";
import { publishLines } from "./tail-messages.ts";

const seq = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const SegmentParams = z.object({ run_id: Id, segment_seq: seq });
const SegmentHeaders = z.object({
  [SHA256_HEADER]: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
  [FIRST_SEQ_HEADER]: seq,
  [LAST_SEQ_HEADER]: seq,
  [EXPIRED_HEADER]: expiredNumbers(3).optional(),
});
const TailParams = z.object({ run_id: Id });

/** What agents upload of their runs: segments of logs and evidence, which are the truth, and live tails, which may be lost. */
export function runBulkRoutes(agentHttp: AgentHttp): void {
  const { fastify } = agentHttp;
  fastify.addContentTypeParser(
    [SEGMENT_CONTENT_TYPE, LINES_CONTENT_TYPE, EVIDENCE_CONTENT_TYPE],
    { parseAs: "buffer", bodyLimit: SEGMENT_BODY_BYTES_MAX },
    (_request: FastifyRequest, body: Buffer, done) => done(null, body),
  );
  const door = bulkDoor(agentHttp);
  const { hooks, contextOf, isOwner } = door;
  evidenceRoute(door);

  fastify.put(
    `${BULK_PATH}/runs/:run_id/segments/:segment_seq`,
    { bodyLimit: SEGMENT_BODY_BYTES_MAX, ...hooks },
    async (request, reply) => {
      const { ctx, identity } = contextOf(request);
      const params = check(SegmentParams, request.params, "params");
      const headers = check(SegmentHeaders, request.headers, "headers");
      const body = bodyOf(request);
      if (!(await isOwner(ctx, identity, params.run_id))) throw notFound("run", params.run_id);
      const checksum = createHash("sha256").update(body).digest("hex");
      if (checksum !== headers[SHA256_HEADER])
        throw invalid(`The body does not match ${SHA256_HEADER}; it was damaged on its way. Send it again.`);
      const decoded = await decodeSegment(body);
      if (!decoded.ok) throw invalid(`The body is no segment: ${decoded.issue}.`);
      const { lines } = decoded;
      const [first, last] = [lines[0]?.seq, lines.at(-1)?.seq];
      if (first !== headers[FIRST_SEQ_HEADER] || last !== headers[LAST_SEQ_HEADER])
        throw invalid(
          `The body holds lines ${first ?? "none"} to ${last ?? "none"}, not those its headers name.`,
        );
      await storeSegment(ctx, {
        runId: params.run_id.toLowerCase(),
        segmentSeq: params.segment_seq,
        body,
        checksum,
        lines,
        expired: expiredOf(headers[EXPIRED_HEADER], params.segment_seq, first),
      });
      return reply.code(204).send();
    },
  );

  fastify.post(
    `${BULK_PATH}${tailPath(":run_id")}`,
    { bodyLimit: SEGMENT_BYTES_MAX, ...hooks },
    async (request, reply) => {
      const { ctx, identity } = contextOf(request);
      const { run_id } = check(TailParams, request.params, "params");
      const body = bodyOf(request);
      const decoded = decodeLines(body);
      if (!decoded.ok) throw invalid(`The body holds no lines: ${decoded.issue}.`);
      if (!(await isOwner(ctx, identity, run_id))) throw notFound("run", run_id);
      const newest = decoded.value.at(-1);
      if (newest !== undefined) {
        publishLines(ctx.bus, run_id.toLowerCase(), body);
        observeTail(ctx.now() - newest.atMs);
      }
      return reply.code(204).send();
    },
  );
}

/** What the header names lies before the segment it comes with. */
function expiredOf(numbers: number[] | undefined, segmentSeq: number, firstSeq: number): Expired | null {
  if (numbers === undefined) return null;
  const [expiredSegment = 0, seq = 0, until = 0] = numbers;
  if (expiredSegment >= segmentSeq || seq >= firstSeq)
    throw invalid(`${EXPIRED_HEADER} names lines that are not before those of the segment.`);
  return { segmentSeq: expiredSegment, seq, until: new Date(until) };
}
