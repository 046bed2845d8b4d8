import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { VERSION } from "../version.ts";
import type { TraceParent } from "./traceparent.ts";
import type { Traces } from "./traces.ts";

/** Spans that wait for the collector; more are dropped, with a line in the log. */
const WAITING_SPANS_MAX = 2_048;
const SEND_EVERY_MS = 1_000;
/** A collector that takes longer than that for a batch is away. */
const SEND_MS_MAX = 5_000;

/** Loaded only where there is a collector. */
export function createOtlpTraces(endpoint: string, log: Logger): Traces {
  const tell = (level: "error" | "warn") => (message: unknown) =>
    log[level]({ event_type: "traces.problem" }, `sending traces: ${String(message)}`);
  const silent = () => undefined;
  diag.setLogger(
    { error: tell("error"), warn: tell("warn"), info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: SEND_MS_MAX });
  const provider = new TracerProvider({
    // Which are sent is decided when they end: see sampling.ts.
    sampler: new AlwaysOnSampler(),
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "flowplane", "service.version": VERSION }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: WAITING_SPANS_MAX,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_MS_MAX,
      }),
    ],
  });
  const tracer = provider.getTracer("flowplane", VERSION);
  return {
    begin(parent) {
      const span = tracer.startSpan("request", { kind: SpanKind.SERVER }, below(parent));
      const { traceId, spanId } = span.spanContext();
      return {
        traceId,
        spanId,
        end(name, attributes, problem) {
          span.updateName(name).setAttributes(attributes);
          if (problem !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
          span.end();
        },
      };
    },
    write({ name, parent, start, end, attributes }) {
      tracer.startSpan(name, { startTime: start, attributes }, below(parent)).end(end);
    },
    // A collector that is away was told of already, and is no reason to fail.
    close: () => provider.shutdown().catch(tell("warn")),
  };
}

function below(parent: TraceParent | undefined) {
  if (parent === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: 1, isRemote: true });
}
