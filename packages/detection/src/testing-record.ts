import { chunkBytes, entryLine } from "./chunks.ts";
import { configHash, detectorConfig, type DetectorConfig } from "./config.ts";
import type { Entry, HeaderEntry, Observation } from "./evidence.ts";
import { hashText } from "./hash.ts";
import { DEFAULT_POLICY, type PastIncident, type Policy } from "./policy.ts";
import type { ReplayLine, ReplaySegment } from "./replay.ts";
import { spanOf } from "./span.ts";
import { Watch, type Output } from "./watch.ts";

// A run as an agent records it, for tests.

export const STARTED_AT = Date.UTC(2026, 10, 21, 2, 0, 0);
const ENTRIES_PER_CHUNK = 40;
const LINES_PER_SEGMENT = 64;
const encoder = new TextEncoder();

export type Happening = { readonly text: string; readonly at: number } | Observation;

export interface Recorded {
  readonly header: HeaderEntry;
  readonly outputs: readonly Output[];
  readonly chunks: Uint8Array[];
  readonly segments: ReplaySegment[];
}

/** Stands in for SHA-256, which only Node has. */
export function digest(bytes: Uint8Array): string {
  return hashText(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""), 3).toString(16);
}

export function enforcing(change: Partial<Policy> = {}): Policy {
  return { ...DEFAULT_POLICY, mode: "enforce", warm_up_ms: 0, ...change };
}

export function headerOf(
  policy: Policy,
  { config = {}, history = [], lineage = "run-1" }: RecordOptions = {},
): HeaderEntry {
  const full = detectorConfig({ sensitivity: policy.sensitivity, benign: policy.benign, ...config });
  return {
    type: "header",
    run_id: "run-1",
    lineage,
    attempt: 1,
    at: STARTED_AT,
    policy: { id: null, name: "test", version: 1, document: policy },
    detector: { config: full, hash: configHash(full) },
    history,
  };
}

interface RecordOptions {
  readonly config?: Partial<DetectorConfig>;
  readonly history?: readonly PastIncident[];
  readonly lineage?: string;
  /** The agent dies after these happenings, and goes on from a snapshot of so many happenings before. */
  readonly crashes?: ReadonlyMap<number, number>;
}

/** `at` of lines and observations counts from the start of the run. */
export function record(
  happenings: readonly Happening[],
  policy: Policy,
  options: RecordOptions = {},
): Recorded {
  const header = headerOf(policy, options);
  let watch = new Watch(header);
  const lines: ReplayLine[] = [];
  const groups: Entry[][] = [[header]];
  const outputs: Output[] = [];
  const snapshots = [watch.snapshot()];
  const feed = (happening: Happening): readonly Output[] => {
    if (!("text" in happening)) return watch.observe(absolute(happening));
    const bytes = encoder.encode(happening.text);
    return watch.line(watch.seq + 1, STARTED_AT + happening.at, "stdout", spanOf(bytes));
  };
  for (const [index, happening] of happenings.entries()) {
    if ("text" in happening) {
      lines.push({
        seq: lines.length + 1,
        atMs: STARTED_AT + happening.at,
        stream: "stdout",
        bytes: encoder.encode(happening.text),
        partial: false,
      });
    }
    const said = feed(happening);
    outputs.push(...said);
    const observed: Entry[] =
      "text" in happening ? [] : [{ type: "observed", after: lines.length, event: absolute(happening) }];
    if (observed.length + said.length > 0) groups.push([...observed, ...said]);
    if (options.crashes !== undefined) snapshots.push(watch.snapshot());
    const back = options.crashes?.get(index);
    if (back === undefined) continue;
    const from = Math.max(0, index + 1 - back);
    watch = new Watch(header);
    const snapshot = snapshots[from];
    if (snapshot === undefined || !watch.restore(snapshot)) throw new Error("the snapshot was not taken");
    for (const again of happenings.slice(from, index + 1)) feed(again);
  }
  const segments = segmentsOf(lines);
  for (const { segment, sha256 } of segments) {
    const first = (segment - 1) * LINES_PER_SEGMENT + 1;
    const last = Math.min(lines.length, segment * LINES_PER_SEGMENT);
    groups.push([{ type: "segment", segment, first_seq: first, last_seq: last, sha256 }]);
  }
  return { header, outputs, chunks: chunksOf(header.run_id, groups), segments };
}

