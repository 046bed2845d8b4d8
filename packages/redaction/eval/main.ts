// How well redaction does: `node packages/redaction/eval/main.ts [FOLDER]` plants made-up secrets and counts what is left of
// them, and counts the marks in the files of FOLDER, which are taken to hold no secrets.

import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRedactor, FRESH_STATE } from "../src/index.ts";
import { pick, plantKnown, plantUnknown, seeded } from "./planted.ts";
import type { Planted } from "./planted.ts";

const ROUNDS = 20_000;
const SPEED_BYTES = 64_000_000;
const digits = (secret: Uint8Array) => createHmac("sha256", "eval").update(secret).digest("hex").slice(0, 8);
const [folder] = process.argv.slice(2);

const random = seeded(1);
const CHARACTERS = Array.from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/'\"&@ %");
const known = Array.from({ length: 50 }, () =>
  Array.from({ length: 24 }, () => pick(random, CHARACTERS))
    .join("")
    .trim(),
);
process.stdout.write(
  `${JSON.stringify({
    unknown: count(plantUnknown, []),
    known: count((next) => plantKnown(next, pick(next, known)), known),
    ...(folder === undefined ? {} : { benign: countMarks(folder) }),
  })}\n`,
);

function count(plant: (next: () => number) => Planted, values: readonly string[]) {
  const redactor = createRedactor({ known: values, patterns: [], digits });
  const left: Record<string, number> = {};
  let survived = 0;
  let bytes = 0;
  let leaked = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { kind, secret, line } = plant(random);
    const redacted = redactor.redactText(`${line}\n`);
    const rest = longestPart(secret, redacted);
    bytes += secret.length;
    leaked += rest;
    if (rest < secret.length / 2) continue;
    survived += 1;
    left[kind] = (left[kind] ?? 0) + 1;
  }
  return { planted: ROUNDS, survived, left, leaked_share: leaked / bytes };
}

/** How long the longest beginning or end of the secret is that can still be read, from four characters on. */
function longestPart(secret: string, text: string): number {
  for (let length = secret.length; length >= 4; length -= 1)
    if (text.includes(secret.slice(0, length)) || text.includes(secret.slice(-length))) return length;
  return 0;
}

function countMarks(path: string) {
  const redactor = createRedactor({ known, patterns: [], digits });
  const kinds: Record<string, number> = {};
  const contents = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  let marks = 0;
  for (const content of contents) {
    const redacted = redactor.redact(FRESH_STATE, content, 0, "all");
    marks += redacted.marks;
    for (const [, kind = ""] of Buffer.from(redacted.bytes)
      .toString("latin1")
      .matchAll(/\[redacted:(\w+):/g))
      kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const all = Buffer.concat(contents);
  const start = performance.now();
  let done = 0;
  for (; done < SPEED_BYTES && all.length > 0; done += all.length)
    redactor.redact(FRESH_STATE, all, 0, "all");
  const seconds = (performance.now() - start) / 1000;
  return {
    megabytes: all.length / 1e6,
    marks,
    marks_per_megabyte: marks / (all.length / 1e6),
    kinds,
    mb_per_second: Math.round(done / 1e6 / seconds),
  };
}
