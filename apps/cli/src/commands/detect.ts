import { open, readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Sensitivity } from "@flowplane/detection";
import type { Command } from "commander";
import { plainCommand, type Context } from "../context.ts";
import { parseCount } from "../input.ts";
import type { Output } from "../output.ts";

interface DetectOptions {
  rate?: number;
  sensitivity: Sensitivity;
  json?: true;
}

/** What is printed of one file; the names are those of the command's JSON. */
interface FileVerdict {
  readonly file: string;
  readonly label: string | null;
  readonly detected: boolean;
  readonly category: string | null;
  readonly score: number;
  readonly atLine: number | null;
  readonly atSeconds: number | null;
  readonly evidence: unknown;
}

const CHUNK_BYTES = 1024 * 1024;
const INDEX_FILE = "index.jsonl";
/** Folders above a file that are looked through for labels. */
const INDEX_LEVELS = 3;

export function declareDetect(program: Command, context: Context): void {
  const detect = plainCommand(
    program,
    "detect",
    "Tell whether saved logs show a loop, a stall, a retry storm, a runaway or an agent that goes in circles",
  )
    .argument("<file...>", "logs, or transcripts of agents as JSON Lines")
    .option("--rate <lines per second>", "pace of logs whose lines carry no time (default: 10)", parseCount)
    .option("--json", "print one object per file and line")
    .action((files: string[], options: DetectOptions) => detectIn(context, files, options));
  detect.addOption(
    detect
      .createOption("--sensitivity <level>", "how much evidence is asked for")
      .choices(["low", "medium", "high"])
      .default("medium"),
  );
}

async function detectIn(context: Context, files: readonly string[], options: DetectOptions): Promise<void> {
  const { output } = context;
  const labels = new Map<string, ReadonlyMap<string, string>>();
  for (const file of files) {
    const verdict = { file, label: await labelOf(file, labels), ...(await verdictOf(file, options)) };
    if (options.json === true) output.jsonLine(verdict);
    else printVerdict(output, verdict);
  }
}

async function verdictOf(file: string, options: DetectOptions) {
  const { createLogDetection, HEAD_BYTES, LINES_PER_SECOND_ASSUMED } = await import("@flowplane/detection");
  await using handle = await open(file);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  const detection = createLogDetection(
    buffer.subarray(0, bytesRead),
    { sensitivity: options.sensitivity },
    options.rate ?? LINES_PER_SECOND_ASSUMED,
  );
  const stream = handle.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, autoClose: false });
  for await (const chunk of stream as AsyncIterable<Buffer>) if (!detection.push(chunk)) break;
  return detection.finish();
}

/** What an index beside the file, or a few folders above, calls it; null where there is none. */
async function labelOf(
  file: string,
  known: Map<string, ReadonlyMap<string, string>>,
): Promise<string | null> {
  const path = resolve(file);
  let folder = dirname(path);
  for (let level = 0; level < INDEX_LEVELS; level += 1) {
    const labels = known.get(folder) ?? (await readLabels(folder));
    known.set(folder, labels);
    const label = labels.get(relative(folder, path)) ?? labels.get(basename(path));
    if (label !== undefined) return label;
    folder = dirname(folder);
  }
  return null;
}

async function readLabels(folder: string): Promise<ReadonlyMap<string, string>> {
  const labels = new Map<string, string>();
  const text = await readFile(join(folder, INDEX_FILE), "utf8").catch(whenMissing);
  for (const line of text.split("\n")) {
    const entry = parseEntry(line);
    if (entry !== null) labels.set(entry.file, entry.label);
  }
  return labels;
}

function whenMissing(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" || error.code === "EACCES") return "";
  throw error;
}

/** An index may hold anything; what has a file and a label is used. */
function parseEntry(line: string): { file: string; label: string } | null {
  if (!line.startsWith("{")) return null;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof entry !== "object" || entry === null || !("file" in entry) || !("label" in entry)) return null;
  const { file, label } = entry;
  return typeof file === "string" && typeof label === "string" ? { file, label } : null;
}

function printVerdict(
  output: Output,
  verdict: FileVerdict & { evidence: { signature: Said | null } | null },
): void {
  const { file, detected, category, score, atLine, atSeconds, evidence } = verdict;
  if (!detected) {
    const leaning = category === null ? "" : `, at most ${words(category)} at ${score} of 100`;
    return output.print(`${file}: ${output.style("green", "nothing found")}${leaning}`);
  }
  output.print(
    `${file}: ${output.style("red", words(category ?? ""))}, score ${score}, line ${atLine}, after ${atSeconds} s`,
  );
  const signature = evidence?.signature;
  if (signature !== null && signature !== undefined)
    output.print(`  ${signature.count} x ${signature.text.trim()}`);
}

interface Said {
  readonly text: string;
  readonly count: number;
}

function words(category: string): string {
  return category.replaceAll("_", " ");
}
