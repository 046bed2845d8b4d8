import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";

export const ROLES = ["api", "gateway", "worker"] as const;
export type ServerRole = (typeof ROLES)[number];

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** Everything the environment and the command line decide, checked once. */
export interface Config {
  readonly dataDir: string;
  readonly roles: readonly ServerRole[];
  readonly http: Listen;
  readonly agents: Listen;
  /** Where people reach the dashboard, without a slash at the end. */
  readonly publicUrl: string;
  /** Where agents reach their listener; its host is in that listener's certificate. */
  readonly agentsUrl: string;
  /** Undefined: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Undefined: made at first start and kept in the data folder, 0600. */
  readonly masterKey: string | undefined;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  readonly logLevel: string;
  /** Where an OpenTelemetry Collector takes OTLP over HTTP; undefined: no traces. */
  readonly tracesEndpoint: string | undefined;
  /** Of one OpAMP message, inflated; undefined: the gateway's own default. */
  readonly opampMessageBytesMax: number | undefined;
  /** Polls over plain HTTP that are served in a second; undefined: the gateway's own default. */
  readonly opampPollsPerSecond: number | undefined;
  /** Header in which a trusted proxy forwards the client certificate (URL-encoded PEM); off when undefined. */
  readonly clientCertificateHeader: string | undefined;
}

/** A setting that cannot be used, with a sentence that says how to mend it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Smaller, and a Collector's full report does not fit; larger, and one agent may hold what thousands need. */
const OPAMP_MESSAGE_BYTES = { least: 64 * 1024, most: 256 * 1024 * 1024 };

/** One poll every half minute is 300 agents at the least; the most is beyond what one process can do. */
const OPAMP_POLLS_PER_SECOND = { least: 10, most: 100_000 };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the settings of docs/reference/configuration.md. Throws `ConfigError`. */
export function readConfig(env: Environment, overrides: Partial<Config> = {}): Config {
  const http = overrides.http ?? listen("FLOWPLANE_HTTP", env["FLOWPLANE_HTTP"] ?? "127.0.0.1:4300");
  const agents = overrides.agents ?? listen("FLOWPLANE_AGENTS", env["FLOWPLANE_AGENTS"] ?? "127.0.0.1:4320");
  return {
    dataDir: dataDirOf(env),
    roles: ROLES,
    http,
    agents,
    publicUrl: url("FLOWPLANE_PUBLIC_URL", env["FLOWPLANE_PUBLIC_URL"]) ?? `http://${authority(http)}`,
    agentsUrl: url("FLOWPLANE_AGENTS_URL", env["FLOWPLANE_AGENTS_URL"]) ?? `https://${authority(agents)}`,
    databaseUrl: text(env["DATABASE_URL"]),
    masterKey: text(env["FLOWPLANE_MASTER_KEY"]),
    smtpUrl: text(env["SMTP_URL"]),
    mailFrom: text(env["FLOWPLANE_MAIL_FROM"]) ?? "Flowplane <flowplane@localhost>",
    tracesEndpoint: url("OTEL_EXPORTER_OTLP_ENDPOINT", env["OTEL_EXPORTER_OTLP_ENDPOINT"]),
    logLevel: text(env["FLOWPLANE_LOG"]) ?? "info",
    opampMessageBytesMax: whole(
      "FLOWPLANE_OPAMP_MESSAGE_BYTES",
      env["FLOWPLANE_OPAMP_MESSAGE_BYTES"],
      "number of bytes",
      OPAMP_MESSAGE_BYTES,
    ),
    opampPollsPerSecond: whole(
      "FLOWPLANE_OPAMP_POLLS_PER_SECOND",
      env["FLOWPLANE_OPAMP_POLLS_PER_SECOND"],
      "whole number",
      OPAMP_POLLS_PER_SECOND,
    ),
    clientCertificateHeader: text(env["FLOWPLANE_CLIENT_CERTIFICATE_HEADER"])?.toLowerCase(),
    ...overrides,
  };
}

/** `FLOWPLANE_DATA`, else the XDG data home. */
export function dataDirOf(env: Environment): string {
  const named = text(env["FLOWPLANE_DATA"]);
  if (named !== undefined) return resolve(named);
  return join(text(env["XDG_DATA_HOME"]) ?? join(homedir(), ".local", "share"), "flowplane");
}

function text(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === "" ? undefined : trimmed;
}

/** A whole number between two bounds. */
function whole(
  name: string,
  value: string | undefined,
  what: string,
  { least, most }: { least: number; most: number },
): number | undefined {
  const given = text(value);
  if (given === undefined) return undefined;
  const number = Number(given);
  if (!/^\d+$/.test(given) || number < least || number > most)
    throw new ConfigError(`${name} is "${given}"; it must be a ${what} from ${least} to ${most}.`);
  return number;
}

function listen(name: string, value: string): Listen {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new ConfigError(`${name} is "${value}"; it must be HOST:PORT, such as 127.0.0.1:4300.`);
  return { host: match[1] ?? match[2] ?? "", port };
}

/** HOST:PORT of a listener as others reach it: a wildcard address is this machine's name. */
function authority({ host, port }: Listen): string {
  const isWildcard = host === "0.0.0.0" || host === "::";
  const name = isWildcard ? hostname() : host;
  return `${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function url(name: string, value: string | undefined): string | undefined {
  const given = text(value);
  if (given === undefined) return undefined;
  if (!URL.canParse(given) || !/^https?:/.test(given))
    throw new ConfigError(`${name} is "${given}"; it must be an http or https URL.`);
  return given.replace(/\/+$/, "");
}
