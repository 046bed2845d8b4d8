/** Finds runs that loop, stall, storm or run away in what they print and use. Pure: no IO, no clock, no chance. */
export { configHash, detectorConfig, type DetectorConfig, type Sensitivity } from "./config.ts";
export { createDetector, type Detector, type DetectorState, type Step } from "./detector.ts";
export type * from "./events.ts";
export { createLogReader, HEAD_BYTES, LINES_PER_SECOND_ASSUMED, type LogReader } from "./saved-log.ts";
export {
  createLogDetection,
  detectInLog,
  savedLogConfig,
  type LogDetection,
  type LogVerdict,
} from "./detect-in-log.ts";
export { bytesOf, spanOf, type Span } from "./span.ts";
export { canonicalJson } from "./canonical.ts";
export * from "./evidence.ts";
export {
  DEFAULT_POLICY,
  isInCanary,
  type LadderAction,
  type PastIncident,
  type Policy,
  type Verdict,
} from "./policy.ts";
export {
  refusedReport,
  replay,
  REPLAYED_DECISIONS_MAX,
  type ReplayedDecision,
  type ReplayInput,
  type ReplayLine,
  type ReplayReport,
  type ReplaySegment,
} from "./replay.ts";
export { chunkBytes, ChunkReader, entryLine, EvidenceProblem } from "./chunks.ts";
export { Watch, type Output } from "./watch.ts";
export {
  EVIDENCE_FILE_FORMAT,
  EVIDENCE_FILE_LINE_CHARS_MAX,
  evidenceFileHead,
  EvidenceFileReader,
  evidenceFileSegment,
  type EvidenceFilePart,
} from "./evidence-file.ts";
