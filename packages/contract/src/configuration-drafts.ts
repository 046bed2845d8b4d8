import { z } from "zod";
import { Id, Name, SELECTOR_CHARS_MAX, Timestamp } from "./common.ts";
import { CONFIGURATION_CHARS_MAX, OVERLAYS_MAX, UnfinishedOverlayList } from "./configuration-overlays.ts";
import { ConfigurationProblem, ConfigurationVersionNumber } from "./configurations.ts";
import { endpoint } from "./endpoint.ts";

const tag = "Configurations";

/** Drafts an organization can have at a time: they are for people who write, not a store. */
export const CONFIGURATION_DRAFTS_MAX = 500;
/** Drafts of others that are named. */
export const OTHER_DRAFTS_MAX = 50;
/** Combinations of overlays that are told, those of most agents first. */
export const OVERLAY_COMBINATIONS_MAX = 50;
/** Agents that are named of each combination. */
export const COMBINATION_EXAMPLES_MAX = 5;

const Revision = z.number().int().min(0);

/** What one person has written of a configuration and not saved as a version. It may be no YAML at all. */
export const ConfigurationDraft = z.object({
  configuration_id: Id,
  body: z.string(),
  overlays: UnfinishedOverlayList,
  based_on: z.number().int().describe("the version it was begun from"),
  current_version: z.number().int(),
  is_behind: z.boolean().describe("somebody saved a version since: `based_on` is no longer the newest"),
  problems: z
    .array(ConfigurationProblem)
    .describe("what would keep it from being saved, or was hardly meant"),
  revision: Revision.describe("counts up with every change"),
  updated_at: Timestamp,
});
export type ConfigurationDraft = z.output<typeof ConfigurationDraft>;

/** That somebody else writes; what they write is theirs until they save it. */
export const OtherConfigurationDraft = z.object({
  name: z.string().describe("whose it is"),
  based_on: z.number().int(),
  updated_at: Timestamp,
});
export type OtherConfigurationDraft = z.output<typeof OtherConfigurationDraft>;

const params = z.object({ configuration_id: Id });

export const configurationDraftApi = {
  configurationDraftRead: endpoint({
    method: "GET",
    path: "/configurations/{configuration_id}/draft",
    tag,
    summary: "Your draft of a configuration, and who else has one",
    access: "agent:read",
    params,
    response: z.object({
      draft: ConfigurationDraft.nullable().describe("null when you have none; an API token never has one"),
      others: z.array(OtherConfigurationDraft).describe("of others, the newest first"),
    }),
  }),
  configurationDraftPut: endpoint({
    method: "PUT",
    path: "/configurations/{configuration_id}/draft",
    tag,
    summary: "Keep your draft of a configuration; refused to API tokens, which are no person",
    access: "configuration:write",
    params,
    body: z.object({
      body: z.string().max(CONFIGURATION_CHARS_MAX),
      overlays: UnfinishedOverlayList.optional().describe("absent: those of the version it was begun from"),
      based_on: ConfigurationVersionNumber,
      revision: Revision.optional().describe(
        "refused when your draft is at another revision by now, because of another window; 0: you had none. Absent: what is there is replaced",
      ),
    }),
    response: ConfigurationDraft,
  }),
  configurationDraftDiscard: endpoint({
    method: "DELETE",
    path: "/configurations/{configuration_id}/draft",
    tag,
    summary: "Discard your draft of a configuration, if there is one",
    access: "configuration:write",
    params,
    status: 204,
  }),
  configurationOverlayMatches: endpoint({
    method: "POST",
    path: "/configurations/overlay-matches",
    tag,
    summary: "How many Collectors each overlay matches, and which overlays come together",
    access: "agent:read",
    body: z.object({
      overlays: z
        .array(z.object({ name: Name, selector: z.string().max(SELECTOR_CHARS_MAX) }))
        .max(OVERLAYS_MAX)
        .describe("in their order"),
      site_id: Id.optional().describe("only its Collectors"),
    }),
    response: z.object({
      agents: z.number().int().describe("Collectors that were looked at: those that are let in"),
      overlays: z.array(
        z.object({
          name: z.string(),
          agents: z.number().int().nullable().describe("null when the selector cannot be read"),
        }),
      ),
      combinations: z
        .array(
          z.object({
            overlays: z.array(z.string()).describe("that match the same agents; none: the body alone"),
            agents: z.number().int(),
            examples: z.array(z.object({ id: Id, name: z.string() })),
          }),
        )
        .describe("those of most agents first"),
    }),
  }),
} as const;
