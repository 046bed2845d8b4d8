import { pino, stdSerializers, stdTimeFunctions, type DestinationStream, type Logger } from "pino";

/** Names under which a credential could reach a log line, at the top and one level down. */
const SECRET_NAMES = [
  "authorization",
  "cookie",
  "set-cookie",
  "token",
  "secret",
  "password",
  "access_token",
  "refresh_token",
  "idempotency-key",
];

/**
 * JSON lines with one vocabulary: timestamp, level, service, message, and where they apply tenant_id, project_id,
 * run_id, incident_id, event_type, request_id, trace_id, actor, error_code. A child logger carries them; a credential never
 * appears, whoever logs the object that holds it.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service: "flowplane" },
    messageKey: "message",
    errorKey: "error",
    serializers: { error: stdSerializers.err, err: stdSerializers.err },
    // pino's own field is `time`; the stock function writes that name, so only its value is taken.
    timestamp: () => stdTimeFunctions.isoTime().replace('"time"', '"timestamp"'),
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: SECRET_NAMES.flatMap((name) => [
        `["${name}"]`,
        `*["${name}"]`,
        `headers["${name}"]`,
        `req.headers["${name}"]`,
      ]),
      censor: "[redacted]",
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
