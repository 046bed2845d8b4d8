import type { Logger } from "pino";
import type { TraceParent } from "./traceparent.ts";

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** The span of a request that is being answered. */
export interface RequestSpan extends TraceParent {
  /** Says what became of it. A span that is not ended is not sent. */
  end(name: string, attributes: SpanAttributes, problem: string | null): void;
}

/** A span that is over, with the times of whoever measured it. Without a parent it begins a trace. */
export interface PastSpan {
  readonly name: string;
  readonly parent: TraceParent | undefined;
  readonly start: Date;
  readonly end: Date;
  readonly attributes: SpanAttributes;
}

/** Where spans go. */
export interface Traces {
  begin(parent: TraceParent | undefined): RequestSpan;
  write(span: PastSpan): void;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

/** Sends spans to a collector at this URL, by OTLP over HTTP; without one nothing is loaded, and there are no traces. */
export async function openTraces(endpoint: string | undefined, log: Logger): Promise<Traces | undefined> {
  if (endpoint === undefined) return undefined;
  const { createOtlpTraces } = await import("./otlp.ts");
  return createOtlpTraces(endpoint, log);
}
