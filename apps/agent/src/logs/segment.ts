// The encoding of a segment or tail, made again from batches and raw bytes. The result is the same every time.

import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { encodedBytesMax, LineWriter, splitOutput } from "@flowplane/link";
import type { Stream } from "@flowplane/link";
import type { Batch } from "../spool/logs.ts";
import type { RunFiles } from "../supervisor/files.ts";

/** Buffers that are used again, so that a flood of segments does not become a flood of garbage. */
export class Scratch {
  readonly #buffers: Record<Stream | "encoded", Buffer> = {
    stdout: Buffer.alloc(0),
    stderr: Buffer.alloc(0),
    encoded: Buffer.alloc(0),
  };

  /** A buffer of this size; its content is arbitrary and good until the next call for the same purpose. */
  take(purpose: Stream | "encoded", bytes: number): Buffer {
    if (this.#buffers[purpose].length < bytes) this.#buffers[purpose] = Buffer.allocUnsafeSlow(bytes);
    return this.#buffers[purpose].subarray(0, bytes);
  }
}

/** `bytes` lie in the scratch. `firstSeq` and `lastSeq` are 0 when there are no lines. */
export type EncodedBatches = { bytes: Uint8Array; firstSeq: number; lastSeq: number };

/**
 * Encodes the lines of consecutive batches, from line `fromSeq` on. Rejects when the files hold fewer bytes than the batches
 * say, or other ones. Yields to the event loop after each batch.
 */
export async function encodeBatches(
  files: RunFiles,
  batches: readonly Batch[],
  scratch: Scratch,
  fromSeq = 0,
): Promise<EncodedBatches> {
  const [first, last] = [batches.at(0), batches.at(-1)];
  if (!first || !last) return { bytes: new Uint8Array(), firstSeq: 0, lastSeq: 0 };
  const stdout = await readRange(files, "stdout", first.stdout_from, last.stdout_to, scratch);
  const stderr = await readRange(files, "stderr", first.stderr_from, last.stderr_to, scratch);
  const lines = batches.reduce((sum, batch) => sum + batch.lines, 0);
  const writer = new LineWriter(
    scratch.take("encoded", encodedBytesMax(stdout.length + stderr.length, lines)),
  );
  for (const batch of batches) {
    let seq = batch.first_seq;
    const write = (source: Buffer, stream: Stream) =>
      splitOutput(source, (from, to, partial) => {
        if (seq >= fromSeq) writer.write(source, from, to, seq, batch.at_ms, stream, partial);
        seq += 1;
      });
    write(
      stdout.subarray(batch.stdout_from - first.stdout_from, batch.stdout_to - first.stdout_from),
      "stdout",
    );
    write(
      stderr.subarray(batch.stderr_from - first.stderr_from, batch.stderr_to - first.stderr_from),
      "stderr",
    );
    if (seq !== batch.first_seq + batch.lines)
      throw new Error(`batch ${batch.batch} no longer frames to ${batch.lines} lines`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    bytes: writer.finish(),
    firstSeq: Math.max(first.first_seq, fromSeq),
    lastSeq: last.first_seq + last.lines - 1,
  };
}

async function readRange(
  files: RunFiles,
  stream: Stream,
  from: number,
  to: number,
  scratch: Scratch,
): Promise<Buffer> {
  const bytes = scratch.take(stream, to - from);
  if (bytes.length === 0) return bytes;
  await using file = await open(files.path(stream), "r");
  await readExactly(file, bytes, from);
  return bytes;
}

async function readExactly(file: FileHandle, bytes: Buffer, from: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0)
      throw new Error(`the file ends at ${from + done}, ${from + bytes.length} was expected`);
    done += bytesRead;
  }
}
