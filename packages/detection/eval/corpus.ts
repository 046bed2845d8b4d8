import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface CorpusFile {
  readonly file: string;
  readonly source: string;
  readonly label: string;
  readonly note: string;
  readonly bytes: Uint8Array;
  /** Lines between which an alarm in a benign file is right, from a note that says MIXED. */
  readonly mixed: readonly [from: number, to: number] | null;
}

/** A folder with an `index.jsonl` of {file, label, source, note}. */
export function readCorpus(folder: string): CorpusFile[] {
  return readFileSync(join(folder, "index.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      const file = text(entry["file"]);
      const note = text(entry["note"]);
      const mixed = /MIXED: lines (\d+)-(\d+)/.exec(note);
      return {
        file,
        source: text(entry["source"]),
        label: text(entry["label"]),
        note,
        bytes: readFileSync(join(folder, file)),
        mixed: mixed === null ? null : [Number(mixed[1]), Number(mixed[2])],
      };
    });
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
