import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Output } from "./output.ts";

/** Bytes that are read of a value on stdin, at most. */
const VALUE_BYTES_MAX = 1024 * 1024;

/** A value that must not be seen: asked for on a terminal without showing what is typed, else all of stdin. */
export async function readHidden(question: string, output: Output): Promise<string> {
  return process.stdin.isTTY ? askHidden(question, output) : readAll();
}

/** A value that anybody may see: asked for on a terminal, else all of stdin. */
export async function readValue(question: string): Promise<string> {
  return process.stdin.isTTY ? ask(question) : readAll();
}

async function readAll(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > VALUE_BYTES_MAX) break;
    chunks.push(chunk);
  }
  // The newline that ends a file, or what `echo` prints, is no part of a value.
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

async function askHidden(question: string, output: Output): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    output.note("");
  }
}
