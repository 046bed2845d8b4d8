import { canonicalJson } from "./canonical.ts";
import { EVIDENCE_FORMAT, type ChunkEntry, type Entry } from "./evidence.ts";
import { isEntry } from "./entry-shapes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const LINE_FEED = 10;

/** The line an entry is written as, without its line feed. */
export function entryLine(entry: Entry): string {
  return canonicalJson(entry);
}

/** A chunk as it is hashed, stored and sent (compressed): its own entry, then the given lines, each with a line feed. */
export function chunkBytes(
  runId: string,
  chunk: number,
  previous: string | null,
  lines: readonly string[],
): Uint8Array {
  const first: ChunkEntry = { type: "chunk", format: EVIDENCE_FORMAT, run_id: runId, chunk, previous };
  return encoder.encode([entryLine(first), ...lines, ""].join("\n"));
}

export interface ReadEntry {
  readonly entry: Entry;
  /** The line as it is recorded. */
  readonly text: string;
  readonly chunk: number;
}

/** What is wrong with evidence, in a sentence for people. */
export class EvidenceProblem extends Error {}

/**
 * The entries of chunks that follow each other. Throws an EvidenceProblem at the first that is not what the agent wrote: another
 * run's, out of order, changed (the next chunk holds its hash), or no evidence at all.
 */
export class ChunkReader {
  readonly #sha256: (bytes: Uint8Array) => string;
  #runId: string | null = null;
  #chunk = 0;
  #previous: string | null = null;

  constructor(sha256: (bytes: Uint8Array) => string) {
    this.#sha256 = sha256;
  }

  /** Hash of the last chunk read: what the one after it would name. */
  get head(): string | null {
    return this.#previous;
  }

  read(bytes: Uint8Array): ReadEntry[] {
    const number = this.#chunk + 1;
    const texts = linesOf(bytes, number);
    const [first, ...entries] = texts.map((text, index) => parse(text, number, index + 1));
    if (first?.entry.type !== "chunk")
      throw new EvidenceProblem(`Chunk ${number} does not begin like a chunk.`);
    this.#follow(first.entry, number);
    const nested = entries.findIndex(({ entry }) => entry.type === "chunk");
    if (nested >= 0)
      throw new EvidenceProblem(`Chunk ${number} holds another chunk's beginning at line ${nested + 2}.`);
    this.#chunk = number;
    this.#previous = this.#sha256(bytes);
    return entries;
  }

  #follow(entry: ChunkEntry, number: number): void {
    const format: string = entry.format;
    if (format !== EVIDENCE_FORMAT)
      throw new EvidenceProblem(
        `The evidence is of the format ${format}; what can be read here is ${EVIDENCE_FORMAT}.`,
      );
    if (entry.chunk !== number)
      throw new EvidenceProblem(`Chunk ${number} is missing: the next there is is chunk ${entry.chunk}.`);
    this.#runId ??= entry.run_id;
    if (entry.run_id !== this.#runId)
      throw new EvidenceProblem(
        `Chunk ${number} belongs to the run ${entry.run_id}, the ones before it to ${this.#runId}.`,
      );
    if (entry.previous !== this.#previous)
      throw new EvidenceProblem(
        `Chunk ${number} does not follow chunk ${number - 1}: it names ${shortened(entry.previous)} as the hash of the one before it, which is ${shortened(this.#previous)}.`,
      );
  }
}

function linesOf(bytes: Uint8Array, number: number): string[] {
  if (bytes.at(-1) !== LINE_FEED) throw new EvidenceProblem(`Chunk ${number} is cut off.`);
  try {
    return decoder.decode(bytes.subarray(0, -1)).split("\n");
  } catch (cause) {
    throw new EvidenceProblem(`Chunk ${number} is no text.`, { cause });
  }
}

function parse(text: string, chunk: number, line: number): ReadEntry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EvidenceProblem(`Line ${line} of chunk ${chunk} is no JSON.`, { cause });
  }
  if (!isEntry(value)) throw new EvidenceProblem(`Line ${line} of chunk ${chunk} is no entry of evidence.`);
  return { entry: value, text, chunk };
}

function shortened(hash: string | null): string {
  return hash === null ? "none" : `${hash.slice(0, 12)}…`;
}
