import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp } from "./common.ts";
import {
  CONFIGURATION_CHARS_MAX,
  ConfigurationOverlay,
  OverlayList,
  UnfinishedOverlayList,
} from "./configuration-overlays.ts";

const tag = "Configurations";

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
  drafts: z.number().int().describe("how many people have a draft of it"),
  health_thresholds: HealthThresholds.nullable().describe("null: the usual ones, 60 and 300 seconds"),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Configuration = z.output<typeof Configuration>;

export const ConfigurationVersion = z.object({
  configuration_id: Id,
  version: z.number().int(),
  hash: z.string().describe("SHA-256 of the text, and of its overlays if there are any, in hex"),
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
  overlay: z.string().nullable().describe("in whose text the line is; null: in the body's"),
});
export type ConfigurationProblem = z.output<typeof ConfigurationProblem>;

const IN_ORDER = "in the order in which they are laid over the body";
const Overlays = OverlayList.default([]).describe(IN_ORDER);
/** What is checked and shown need not be finished. */
const UnfinishedOverlays = UnfinishedOverlayList.default([]).describe(IN_ORDER);

const Text = z.string().min(1).max(CONFIGURATION_CHARS_MAX);
const UnfinishedText = z.string().max(CONFIGURATION_CHARS_MAX);

export const ConfigurationCheck = z.object({
  problems: z.array(ConfigurationProblem),
  /** Which agents the check was held against: Collectors that the filter matches, and how many of them say what they are built with. */
  fleet: z.object({ agents: z.number().int(), reporting: z.number().int() }),
  /** Of the body; what overlays add is held against a single agent by a preview. */
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

/** Lines of a composed text, counted from 1, both included. */
export const ConfigurationOrigin = z.object({
  from_line: z.number().int(),
  to_line: z.number().int(),
  overlay: z.string(),
});
export type ConfigurationOrigin = z.output<typeof ConfigurationOrigin>;

export const ConfigurationChange = z.object({
  overlay: z.string().optional().describe("in which it is; absent: in the body, or an overlay as a whole"),
  change: z.enum(["added", "removed", "changed"]),
  what: z.string(),
  id: z.string(),
  settings: z.array(z.array(z.union([z.string(), z.number()]))),
});
export type ConfigurationChange = z.output<typeof ConfigurationChange>;

const Params = z.object({ configuration_id: Id });
export const ConfigurationVersionNumber = z.coerce
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
      overlays: Overlays,
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
      body: UnfinishedText,
      overlays: UnfinishedOverlays,
      agents: z
        .string()
        .max(500)
        .default("")
        .describe("filter of the fleet's query bar; empty: all Collectors"),
    }),
    response: ConfigurationCheck,
  }),
  configurationPreview: endpoint({
    method: "POST",
    path: "/configurations/preview",
    tag,
    summary: "What one agent would be sent of a text with overlays, references kept; nothing is saved",
    access: "agent:read",
    body: z.object({ body: UnfinishedText, overlays: UnfinishedOverlays, agent_id: Id }),
    response: z.object({
      composed: z.string().nullable().describe("null when the text or an overlay cannot be read"),
      overlays: z.array(z.string()).describe("names of those that match the agent"),
      origins: z
        .array(ConfigurationOrigin)
        .describe("lines of the composed text that an overlay brought; all others are the body's"),
      problems: z
        .array(ConfigurationProblem)
        .describe("lines are of the composed text; where there is none, of the texts it is made of"),
      held: z.string().nullable().describe("why the agent would not be sent it"),
    }),
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
      overlays: OverlayList.optional().describe(`${IN_ORDER}; absent: those of the current version`),
      message: Reason,
      based_on: ConfigurationVersionNumber.optional().describe(
        "refused when the current version is another one by now",
      ),
      draft_revision: z
        .number()
        .int()
        .min(1)
        .optional()
        .describe("of your draft that this is made of: it is removed, unless it was changed meanwhile"),
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
    response: ConfigurationVersion.extend({
      body: z.string(),
      overlays: z.array(ConfigurationOverlay),
    }),
  }),
  configurationDiff: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/diff",
    tag,
    summary: "What one version does otherwise than another, by component",
    access: "agent:read",
    params: Params,
    query: z.object({ from: ConfigurationVersionNumber, to: ConfigurationVersionNumber }),
    response: z.object({ changes: z.array(ConfigurationChange) }),
  }),
} as const;
