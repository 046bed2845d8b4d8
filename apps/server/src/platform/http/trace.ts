import { randomBytes } from "node:crypto";

/** W3C Trace Context: version (never ff), trace id, parent id, flags. Ids of zeros alone are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace a request belongs to: the caller's, when its `traceparent` is valid, else a new one. */
export function traceIdOf(traceparent: string | string[] | undefined): string {
  const match = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent) : null;
  return match?.[1] ?? randomBytes(16).toString("hex");
}
