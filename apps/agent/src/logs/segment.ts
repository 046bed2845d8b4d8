// A segment's or tail's lines, made again from batches and raw bytes. The result is the same every time.

import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { frameLines } from "@flowplane/link";
import type { LogLine } from "@flowplane/link";
import type { Batch } from "../spool/logs.ts";
import type { RunFiles } from "../supervisor/files.ts";

/** The lines of consecutive batches. Rejects when the files hold fewer bytes than the batches say. */
export async function readLines(files: RunFiles, batches: readonly Batch[]): Promise<LogLine[]> {
  await using stdout = await open(files.path("stdout"), "r");
  await using stderr = await open(files.path("stderr"), "r");
  const lines: LogLine[] = [];
  for (const batch of batches) {
    const out = await readExactly(stdout, batch.stdout_from, batch.stdout_to);
    const err = await readExactly(stderr, batch.stderr_from, batch.stderr_to);
    const fromStdout = frameLines(out, "stdout", batch.at_ms, batch.first_seq);
    const fromStderr = frameLines(err, "stderr", batch.at_ms, batch.first_seq + fromStdout.length);
    if (fromStdout.length + fromStderr.length !== batch.lines)
      throw new Error(`batch ${batch.batch} no longer frames to ${batch.lines} lines`);
    for (const line of fromStdout) lines.push(line);
    for (const line of fromStderr) lines.push(line);
  }
  return lines;
}

async function readExactly(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(to - from);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) throw new Error(`the file ends at ${from + done}, ${to} was expected`);
    done += bytesRead;
  }
  return bytes;
}
