import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import type { EvidenceFilePart, Policy, ReplayReport, ReplaySegment } from "@flowplane/detection";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";

const decompress = promisify(zstdDecompress);
/** What a segment unfolds to at most. */
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Replays a file of evidence, on any machine and with nothing but the file. It is read twice, so that no more than a piece
 * of it is in memory. Throws `CliError` for a file that holds no evidence.
 */
export async function replayFile(
  path: string,
  policy: Policy | undefined,
): Promise<{ runId: string; report: ReplayReport }> {
  const { refusedReport, replay, EvidenceFileReader } = await import("@flowplane/detection");
  let runId = "";
  let refusal: string | null = null;
  async function* parts(): AsyncGenerator<EvidenceFilePart> {
    await using file = await open(path, "r");
    const reader = new EvidenceFileReader();
    try {
      for await (const line of linesOf(file)) {
        yield* reader.push(line);
        runId = reader.runId ?? "";
        ({ refusal } = reader);
      }
      yield* reader.end();
    } catch (error) {
      if (error instanceof CliError || !(error instanceof Error) || "code" in error) throw error;
      throw new CliError(`${path}: ${error.message}`, { exitCode: EXIT.usage, cause: error });
    }
  }
  async function* chunks() {
    for await (const part of parts()) if (part.kind === "chunk") yield part.bytes;
  }
  async function* segments() {
    for await (const part of parts()) if (part.kind === "segment") yield await openSegment(path, part);
  }
  const report = await replay({
    chunks: chunks(),
    segments: segments(),
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    ...(policy === undefined ? {} : { policy }),
  });
  // What the file says of itself only explains what was found missing.
  if (report.problem !== null && refusal !== null) return { runId, report: refusedReport(refusal) };
  return { runId, report };
}

async function openSegment(
  path: string,
  { segment, base64 }: Extract<EvidenceFilePart, { kind: "segment" }>,
): Promise<ReplaySegment> {
  const { decodeLines } = await import("@flowplane/link");
  const encoded = await decompress(Buffer.from(base64, "base64"), {
    maxOutputLength: SEGMENT_BYTES_MAX,
  }).catch(() => null);
  const decoded = encoded === null ? null : decodeLines(encoded);
  if (encoded === null || decoded === null || !decoded.ok)
    throw new CliError(`${path}: part ${segment} of the log was damaged.`, {
      exitCode: EXIT.tampered,
      advice: "Get the file again with `flowplane evidence`.",
    });
  const sha256 = createHash("sha256").update(encoded).digest("hex");
  return { segment, sha256, lines: decoded.value };
}

/** Lines may be as long as a segment in base64, which is beyond what readline is made for. */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  const { EVIDENCE_FILE_LINE_CHARS_MAX } = await import("@flowplane/detection");
  let rest = "";
  for await (const text of file.createReadStream({ encoding: "utf8", autoClose: false })) {
    const lines = (rest + String(text)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > EVIDENCE_FILE_LINE_CHARS_MAX)
      throw new Error("This is no file of evidence: it has a line without an end.");
  }
  if (rest !== "") yield rest;
}
