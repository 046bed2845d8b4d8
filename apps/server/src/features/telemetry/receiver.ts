import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  decodeOtlp,
  encodeAnswer,
  encodeStatus,
  OTLP_BODY_BYTES_MAX,
  OTLP_FORMATS,
  OTLP_SIGNALS,
  ownLogsOf,
  ownSpansOf,
  reportsOf,
  type OtlpFormat,
  type OtlpRequest,
  type PartialSuccess,
  type Signal,
} from "@flowplane/telemetry";
import type { Base } from "../../platform/context.ts";
import { AppError, type ErrorCode } from "../../platform/errors.ts";
import { asAppError, statusOf } from "../../platform/http/problems.ts";
import type { AgentIdentity, TelemetryHttp } from "../gateway/agent-http.ts";
import { readBody } from "../gateway/body.ts";
import { LEFT_ALONE } from "../gateway/http-opamp.ts";
import { Allowances } from "./allowance.ts";
import { otlpItems, otlpRequests } from "./figures.ts";
import {
  AGENT_BODIES_BURST,
  AGENT_BODIES_PER_SECOND,
  AGENT_ITEMS_BURST,
  AGENT_ITEMS_PER_SECOND,
  AGENTS_REMEMBERED_MAX,
  BODIES_AT_ONCE_MAX,
  BODY_BYTES_AT_ONCE_MAX,
  INFLATION_EXPECTED,
} from "./limits.ts";
import { logRows } from "./own-logs.ts";
import { spanRows } from "./own-spans.ts";
import { SeriesNumbers } from "./series.ts";
import type { ReportRow } from "./store.ts";
import { openWriter, type TelemetryWriter } from "./writer.ts";

/** Below a listener's root, where OTLP exporters look for it. */
export const OTLP_PATHS: Readonly<Record<Signal, string>> = {
  metrics: "/v1/metrics",
  logs: "/v1/logs",
  traces: "/v1/traces",
};

/** Takes what agents send about themselves by OTLP over HTTP. */
export interface Receiver {
  /** Serves the three paths. `trustHeader`: the listener is behind the proxy that may forward certificates. */
  install(fastify: FastifyInstance, trustHeader: boolean): void;
  /** Stores what was taken and is not stored yet. */
  close(): Promise<void>;
}

export function openReceiver({ base, identifyTelemetry }: TelemetryHttp): Receiver {
  const work: Work = {
    base,
    identify: identifyTelemetry,
    writer: openWriter(base),
    series: new SeriesNumbers(base),
    bodies: new Allowances(AGENT_BODIES_BURST, AGENT_BODIES_PER_SECOND, AGENTS_REMEMBERED_MAX),
    items: new Allowances(AGENT_ITEMS_BURST, AGENT_ITEMS_PER_SECOND, AGENTS_REMEMBERED_MAX),
    held: { bodies: 0, bytes: 0 },
  };
  return {
    install(fastify, trustHeader) {
      fastify.register(async (scope) => {
        scope.removeAllContentTypeParsers();
        // Bodies are read by the handler, after the credential was judged and within the limit.
        scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
        for (const signal of OTLP_SIGNALS) {
          scope.post(OTLP_PATHS[signal], { ...LEFT_ALONE, logLevel: "warn" }, (request, reply) =>
            post(work, signal, request, reply, trustHeader),
          );
        }
      });
    },
    async close() {
      await work.writer.reports.close();
      await work.writer.logs.close();
      await work.writer.spans.close();
    },
  };
}

interface Work {
  readonly base: Base;
  readonly identify: TelemetryHttp["identifyTelemetry"];
  readonly writer: TelemetryWriter;
  readonly series: SeriesNumbers;
  readonly bodies: Allowances;
  readonly items: Allowances;
  readonly held: { bodies: number; bytes: number };
}

async function post(
  work: Work,
  signal: Signal,
  request: FastifyRequest,
  reply: FastifyReply,
  trustHeader: boolean,
): Promise<FastifyReply> {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  const format: OtlpFormat | undefined =
    type === OTLP_FORMATS.protobuf ? "protobuf" : type === OTLP_FORMATS.json ? "json" : undefined;
  try {
    const identity = await work.identify(request.raw, trustHeader);
    if (format === undefined)
      throw new AppError(
        "unsupported_media_type",
        `Send OTLP as ${OTLP_FORMATS.protobuf} or ${OTLP_FORMATS.json}.`,
      );
    const partial = await take(work, signal, format, identity, request, reply);
    otlpRequests.inc({ signal, status: 200 });
    return reply
      .code(200)
      .type(OTLP_FORMATS[format])
      .send(Buffer.from(encodeAnswer(signal, format, partial)));
  } catch (error) {
    return refuse(request, reply, signal, format ?? "json", asAppError(error));
  }
}

