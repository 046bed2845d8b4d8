/** The share of requests that only read, and go well, that is traced. */
export const BASELINE = 0.05;

export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly traceId: string;
}

/**
 * Whether the span of a request is sent: of those that change something, fail or are about incidents every one; of the others a share,
 * the same one for all spans of a trace.
 */
export function isSent({ method, route, status, traceId }: AnsweredRequest): boolean {
  if (method !== "GET" && method !== "HEAD") return true;
  if (status >= 400 || route.includes("/incidents")) return true;
  return Number.parseInt(traceId.slice(-8), 16) / 2 ** 32 < BASELINE;
}
