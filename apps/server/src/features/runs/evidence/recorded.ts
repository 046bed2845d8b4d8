import { createHash } from "node:crypto";
import {
  chunkBytes,
  configHash,
  detectorConfig,
  entryLine,
  Watch,
  type Entry,
  type HeaderEntry,
  type Observation,
  type Policy,
  spanOf,
} from "@flowplane/detection";
import { encodeLines, type LogLine } from "@flowplane/link";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { T0, type RunWorld } from "../fixtures.ts";

// A run as an agent watches and records it, for tests.

/** Sent in this order; times count from the start. */
export type Happening = { readonly text: string; readonly at: number } | Observation;

export interface Recording {
  readonly chunks: readonly Uint8Array[];
  readonly segments: readonly (readonly LogLine[])[];
}

const LINES_PER_SEGMENT = 50;
const ENTRIES_PER_CHUNK = 2;

export function recordRun(runId: string, policy: Policy, happenings: readonly Happening[]): Recording {
  const config = detectorConfig({ sensitivity: policy.sensitivity, benign: policy.benign });
  const header: HeaderEntry = {
    type: "header",
    run_id: runId,
    lineage: runId,
    attempt: 1,
    at: T0,
    policy: { id: null, name: "recorded", version: 1, document: policy },
    detector: { config, hash: configHash(config) },
    history: [],
  };
  const watch = new Watch(header);
  const groups: (readonly Entry[])[] = [[header]];
  const lines: LogLine[] = [];
  for (const happening of happenings) {
    if ("text" in happening) {
      const bytes = Buffer.from(happening.text);
      const line = {
        seq: lines.length + 1,
        atMs: T0 + happening.at,
        stream: "stdout" as const,
        bytes,
        partial: false,
      };
      lines.push(line);
      groups.push(watch.line(line.seq, line.atMs, line.stream, spanOf(bytes)));
    } else {
      const event = { ...happening, at: T0 + happening.at };
      groups.push([{ type: "observed", after: lines.length, event }, ...watch.observe(event)]);
    }
  }
  const segments: LogLine[][] = [];
  for (let from = 0; from < lines.length; from += LINES_PER_SEGMENT)
    segments.push(lines.slice(from, from + LINES_PER_SEGMENT));
  for (const [index, part] of segments.entries())
    groups.push([
      {
        type: "segment",
        segment: index + 1,
        first_seq: part[0]?.seq ?? 0,
        last_seq: part.at(-1)?.seq ?? 0,
        sha256: sha256(encodeLines(part)),
      },
    ]);
  return { chunks: chunksOf(runId, groups), segments };
}

function chunksOf(runId: string, groups: readonly (readonly Entry[])[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let texts: string[] = [];
  const close = () => {
    const previous = chunks.at(-1);
    chunks.push(
      chunkBytes(runId, chunks.length + 1, previous === undefined ? null : sha256(previous), texts),
    );
    texts = [];
  };
  for (const group of groups) {
    texts.push(...group.map(entryLine));
    if (texts.length >= ENTRIES_PER_CHUNK) close();
  }
  if (texts.length > 0) close();
  return chunks;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Uploads everything, evidence last to first: order does not matter. */
export async function uploadRecording(
  world: RunWorld,
  agent: AgentIdentity,
  runId: string,
  { chunks, segments }: Recording,
): Promise<void> {
  for (const [index, lines] of segments.entries()) await world.upload(agent, runId, index + 1, lines);
  for (const [index, bytes] of [...chunks.entries()].toReversed())
    await world.uploadEvidence(agent, runId, index + 1, bytes);
}

/** Work that goes well, then one failure again and again: a loop from line 91 on. */
export function loopingRun(times = 60): Happening[] {
  const texts = [
    ...Array.from(
      { length: 90 },
      (_, index) => `step ${index}: wrote part-${index * 7}.parquet, loss ${(900 / (index + 1)).toFixed(3)}`,
    ),
    ...Array.from({ length: times }, () => "ERROR cannot write chunk: permission denied"),
  ];
  const lines: Happening[] = texts.map((text, index) => ({ text, at: index * 1_000 }));
  return [{ kind: "start", at: 0 }, ...lines, { kind: "tick", at: texts.length * 1_000 + 30_000 }];
}
