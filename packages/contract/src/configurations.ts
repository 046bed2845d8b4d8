import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp } from "./common.ts";

const tag = "Configurations";

/** Most characters of a Collector's configuration as it is sent to the API; its bytes are limited as well. */
export const CONFIGURATION_CHARS_MAX = 512 * 1024;

/** Seconds of silence up to which an agent with this configuration is healthy, and up to which one to look after. */
export const HealthThresholds = z
  .object({
    healthy_seconds: z.number().int().min(5).max(86_400),
    warning_seconds: z.number().int().min(5).max(86_400),
  })
  .refine(({ healthy_seconds, warning_seconds }) => healthy_seconds < warning_seconds, {
    message: "must be above healthy_seconds",
    path: ["warning_seconds"],
  });

/** A document that is brought to agents. Its versions never change. */
export const Configuration = z.object({
  id: Id,
  name: z.string(),
  description: z.string(),
  current_version: z.number().int(),
  hash: z.string().describe("of the current version"),
  warnings: z.number().int().describe("of the current version"),
  health_thresholds: HealthThresholds.nullable().describe("null: the usual ones, 60 and 300 seconds"),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Configuration = z.output<typeof Configuration>;

export const ConfigurationVersion = z.object({
  configuration_id: Id,
  version: z.number().int(),
  hash: z.string().describe("SHA-256 of the text, in hex"),
  bytes: z.number().int(),
  warnings: z.number().int(),
  message: z.string(),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type ConfigurationVersion = z.output<typeof ConfigurationVersion>;

/** Something to mend; lines and columns count from 1. An error keeps a version from being saved. */
export const ConfigurationProblem = z.object({
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  path: z.array(z.union([z.string(), z.number()])),
  line: z.number().int(),
  column: z.number().int(),
});
export type ConfigurationProblem = z.output<typeof ConfigurationProblem>;

const Text = z.string().min(1).max(CONFIGURATION_CHARS_MAX);

export const ConfigurationCheck = z.object({
  problems: z.array(ConfigurationProblem),
  /** Which agents the check was held against: Collectors that the filter matches, and how many of them say what they are built with. */
  fleet: z.object({ agents: z.number().int(), reporting: z.number().int() }),
  lacks: z.array(
    z.object({
      kind: z.string(),
      type: z.string(),
      ids: z.array(z.string()),
      agents: z.number().int(),
      sentence: z.string(),
    }),
  ),
  graph: z
    .object({
      nodes: z.array(
        z.object({
          key: z.string(),
          kind: z.enum(["receiver", "processor", "exporter", "connector"]),
          id: z.string(),
          pipeline: z.string().nullable(),
        }),
      ),
      edges: z.array(z.object({ from: z.string(), to: z.string() })),
    })
    .nullable()
    .describe("null when the text is no configuration"),
  references: z.array(z.object({ scheme: z.string(), name: z.string() })),
});
export type ConfigurationCheck = z.output<typeof ConfigurationCheck>;

export const ConfigurationChange = z.object({
  change: z.enum(["added", "removed", "changed"]),
  what: z.string(),
  id: z.string(),
  settings: z.array(z.array(z.union([z.string(), z.number()]))),
});
export type ConfigurationChange = z.output<typeof ConfigurationChange>;

const Params = z.object({ configuration_id: Id });
const Version = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1);

export const configurationApi = {
  configurationList: endpoint({
    method: "GET",
    path: "/configurations",
    tag,
    summary: "List configurations",
    access: "agent:read",
    query: ListQuery.extend({ q: z.string().max(200).optional() }),
    response: page(Configuration),
  }),
  configurationCreate: endpoint({
    method: "POST",
    path: "/configurations",
    tag,
    summary: "Create a configuration with its first version",
    access: "configuration:write",
    body: z.object({
      name: Name,
      description: z.string().max(2_000).default(""),
      body: Text,
      message: Reason.default("First version"),
    }),
    response: Configuration,
    status: 201,
    idempotent: true,
  }),
  configurationCheck: endpoint({
    method: "POST",
    path: "/configurations/check",
    tag,
    summary: "What is wrong with a text, and which agents could not take it",
    access: "agent:read",
    body: z.object({
      body: Text,
      agents: z
        .string()
        .max(500)
        .default("")
        .describe("filter of the fleet's query bar; empty: all Collectors"),
    }),
    response: ConfigurationCheck,
  }),
  configurationImport: endpoint({
    method: "POST",
    path: "/configurations/import",
    tag,
    summary: "The effective configuration of an agent, to begin one with; secrets in it are redacted",
    access: "agent:read",
    body: z.object({
      agent_id: Id,
      entry: z.string().max(200).optional().describe("default: the only entry"),
    }),
    response: z.object({ entry: z.string(), body: z.string(), problems: z.array(ConfigurationProblem) }),
  }),
  configurationRead: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}",
    tag,
    summary: "Read one configuration",
    access: "agent:read",
    params: Params,
    response: Configuration,
  }),
  configurationChange: endpoint({
    method: "PATCH",
    path: "/configurations/{configuration_id}",
    tag,
    summary: "Rename a configuration, or say when its agents count as healthy",
    access: "configuration:write",
    params: Params,
    body: z.object({
      name: Name.optional(),
      description: z.string().max(2_000).optional(),
      health_thresholds: HealthThresholds.nullable().optional(),
    }),
    response: Configuration,
  }),
  configurationArchive: endpoint({
    method: "DELETE",
    path: "/configurations/{configuration_id}",
    tag,
    summary: "Archive a configuration; its versions stay readable",
    access: "configuration:write",
    params: Params,
    status: 204,
  }),
  configurationVersionList: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/versions",
    tag,
    summary: "Versions of a configuration, newest first",
    access: "agent:read",
    params: Params,
    query: ListQuery,
    response: page(ConfigurationVersion),
  }),
  configurationVersionCreate: endpoint({
    method: "POST",
    path: "/configurations/{configuration_id}/versions",
    tag,
    summary: "Save a new version; refused when a Collector would refuse it",
    access: "configuration:write",
    params: Params,
    body: z.object({
      body: Text,
      message: Reason,
      based_on: Version.optional().describe("refused when the current version is another one by now"),
    }),
    response: ConfigurationVersion,
    status: 201,
    idempotent: true,
  }),
  configurationVersionRead: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/versions/{version}",
    tag,
    summary: "One version with its text",
    access: "agent:read",
    params: Params.extend({ version: Id.describe("a version number, or `current`") }),
    response: ConfigurationVersion.extend({ body: z.string() }),
  }),
  configurationDiff: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/diff",
    tag,
    summary: "What one version does otherwise than another, by component",
    access: "agent:read",
    params: Params,
    query: z.object({ from: Version, to: Version }),
    response: z.object({ changes: z.array(ConfigurationChange) }),
  }),
} as const;
