import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AppError } from "../../platform/errors.ts";

/** A request's body, inflated when it is gzip, never holding more than `bytesMax` of it either way. `what` begins the refusal. */
export async function readBody(request: IncomingMessage, bytesMax: number, what: string): Promise<Buffer> {
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding !== "gzip" && encoding !== "identity")
    throw new AppError(
      "unsupported_media_type",
      `The content encoding ${encoding} is not read here; send gzip or none.`,
    );
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge(what, bytesMax);
  if (encoding === "identity") return collect(request, bytesMax, what);
  const inflated = createGunzip();
  // Counted before inflating too: a stream of empty gzip members inflates to nothing for ever.
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.byteLength;
    if (received > bytesMax) inflated.destroy(tooLarge(what, bytesMax));
  });
  request.once("error", (error) => inflated.destroy(error));
  request.once("aborted", () => inflated.destroy(new AppError("invalid_input", "The body was cut off.")));
  request.pipe(inflated);
  try {
    return await collect(inflated, bytesMax, what);
  } catch (cause) {
    request.unpipe(inflated);
    if (cause instanceof AppError) throw cause;
    throw new AppError("invalid_input", "The body is not valid gzip.", { cause });
  }
}

async function collect(stream: Readable, bytesMax: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // `for await` destroys what it stops reading; of a request that would be the socket with our answer.
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge(what, bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(what: string, bytesMax: number): AppError {
  return new AppError("too_large", `${what} may have ${bytesMax} bytes here, inflated.`);
}
