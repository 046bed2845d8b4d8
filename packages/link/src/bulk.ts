// Paths, headers and content types of the bulk endpoint; both ends build them here.

export const ENROL_PATH = "/v1/enrol";
export const BULK_PATH = "/v1/bulk";

export const SEGMENT_CONTENT_TYPE = "application/vnd.flowplane.segment+zstd";
export const LINES_CONTENT_TYPE = "application/vnd.flowplane.lines";

export const EVIDENCE_CONTENT_TYPE = "application/vnd.flowplane.evidence+zstd";

/** Hex SHA-256 of the body as sent. */
export const SHA256_HEADER = "x-flowplane-sha256";
export const FIRST_SEQ_HEADER = "x-flowplane-first-seq";
export const LAST_SEQ_HEADER = "x-flowplane-last-seq";
/**
 * What the run's log or evidence once began with and is gone: it expired while there was no control plane. Of a log the last such
 * segment, its last line and that line's time (ms); of evidence the last such chunk and when it was closed. Numbers, a space between.
 */
export const EXPIRED_HEADER = "x-flowplane-expired";

/** `PUT` of one closed segment, under BULK_PATH. */
export function segmentPath(runId: string, segmentSeq: number): string {
  return `/runs/${runId}/segments/${segmentSeq}`;
}

/** `PUT` of one closed chunk of evidence (JSON Lines, zstd), under BULK_PATH. Chunks of a run count from 1. */
export function evidencePath(runId: string, chunk: number): string {
  return `/runs/${runId}/evidence/${chunk}`;
}

/** `POST` of live lines, under BULK_PATH. */
export function tailPath(runId: string): string {
  return `/runs/${runId}/tail`;
}
