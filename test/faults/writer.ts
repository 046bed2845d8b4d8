// A job that writes a megabyte of text a second until the file `until` exists, and then notes in `note` what it wrote.
// Its words are random, so that its log takes room on a disk as real logs do. What it writes it digests itself: what
// Flowplane has of it is held against that.
//
//     node writer.ts NOTE UNTIL

import { createHash } from "node:crypto";
import { existsSync, renameSync, writeFileSync, writeSync } from "node:fs";

/** What the job knows of its own output. */
export type Written = { bytes: number; lines: number; sha256: string };

const LINES_PER_BATCH = 100;
const BATCH_MS = 100;
const LINE_BYTES = 1_000;
const WORDS =
  "sun moon river stone cloud table garden window paper road bridge letter music number water forest winter summer".split(
    " ",
  );

function makeLine(number: number): string {
  let line = String(number).padStart(9, "0");
  while (line.length < LINE_BYTES) line += ` ${WORDS[Math.floor(Math.random() * WORDS.length)]}`;
  return `${line.slice(0, LINE_BYTES - 1)}\n`;
}

function writeAll(bytes: Buffer): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(1, bytes, done);
}

function main(note: string, until: string): void {
  const digest = createHash("sha256");
  let lines = 0;
  const timer = setInterval(() => {
    if (existsSync(until)) {
      clearInterval(timer);
      const written: Written = { bytes: lines * LINE_BYTES, lines, sha256: digest.digest("hex") };
      writeFileSync(`${note}.new`, JSON.stringify(written));
      renameSync(`${note}.new`, note);
      process.exitCode = 4;
      return;
    }
    const batch = Buffer.from(
      Array.from({ length: LINES_PER_BATCH }, (_, index) => makeLine(lines + index)).join(""),
    );
    writeAll(batch);
    digest.update(batch);
    lines += LINES_PER_BATCH;
  }, BATCH_MS);
}

if (import.meta.main) main(process.argv[2] ?? "", process.argv[3] ?? "");
