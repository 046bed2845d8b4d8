import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PACKAGE_CONTENT_TYPE } from "@flowplane/contract";
import type { Base } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { CAPABILITY_KEY, readCapability } from "./capability.ts";
import { DOWNLOADS_MAX } from "./limits.ts";
import { objectKey } from "./objects.ts";
import { isMatched, rangeOf } from "./ranges.ts";
import { findDownload } from "./set-store.ts";

/** Below the path of OpAMP: whatever lets an agent reach that, a proxy for example, lets it reach its files. */
export const DOWNLOADS = "packages";

/**
 * Where agents fetch the files they are offered. The address is all it takes: some clients send the offer's headers, some their own, some
 * none. It is good for one file, for the agent it was made for, for as long as that agent is to have it.
 */
export function createDownloads(base: Base) {
  const key = base.secrets.derive(CAPABILITY_KEY);
  let underWay = 0;

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { capability: text } = request.params as { capability: string };
    const read = readCapability(key, text, base.now());
    if (!read.ok && read.issue === "expired")
      throw new AppError(
        "forbidden",
        "The address of this file has expired. Have the agent offered its packages once more.",
      );
    const file = read.ok ? await findDownload(base.storage.system, read.capability) : undefined;
    if (file === undefined) throw noFile();
    const etag = `"${file.sha256.toString("hex")}"`;
    reply
      .header("etag", etag)
      .header("accept-ranges", "bytes")
      .header("cache-control", "private, no-transform");
    if (isMatched(request.headers["if-none-match"], etag)) return reply.code(304).send();
    const range = rangeOf(request.headers, file.bytes, etag);
    if (range.kind === "unsatisfiable")
      return reply.code(416).header("content-range", `bytes */${file.bytes}`).send();
    const length = range.kind === "part" ? range.end - range.start + 1 : file.bytes;
    reply.type(PACKAGE_CONTENT_TYPE).header("content-length", length);
    if (range.kind === "part")
      reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${file.bytes}`);
    if (request.method === "HEAD") return reply.send();
    if (underWay >= DOWNLOADS_MAX)
      throw new AppError("unavailable", "Too many downloads are under way. Ask again.", {
        retryAfterSeconds: 10,
      });
    underWay += 1;
    const stream = await base.objects
      .open(objectKey(file.id), range.kind === "part" ? range : undefined)
      .catch((error: unknown) => {
        underWay -= 1;
        throw error;
      });
    if (stream === undefined) {
      underWay -= 1;
      base.log.error({ file_id: file.id }, "the bytes of a package's file are gone");
      throw noFile();
    }
    stream.once("close", () => {
      underWay -= 1;
    });
    return reply.send(stream);
  }

  return {
    /** On a listener, below each path on which it serves OpAMP. */
    install(fastify: FastifyInstance, opampPaths: readonly string[]): void {
      for (const path of opampPaths)
        fastify.route({
          method: ["GET", "HEAD"],
          url: `${path}/${DOWNLOADS}/:capability`,
          exposeHeadRoute: false,
          // Length and ranges are those of the file as it is.
          ...({ compress: false } as object),
          handler: answer,
        });
    },
  };
}

/** What was never there, and what is no longer for this agent, look the same. */
function noFile(): AppError {
  return new AppError("not_found", "There is no such file, or the agent is not to have it any more.");
}
