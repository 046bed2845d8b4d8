import {
  createDetector,
  savedLogConfig,
  type Decision,
  type DetectionEvent,
  type DetectorConfig,
  type LineEvent,
} from "../src/index.ts";
import { readCorpus, type CorpusFile } from "./corpus.ts";
import { CATEGORIES, SETTINGS, SHAPES, sickRun, type Setting, type SickRun } from "./pathologies.ts";
import { seeded } from "./random.ts";
import { linesOf, TRANSFORMS, type Transform } from "./transforms.ts";

export interface LabelledLog extends CorpusFile {
  readonly log: readonly LineEvent[];
  readonly timed: boolean;
}

export function readLogs(folder: string): LabelledLog[] {
  return readCorpus(folder).map((file) => ({ ...file, ...linesOf(file.bytes) }));
}

export function firstConfirmed(
  events: readonly DetectionEvent[],
  config: Partial<DetectorConfig>,
): Decision | null {
  const detector = createDetector(config);
  let state = detector.start();
  const last = events.at(-1)?.at ?? 0;
  for (const event of [...events, { kind: "end", at: last } as const]) {
    const step = detector.step(state, event);
    state = step.state;
    const decision = step.decisions.find(({ kind }) => kind === "confirmed");
    if (decision !== undefined) return decision;
  }
  return null;
}

/** The verdict comes a record after the stretch it speaks of. */
const LATE_LINES = 5;

/** Whether a decision on this file would have been an intervention for nothing. */
export function isFalse(file: LabelledLog, decision: { readonly line: number } | null): boolean {
  if (decision === null || file.label !== "benign") return false;
  const { mixed } = file;
  return mixed === null || decision.line < mixed[0] || decision.line > mixed[1] + LATE_LINES;
}

export function isTranscript(file: LabelledLog): boolean {
  return file.bytes[0] === 123 && file.file.endsWith("l");
}

export interface BenignResult {
  readonly rows: readonly (readonly [name: string, runs: number, wrong: number])[];
  readonly wrong: readonly string[];
  readonly runs: number;
}

export interface BenignRun {
  readonly transform: Transform;
  readonly file: LabelledLog;
  readonly other: LabelledLog;
  readonly timed: boolean;
  readonly events: readonly LineEvent[];
}

/** Each benign log through each transform; logs that hold a sick stretch only where its place is still known. */
export function* benignRuns(
  logs: readonly LabelledLog[],
  transforms: readonly Transform[] = TRANSFORMS,
): Generator<BenignRun> {
  const benign = logs.filter((file) => file.label === "benign");
  for (const transform of transforms) {
    for (const [index, file] of benign.entries()) {
      if (file.mixed !== null && !transform.keepsLines) continue;
      if (isTranscript(file) && transform.ofProcesses) continue;
      const partners = transform.partners === 0 ? [file] : partnersOf(benign, index, transform.partners);
      for (const [turn, other] of partners.entries()) {
        const random = seeded(index * 100 + turn);
        const timed = file.timed && transform.untimes !== true;
        yield { transform, file, other, timed, events: transform.apply(file.log, other.log, random) };
      }
    }
  }
}

export function evaluateBenign(
  logs: readonly LabelledLog[],
  config: Partial<DetectorConfig>,
  transforms: readonly Transform[] = TRANSFORMS,
): BenignResult {
  const wrong: string[] = [];
  const rows = transforms.map((transform) => {
    let runs = 0;
    const before = wrong.length;
    for (const { file, other, timed, events } of benignRuns(logs, [transform])) {
      runs += 1;
      const decision = firstConfirmed(events, savedLogConfig(timed, config));
      if (isFalse(file, decision) && decision !== null)
        wrong.push(describe(transform, file, other, decision, decision.evidence.signature?.text ?? ""));
    }
    return [transform.name, runs, wrong.length - before] as const;
  });
  return { rows, wrong, runs: rows.reduce((sum, [, runs]) => sum + runs, 0) };
}

function partnersOf(benign: readonly LabelledLog[], index: number, count: number): LabelledLog[] {
  const others = benign.filter((other, at) => at !== index && other.mixed === null && !isTranscript(other));
  return Array.from({ length: count }, (_, turn) => others[(index * 7 + turn * 5) % others.length]).filter(
    (other) => other !== undefined,
  );
}

export function describe(
  transform: Transform,
  file: LabelledLog,
  other: LabelledLog,
  { category, line }: { readonly category: string; readonly line: number },
  said: string,
): string {
  const files = file === other ? file.file : `${file.file} with ${other.file}`;
  const text = said.trim().slice(0, 100).replaceAll("`", "'");
  return `${transform.name}, ${files}: ${category} at line ${line}: \`${text}\``;
}

export interface SickCase {
  readonly run: SickRun;
  readonly setting: Setting;
}

/** Every shape of every category, at every pace, mixed into another benign log each time. */
export function makeSickRuns(logs: readonly LabelledLog[]): SickCase[] {
  const hosts = logs.filter(
    (file) => file.label === "benign" && file.mixed === null && !isTranscript(file) && file.log.length >= 200,
  );
  return CATEGORIES.flatMap((category, at) =>
    Array.from({ length: SHAPES }, (_, shape) => shape).flatMap((shape) =>
      SETTINGS.map((setting, turn) => {
        const host = hosts[(at * 31 + shape * 7 + turn * 3) % hosts.length];
        return { run: sickRun(category, shape, setting, host?.log ?? []), setting };
      }),
    ),
  );
}

export interface SickResult extends SickCase {
  /** Null when nothing was found after the onset. */
  readonly decision: Decision | null;
}

export function evaluateSick(cases: readonly SickCase[], config: Partial<DetectorConfig>): SickResult[] {
  return cases.map((one) => {
    const decision = firstConfirmed(one.run.events, config);
    return { ...one, decision: decision !== null && decision.at >= one.run.onsetAt ? decision : null };
  });
}
