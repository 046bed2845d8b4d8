/** W3C Trace Context: version (never ff), trace id, parent id, flags. Ids of zeros alone are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;

export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

/** A `traceparent` of whomever; undefined when it is none, or not valid. */
export function readTraceparent(value: unknown): TraceParent | undefined {
  const match = typeof value === "string" ? TRACEPARENT.exec(value) : null;
  return match === null ? undefined : { traceId: match[1] ?? "", spanId: match[2] ?? "" };
}

/** As it is passed on: whoever asks for something that is passed on is always traced. */
export function writeTraceparent({ traceId, spanId }: TraceParent): string {
  return `00-${traceId}-${spanId}-01`;
}