function absolute(event: Observation): Observation {
  return { ...event, at: STARTED_AT + event.at };
}

export function segmentsOf(lines: readonly ReplayLine[]): ReplaySegment[] {
  const count = Math.ceil(lines.length / LINES_PER_SEGMENT);
  return Array.from({ length: count }, (_, index) => {
    const part = lines.slice(index * LINES_PER_SEGMENT, (index + 1) * LINES_PER_SEGMENT);
    const text = part.map(({ seq, atMs, bytes }) => `${seq} ${atMs} ${bytes.join(",")}`).join("\n");
    return { segment: index + 1, sha256: digest(encoder.encode(text)), lines: part };
  });
}

/** What belongs to one observation stays in one chunk. */
function chunksOf(runId: string, groups: readonly (readonly Entry[])[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let lines: string[] = [];
  const close = () => {
    const previous = chunks.at(-1);
    chunks.push(
      chunkBytes(runId, chunks.length + 1, previous === undefined ? null : digest(previous), lines),
    );
    lines = [];
  };
  for (const group of groups) {
    lines.push(...group.map(entryLine));
    if (lines.length >= ENTRIES_PER_CHUNK) close();
  }
  if (lines.length > 0) close();
  return chunks;
}

/** A chunk with a part of its text changed. */
export function changed(chunk: Uint8Array, from: string | RegExp, to: string): Uint8Array {
  const text = new TextDecoder().decode(chunk);
  const after = text.replace(from, to);
  if (after === text) throw new Error(`nothing to change: ${String(from)}`);
  return encoder.encode(after);
}

/** A run of a mind of its own: work, silence, failures, samples, pauses and heartbeats, in an order the seed decides. */
export function seededRun(seed: number, length = 400): Happening[] {
  let state = seed * 2_654_435_761;
  const next = (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x85ebca6b) + 0x6d2b79f5) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
  const happenings: Happening[] = [{ kind: "start", at: 0 }];
  let at = 0;
  let rss = 100;
  let cpu = 0;
  while (happenings.length < length) {
    const mood = next(6);
    const many = 5 + next(40);
    for (let turn = 0; turn < many; turn += 1) {
      at += 100 + next(3_000);
      if (turn % 8 === 7) {
        cpu += mood === 2 ? 0 : next(2_000);
        rss += mood === 3 ? 40 : 0;
        happenings.push({
          kind: "sample",
          at,
          cpu_ms: cpu,
          rss_bytes: rss * 1_048_576,
          rss_limit_bytes: 2_000 * 1_048_576,
          io_bytes: cpu * 10,
          children: 2,
        });
      } else if (mood === 0)
        happenings.push({ text: `step ${happenings.length}: loss 0.${next(9_999)}`, at });
      else if (mood === 1) happenings.push({ text: "ERROR cannot write chunk: permission denied", at });
      else if (mood === 2) happenings.push({ kind: "tick", at: (at += 60_000) });
      else if (mood === 3) happenings.push({ text: `WARN connection refused, retrying in ${turn}s`, at });
      else if (mood === 4) happenings.push({ kind: "heartbeat", at, progress: next(2) === 0 ? null : turn });
      else
        happenings.push({
          text: JSON.stringify({ role: "assistant", tool_calls: [{ name: "grep", args: { q: "x" } }] }),
          at,
        });
    }
    if (next(5) === 0) happenings.push({ kind: "frozen", at, frozen: next(2) === 0 });
    if (next(5) === 0)
      happenings.push({ kind: "guard", at, until: next(2) === 0 ? null : at + 90_000, spent: next(2) === 0 });
  }
  return [...happenings, { kind: "exit", at, code: 1, signal: null }, { kind: "end", at }];
}
