// A run's evidence in one file that is replayed anywhere, JSON Lines: a line that names the format and the run, then the
// evidence's chunks line by line as the agent wrote them, then the log's segments, one a line. Nothing is written anew, so
// whatever was changed on the way still shows.

import { canonicalJson } from "./canonical.ts";

export const EVIDENCE_FILE_FORMAT = "flowplane-evidence-file/1";

/** The first line, without its line feed. `refusal`: why what follows cannot be replayed, when its beginning has expired. */
export function evidenceFileHead(runId: string, refusal: string | null = null): string {
  const head = { type: "file", format: EVIDENCE_FILE_FORMAT, run_id: runId };
  return canonicalJson(refusal === null ? head : { ...head, refusal });
}

/** The line of a log segment: its number, and in base64 its encoding compressed with zstd, as it is uploaded. */
export function evidenceFileSegment(segment: number, base64: string): string {
  return canonicalJson({ type: "log", segment, zstd: base64 });
}

export type EvidenceFilePart =
  /** A whole chunk, byte for byte as it was hashed. */
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly kind: "segment"; readonly segment: number; readonly base64: string };

/** A line of such a file is no longer than this: the largest segment, in base64. */
export const EVIDENCE_FILE_LINE_CHARS_MAX = 8 * 1024 * 1024;

/** Takes such a file apart, line by line. Throws an Error with a sentence for people when it is none. */
export class EvidenceFileReader {
  readonly #encoder = new TextEncoder();
  #runId: string | null = null;
  #refusal: string | null = null;
  #lines: string[] = [];

  /** The run the file is about; null before its first line. */
  get runId(): string | null {
    return this.#runId;
  }

  /** Why it cannot be replayed, as whoever made the file said it; null when nothing is said. */
  get refusal(): string | null {
    return this.#refusal;
  }

  /** Takes the next line, without its line feed; the part that it completes. */
  push(line: string): EvidenceFilePart[] {
    if (this.#runId === null) {
      ({ runId: this.#runId, refusal: this.#refusal } = readHead(line));
      return [];
    }
    // Most lines are entries, which only the one who replays them has to understand.
    if (line.startsWith(CHUNK_BEGINNING)) {
      const finished = this.end();
      this.#lines = [line];
      return finished;
    }
    if (!line.includes(LOG_MARK)) {
      this.#lines.push(line);
      return [];
    }
    const segment = readSegment(line);
    if (segment === null) {
      this.#lines.push(line);
      return [];
    }
    return [...this.end(), segment];
  }

  /** The part the file's end completes. */
  end(): EvidenceFilePart[] {
    if (this.#runId === null) throw notOne();
    if (this.#lines.length === 0) return [];
    const bytes = this.#encoder.encode([...this.#lines, ""].join("\n"));
    this.#lines = [];
    return [{ kind: "chunk", bytes }];
  }
}

// Canonical JSON sorts its keys, so that a chunk's own entry begins like no other.
const CHUNK_BEGINNING = '{"chunk":';
const LOG_MARK = '"type":"log"';

function readHead(line: string): { runId: string; refusal: string | null } {
  const head = parse(line);
  if (head?.["type"] !== "file" || typeof head["format"] !== "string" || typeof head["run_id"] !== "string")
    throw notOne();
  if (head["format"] !== EVIDENCE_FILE_FORMAT)
    throw new Error(
      `The file is of the format ${head["format"]}; what can be read here is ${EVIDENCE_FILE_FORMAT}. Use the version of Flowplane it was made with.`,
    );
  const { refusal } = head;
  return { runId: head["run_id"], refusal: typeof refusal === "string" ? refusal : null };
}

function readSegment(line: string): EvidenceFilePart | null {
  const entry = parse(line);
  if (entry?.["type"] !== "log") return null;
  const { segment, zstd } = entry;
  if (typeof segment !== "number" || typeof zstd !== "string")
    throw new Error("The file holds a part of the log that is not one.");
  return { kind: "segment", segment, base64: zstd };
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function notOne(): Error {
  return new Error("This is no file of evidence. `flowplane evidence RUN -o FILE` makes one.");
}