async function take(
  work: Work,
  signal: Signal,
  format: OtlpFormat,
  identity: AgentIdentity,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PartialSuccess | null> {
  const { base, bodies, items, held } = work;
  // Whatever of a refused body is still on its way is not read.
  reply.header("connection", "close");
  allow(bodies.take(identity.agent_id, 1, base.now()), "bodies");
  const release = hold(held, request);
  try {
    const body = await readBody(request.raw, OTLP_BODY_BYTES_MAX, "An OTLP body");
    reply.removeHeader("connection");
    release.adjust(body.byteLength);
    const decoded = decodeOtlp(signal, format, body);
    if (!decoded.ok)
      throw decoded.issue.code === "too_many"
        ? new AppError("too_large", `Not taken: ${decoded.issue.message}.`)
        : new AppError("invalid_input", `The body is not OTLP: ${decoded.issue.message}.`);
    allow(items.take(identity.agent_id, decoded.items, base.now()), "data points, log records and spans");
    const partial = await store(work, identity, decoded.request);
    otlpItems.inc({ signal, outcome: "taken" }, decoded.items - (partial?.rejected ?? 0));
    if (partial !== null) otlpItems.inc({ signal, outcome: "rejected" }, partial.rejected);
    return partial;
  } finally {
    release.end();
  }
}

async function store(
  { base, writer, series }: Work,
  identity: AgentIdentity,
  request: OtlpRequest,
): Promise<PartialSuccess | null> {
  switch (request.signal) {
    case "metrics": {
      const { reports, rejected, remarks } = reportsOf(request.message, base.now());
      const rows: ReportRow[] = [];
      let unnumbered = 0;
      for (const report of reports) {
        const numbers = await series.of(identity, report.points);
        const kept = report.points.flatMap(({ value }, index) => {
          const id = numbers[index];
          return id === undefined ? [] : [{ id, value }];
        });
        unnumbered += report.points.length - kept.length;
        rows.push({
          organizationId: identity.organization_id,
          agentId: identity.agent_id,
          atMs: report.atMs,
          startedAtMs: report.startedAtMs,
          totals: report.totals,
          series: kept.map(({ id }) => id),
          amounts: kept.map(({ value }) => value),
        });
      }
      await writer.reports.put(rows);
      const all =
        unnumbered === 0
          ? remarks
          : [...remarks, `this agent has brought as many series as it may: not stored (${unnumbered})`];
      return all.length === 0 ? null : { rejected: rejected + unnumbered, message: all.join("; ") };
    }
    case "logs": {
      const { logs, rejected } = ownLogsOf(request.message, base.now());
      await writer.logs.put(logRows(identity, logs));
      return rejected === 0
        ? null
        : { rejected, message: "too many log records in one body; the newest were kept" };
    }
    case "traces": {
      const { spans, rejected, remarks } = ownSpansOf(request.message, base.now());
      await writer.spans.put(spanRows(identity, spans));
      return remarks.length === 0 ? null : { rejected, message: remarks.join("; ") };
    }
  }
}

function allow(waitSeconds: number | null, what: string): void {
  if (waitSeconds !== null)
    throw new AppError("rate_limited", `This agent sends more ${what} than one may. Send them less often.`, {
      retryAfterSeconds: waitSeconds,
    });
}

/** Counts a body among those in memory, by what it may become until it is known what it is. */
function hold(held: Work["held"], request: FastifyRequest) {
  const length = Number(request.headers["content-length"] ?? OTLP_BODY_BYTES_MAX);
  const isPlain = (request.headers["content-encoding"] ?? "identity") === "identity";
  let bytes = Math.min(OTLP_BODY_BYTES_MAX, isPlain ? length : length * INFLATION_EXPECTED) || 0;
  if (held.bodies >= BODIES_AT_ONCE_MAX || held.bytes + bytes > BODY_BYTES_AT_ONCE_MAX)
    throw new AppError("unavailable", "Too much telemetry arrives at once. Send this again.", {
      retryAfterSeconds: 5,
    });
  held.bodies += 1;
  held.bytes += bytes;
  return {
    adjust(actual: number) {
      held.bytes += actual - bytes;
      bytes = actual;
    },
    end() {
      held.bodies -= 1;
      held.bytes -= bytes;
    },
  };
}

/** The canonical codes of google.rpc.Status, which exporters log. Whether to send again is said by the HTTP status. */
const RPC_CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid_input: 3,
  unsupported_media_type: 3,
  too_large: 3,
  not_found: 5,
  forbidden: 7,
  rate_limited: 8,
  unavailable: 14,
  unauthenticated: 16,
};
const RPC_INTERNAL = 13;

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  signal: Signal,
  format: OtlpFormat,
  failure: AppError,
): FastifyReply {
  const status = statusOf(failure);
  otlpRequests.inc({ signal, status });
  if (failure.code === "internal") request.log.error({ err: failure }, "an agent's telemetry was not stored");
  if (failure.retryAfterSeconds !== undefined) reply.header("retry-after", failure.retryAfterSeconds);
  if (failure.code === "unauthenticated") reply.header("www-authenticate", 'Bearer realm="flowplane"');
  return reply
    .code(status)
    .type(OTLP_FORMATS[format])
    .send(Buffer.from(encodeStatus(format, RPC_CODES[failure.code] ?? RPC_INTERNAL, failure.message)));
}
