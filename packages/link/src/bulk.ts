// Paths, headers and content types of the bulk endpoint; both ends build them here.

export const ENROL_PATH = "/v1/enrol";
export const BULK_PATH = "/v1/bulk";

export const SEGMENT_CONTENT_TYPE = "application/vnd.flowplane.segment+zstd";
export const LINES_CONTENT_TYPE = "application/vnd.flowplane.lines";

/** Hex SHA-256 of the body as sent. */
export const SHA256_HEADER = "x-flowplane-sha256";
export const FIRST_SEQ_HEADER = "x-flowplane-first-seq";
export const LAST_SEQ_HEADER = "x-flowplane-last-seq";

/** `PUT` of one closed segment, under BULK_PATH. */
export function segmentPath(runId: string, segmentSeq: number): string {
  return `/runs/${runId}/segments/${segmentSeq}`;
}

/** `POST` of live lines, under BULK_PATH. */
export function tailPath(runId: string): string {
  return `/runs/${runId}/tail`;
}
