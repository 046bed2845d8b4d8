import type { ExportLogsServiceRequest } from "./gen/otlp_pb.ts";
import {
  FUTURE_MS_MAX,
  LOG_ATTRIBUTES_CHARS_MAX,
  LOG_BODY_CHARS_MAX,
  LOGS_PER_BODY_MAX,
  PAST_MS_MAX,
} from "./limits.ts";
import { boundedAttributes, cut, textOf } from "./values.ts";

/** One record of an agent's own log. */
export interface OwnLog {
  /** ms since the epoch. */
  readonly atMs: number;
  /** 1 to 24 as OTLP has it: 9 is INFO, 13 WARN, 17 ERROR; 0 when not said. */
  readonly severity: number;
  readonly body: string;
  /** A JSON object. */
  readonly attributes: string;
}

export interface NormalisedLogs {
  /** In order of time, the newest last; at most `LOGS_PER_BODY_MAX`. */
  readonly logs: readonly OwnLog[];
  readonly rejected: number;
}

const SEVERITY_MAX = 24;

/** The records of a request, bounded. Secrets are still in them. */
export function ownLogsOf(request: ExportLogsServiceRequest, now: number): NormalisedLogs {
  const logs: OwnLog[] = [];
  for (const { scopeLogs } of request.resourceLogs) {
    for (const { scope, logRecords } of scopeLogs) {
      for (const record of logRecords) {
        const said = Number(record.timeUnixNano || record.observedTimeUnixNano) / 1e6;
        const isSane = said <= now + FUTURE_MS_MAX && said >= now - PAST_MS_MAX;
        const severity = record.severityNumber;
        logs.push({
          atMs: Math.trunc(isSane ? said : now),
          severity: severity >= 1 && severity <= SEVERITY_MAX ? severity : 0,
          body: cut(textOf(record.body), LOG_BODY_CHARS_MAX),
          attributes: boundedAttributes(scope?.name ?? "", record.attributes, LOG_ATTRIBUTES_CHARS_MAX),
        });
      }
    }
  }
  logs.sort((left, right) => left.atMs - right.atMs);
  return { logs: logs.slice(-LOGS_PER_BODY_MAX), rejected: Math.max(0, logs.length - LOGS_PER_BODY_MAX) };
}
