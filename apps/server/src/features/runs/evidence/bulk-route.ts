import { createHash } from "node:crypto";
import { z } from "zod";
import { BULK_PATH, evidencePath, EXPIRED_HEADER, SHA256_HEADER } from "@flowplane/link";
import { Id } from "@flowplane/contract";
import { notFound } from "../../../platform/errors.ts";
import { bodyOf, check, expiredNumbers, invalid, type BulkDoor } from "../bulk-door.ts";
import { storeChunk } from "./intake.ts";
import { CHUNK_BODY_BYTES_MAX, CHUNK_NUMBER_MAX } from "./limits.ts";

const Params = z.object({ run_id: Id, chunk: z.coerce.number().int().min(1).max(CHUNK_NUMBER_MAX) });
const Headers = z.object({
  [SHA256_HEADER]: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
  [EXPIRED_HEADER]: expiredNumbers(2).optional(),
});

/** `PUT` of one chunk of a run's evidence by its agent; answered when it is stored. */
export function evidenceRoute({ fastify, hooks, contextOf, isOwner }: BulkDoor): void {
  fastify.put(
    `${BULK_PATH}${evidencePath(":run_id", 0).replace(/0$/, ":chunk")}`,
    { bodyLimit: CHUNK_BODY_BYTES_MAX, ...hooks },
    async (request, reply) => {
      const { ctx, identity } = contextOf(request);
      const params = check(Params, request.params, "params");
      const headers = check(Headers, request.headers, "headers");
      const body = bodyOf(request);
      if (!(await isOwner(ctx, identity, params.run_id))) throw notFound("run", params.run_id);
      if (createHash("sha256").update(body).digest("hex") !== headers[SHA256_HEADER])
        throw invalid(`The body does not match ${SHA256_HEADER}; it was damaged on its way. Send it again.`);
      const [expiredChunk = 0, until = 0] = headers[EXPIRED_HEADER] ?? [];
      if (expiredChunk >= params.chunk)
        throw invalid(`${EXPIRED_HEADER} names chunks that are not before the one it comes with.`);
      const expired = expiredChunk === 0 ? null : { chunk: expiredChunk, until: new Date(until) };
      await storeChunk(ctx, { runId: params.run_id.toLowerCase(), chunk: params.chunk, body, expired });
      return reply.code(204).send();
    },
  );
}
