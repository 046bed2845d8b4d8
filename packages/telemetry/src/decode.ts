import { create, fromBinary, fromJson, toBinary, toJson, type JsonValue } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
  ExportMetricsServiceRequestSchema,
  ExportMetricsServiceResponseSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
  StatusSchema,
  type ExportLogsServiceRequest,
  type ExportMetricsServiceRequest,
  type ExportTraceServiceRequest,
} from "./gen/otlp_pb.ts";
import type { Signal } from "./measures.ts";
import { scanJson, scanProtobuf, tooMany, SCAN_LIMITS, type ScanIssue, type ScanLimits } from "./scan.ts";

export const OTLP_FORMATS = { protobuf: "application/x-protobuf", json: "application/json" } as const;
export type OtlpFormat = keyof typeof OTLP_FORMATS;

export type OtlpRequest =
  | { readonly signal: "metrics"; readonly message: ExportMetricsServiceRequest }
  | { readonly signal: "logs"; readonly message: ExportLogsServiceRequest }
  | { readonly signal: "traces"; readonly message: ExportTraceServiceRequest };

export type OtlpDecoded =
  | { readonly ok: true; readonly request: OtlpRequest; readonly items: number }
  | { readonly ok: false; readonly issue: ScanIssue };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes a body, inflated already. What is too much or not OTLP is told, never thrown; unknown fields are skipped. */
export function decodeOtlp(
  signal: Signal,
  format: OtlpFormat,
  body: Uint8Array,
  limits: ScanLimits = SCAN_LIMITS,
): OtlpDecoded {
  try {
    const request = format === "protobuf" ? ofProtobuf(signal, body, limits) : ofJson(signal, body, limits);
    if ("code" in request) return { ok: false, issue: request };
    const items = countItems(request);
    return items > limits.itemsMax
      ? { ok: false, issue: tooMany(limits.itemsMax, "items") }
      : { ok: true, request, items };
  } catch (error) {
    return { ok: false, issue: { code: "malformed", message: (error as Error).message } };
  }
}

function ofProtobuf(signal: Signal, body: Uint8Array, limits: ScanLimits): OtlpRequest | ScanIssue {
  const issue = scanProtobuf(body, signal, limits);
  if (issue !== null) return issue;
  const options = { readUnknownFields: false };
  switch (signal) {
    case "metrics":
      return { signal, message: fromBinary(ExportMetricsServiceRequestSchema, body, options) };
    case "logs":
      return { signal, message: fromBinary(ExportLogsServiceRequestSchema, body, options) };
    case "traces":
      return { signal, message: fromBinary(ExportTraceServiceRequestSchema, body, options) };
  }
}

function ofJson(signal: Signal, body: Uint8Array, limits: ScanLimits): OtlpRequest | ScanIssue {
  const text = utf8.decode(body);
  const issue = scanJson(text, limits);
  if (issue !== null) return issue;
  const json = JSON.parse(text) as JsonValue;
  const options = { ignoreUnknownFields: true };
  switch (signal) {
    case "metrics":
      return { signal, message: fromJson(ExportMetricsServiceRequestSchema, json, options) };
    case "logs":
      return { signal, message: fromJson(ExportLogsServiceRequestSchema, json, options) };
    case "traces":
      return { signal, message: fromJson(ExportTraceServiceRequestSchema, withIdsInBase64(json), options) };
  }
}

/** OTLP writes the ids of traces and spans as hex, where JSON of protobuf has base64. What is no hex becomes no id. */
function withIdsInBase64(json: JsonValue): JsonValue {
  for (const resource of listOf(json, "resourceSpans"))
    for (const scope of listOf(resource, "scopeSpans"))
      for (const span of listOf(scope, "spans"))
        for (const id of ["traceId", "spanId", "parentSpanId"]) {
          if (!isObject(span) || typeof span[id] !== "string") continue;
          const isHex = /^(?:[0-9a-f]{2})*$/i.test(span[id]);
          span[id] = isHex ? Uint8Array.fromHex(span[id]).toBase64() : "";
        }
  return json;
}

function listOf(value: JsonValue, name: string): readonly JsonValue[] {
  const list = isObject(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function isObject(value: JsonValue): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function countItems(request: OtlpRequest): number {
  const sum = <T>(list: readonly T[], count: (each: T) => number) =>
    list.reduce((total, each) => total + count(each), 0);
  switch (request.signal) {
    case "metrics":
      return sum(request.message.resourceMetrics, ({ scopeMetrics }) =>
        sum(scopeMetrics, ({ metrics }) =>
          sum(metrics, ({ data }) => (data.case === undefined ? 0 : data.value.dataPoints.length)),
        ),
      );
    case "logs":
      return sum(request.message.resourceLogs, ({ scopeLogs }) =>
        sum(scopeLogs, ({ logRecords }) => logRecords.length),
      );
    case "traces":
      return sum(request.message.resourceSpans, ({ scopeSpans }) =>
        sum(scopeSpans, ({ spans }) => spans.length),
      );
  }
}

/** What was not taken of a body that was taken otherwise; nothing rejected but a message is a warning. */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/** The answer to a body that was taken, in the format it came in. */
export function encodeAnswer(signal: Signal, format: OtlpFormat, partial: PartialSuccess | null): Uint8Array {
  const rejected = BigInt(partial?.rejected ?? 0);
  const errorMessage = partial?.message ?? "";
  switch (signal) {
    case "metrics":
      return encode(
        format,
        ExportMetricsServiceResponseSchema,
        partial === null ? {} : { partialSuccess: { rejectedDataPoints: rejected, errorMessage } },
      );
    case "logs":
      return encode(
        format,
        ExportLogsServiceResponseSchema,
        partial === null ? {} : { partialSuccess: { rejectedLogRecords: rejected, errorMessage } },
      );
    case "traces":
      return encode(
        format,
        ExportTraceServiceResponseSchema,
        partial === null ? {} : { partialSuccess: { rejectedSpans: rejected, errorMessage } },
      );
  }
}

/** A refusal's body: google.rpc.Status with one of its canonical codes. */
export function encodeStatus(format: OtlpFormat, code: number, message: string): Uint8Array {
  return encode(format, StatusSchema, { code, message });
}

function encode<S extends Parameters<typeof create>[0]>(
  format: OtlpFormat,
  schema: S,
  init: Parameters<typeof create<S>>[1],
): Uint8Array {
  const message = create(schema, init);
  if (format === "protobuf") return toBinary(schema, message);
  return new TextEncoder().encode(JSON.stringify(toJson(schema, message)));
}
