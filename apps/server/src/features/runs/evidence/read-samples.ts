import { CLOCK_DIFFERENCE_MS_MAX, SAMPLES_PER_CHUNK_MAX } from "./limits.ts";

/** A sample as a row has it. */
export interface Sample {
  readonly at: Date;
  readonly cpu_ms: number | null;
  readonly memory_bytes: number | null;
  readonly memory_limit_bytes: number | null;
  readonly read_bytes: number | null;
  readonly write_bytes: number | null;
  readonly processes: number | null;
  readonly log_bytes: number;
}

/**
 * The samples in a chunk of evidence, in the order of their times. Lines that are none, or make no sense, are left out: the evidence
 * keeps them as they are.
 */
export function readSamplesOf(chunk: Buffer, run: { readonly created_at: Date }, now: number): Sample[] {
  const [earliest, latest] = [
    run.created_at.getTime() - CLOCK_DIFFERENCE_MS_MAX,
    now + CLOCK_DIFFERENCE_MS_MAX,
  ];
  const samples: Sample[] = [];
  for (const line of linesWith(chunk, '"kind":"sample"')) {
    const sample = sampleOf(line);
    if (sample === undefined || sample.at.getTime() < earliest || sample.at.getTime() > latest) continue;
    samples.push(sample);
    if (samples.length >= SAMPLES_PER_CHUNK_MAX) break;
  }
  return samples.toSorted((a, b) => a.at.getTime() - b.at.getTime());
}

/** Most lines of a chunk are no samples, so they are not even parsed. */
function* linesWith(chunk: Buffer, part: string): Generator<string> {
  let at = chunk.indexOf(part);
  while (at >= 0) {
    const start = chunk.lastIndexOf("\n", at) + 1;
    const newline = chunk.indexOf("\n", at);
    const end = newline < 0 ? chunk.length : newline;
    yield chunk.toString("utf8", start, end);
    at = chunk.indexOf(part, end);
  }
}

function sampleOf(line: string): Sample | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { type, event } = (entry ?? {}) as Record<string, unknown>;
  if (type !== "observed" || typeof event !== "object" || event === null) return undefined;
  const said = event as Record<string, unknown>;
  const at = count(said["at"]);
  if (said["kind"] !== "sample" || at === null) return undefined;
  const processes = count(said["processes"]) ?? count(said["children"]);
  return {
    at: new Date(at),
    cpu_ms: count(said["cpu_ms"]),
    memory_bytes: count(said["rss_bytes"]),
    memory_limit_bytes: count(said["rss_limit_bytes"]),
    read_bytes: count(said["read_bytes"]),
    write_bytes: count(said["write_bytes"]),
    processes: processes === null ? null : Math.min(processes, INT32_MAX),
    log_bytes: count(said["log_bytes"]) ?? 0,
  };
}

const INT32_MAX = 2 ** 31 - 1;
/** The last moment that a date can be. */
const NUMBER_MAX = 8.64e15;

/** A number of ours: whole, not negative, and one the database holds; null for anything else. */
function count(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= NUMBER_MAX ? Math.round(value) : null;
}
