import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Reason, Timestamp } from "./common.ts";

const tag = "Packages";

/** The agent's own program, or something beside it. */
export const PACKAGE_TYPES = ["top_level", "addon"] as const;
export type PackageType = (typeof PACKAGE_TYPES)[number];
/** `stable` for everybody; `canary` for those who try things first. */
export const RELEASE_CHANNELS = ["stable", "canary"] as const;
export type ReleaseChannel = (typeof RELEASE_CHANNELS)[number];
/** In the agent's words (OpAMP `PackageStatusEnum`); `unknown`: a word that nobody here knows. */
export const PACKAGE_STATUSES = [
  "installed",
  "install_pending",
  "installing",
  "install_failed",
  "downloading",
  "unknown",
] as const;
export type PackageStatusName = (typeof PACKAGE_STATUSES)[number];

/** Files of one release: one for each platform it is made for. */
export const RELEASE_FILES_MAX = 32;
/** Releases of one package. */
export const RELEASES_MAX = 200;
/** Packages of one agent's set. */
export const PACKAGE_SET_MAX = 50;
/** Agents given a set by one call. */
export const PACKAGE_SET_AGENTS_MAX = 500;
/** Of one signature. */
export const SIGNATURE_BYTES_MAX = 64 * 1024;
/** Type of the body of an uploaded file. */
export const PACKAGE_CONTENT_TYPE = "application/octet-stream";

/** The name becomes a key on the wire and, with most agents, a file's name. */
export const PackageName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "letters, digits, dots, dashes and underscores; at most 100");
const Version = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$/, "letters, digits and . _ + ~ -; at most 64");
/** An operating system or an architecture as agents name it, or `any`. */
export const PlatformWord = z.string().regex(/^[a-z0-9_]{1,32}$/, "lower-case letters, digits and _");

export const ReleaseFile = z.object({
  id: Id,
  os: z.string().describe("as in os.type, or any"),
  arch: z.string().describe("as in host.arch, amd64 for example, or any"),
  bytes: z.number().int(),
  sha256: z.string().describe("hex; what agents check their download against"),
  signature_bytes: z.number().int().describe("0: no signature"),
  created_at: Timestamp,
});
export type ReleaseFile = z.output<typeof ReleaseFile>;

/** A version of a package. Once published it never changes. */
export const Release = z.object({
  id: Id,
  package_id: Id,
  version: z.string(),
  channel: z.enum(RELEASE_CHANNELS),
  message: z.string(),
  published_at: Timestamp.nullable().describe("null: files may still be added, and no agent may be given it"),
  files: z.array(ReleaseFile),
  agents: z.number().int().describe("how many are to have it"),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type Release = z.output<typeof Release>;

export const Package = z.object({
  id: Id,
  name: z.string(),
  type: z.enum(PACKAGE_TYPES),
  description: z.string(),
  releases: z.number().int(),
  newest_version: z.string().nullable().describe("of the published releases"),
  agents: z.number().int().describe("how many are to have it"),
  installed: z.number().int().describe("how many say that they have it"),
  failed: z.number().int().describe("how many say that installing it failed"),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type Package = z.output<typeof Package>;

export const PackageWithReleases = Package.extend({
  all_releases: z.array(Release).describe("newest first"),
});
export type PackageWithReleases = z.output<typeof PackageWithReleases>;

/** An agent that is to have a package, or says something of it. */
export const PackagePlace = z.object({
  agent_id: Id,
  agent_name: z.string(),
  wanted_version: z.string().nullable(),
  has_version: z.string().nullable(),
  status: z.enum(PACKAGE_STATUSES).nullable(),
  sentence: z.string(),
});
export type PackagePlace = z.output<typeof PackagePlace>;

export const AgentPackage = z.object({
  name: z.string(),
  wanted: z
    .object({ package_id: Id, release_id: Id, version: z.string(), channel: z.enum(RELEASE_CHANNELS) })
    .nullable()
    .describe("null: it is not in the set, which the agent was offered or will be"),
  has_version: z.string().nullable().describe("null: none, or the agent does not say"),
  status: z.enum(PACKAGE_STATUSES).nullable().describe("null: the agent has said nothing of it"),
  percent: z.number().nullable().describe("of the download that is under way"),
  bytes_per_second: z.number().nullable(),
  error: z.string().describe("in the agent's words"),
  reported_at: Timestamp.nullable(),
  sentence: z.string(),
});
export type AgentPackage = z.output<typeof AgentPackage>;

/** What came of offering one package to an agent. */
export const PackageAttempt = z.object({
  name: z.string(),
  version: z.string(),
  status: z.enum(PACKAGE_STATUSES),
  error: z.string(),
  started_at: Timestamp,
  status_at: Timestamp,
});
export type PackageAttempt = z.output<typeof PackageAttempt>;

/** `none`: nobody said what it is to have, so nothing is offered. `held`: it cannot be offered, `sentence` says why. */
export const PACKAGE_SET_STATES = ["none", "held", "waiting", "offered", "installed", "failed"] as const;

export const AgentPackages = z.object({
  state: z.enum(PACKAGE_SET_STATES),
  sentence: z.string(),
  set: z.object({ reason: z.string(), set_by: ActorRef, set_at: Timestamp }).nullable(),
  error: z.string().describe("what the agent says went wrong with the set as a whole"),
  items: z.array(AgentPackage),
  attempts: z.array(PackageAttempt).describe("newest first"),
});
export type AgentPackages = z.output<typeof AgentPackages>;

const PackageSet = z.object({
  release_ids: z
    .array(Id)
    .max(PACKAGE_SET_MAX)
    .describe("the complete set, published releases, one of each package"),
  drops: z
    .array(z.string().max(255))
    .max(1_000)
    .default([])
    .describe(
      "names of packages that the agents have and shall lose; refused unless each one that goes is named",
    ),
  reason: Reason,
});

const PackageParams = z.object({ package_id: Id });
const ReleaseParams = PackageParams.extend({ release_id: Id });
const FileParams = ReleaseParams.extend({ file_id: Id });
const AgentParams = z.object({ agent_id: Id });

export const packageApi = {
  packageList: endpoint({
    method: "GET",
    path: "/packages",
    tag,
    summary: "List packages",
    access: "agent:read",
    query: ListQuery.extend({ q: z.string().max(200).optional() }),
    response: page(Package),
  }),
  packageCreate: endpoint({
    method: "POST",
    path: "/packages",
    tag,
    summary: "Create a package, without releases yet",
    access: "package:write",
    body: z.object({
      name: PackageName,
      type: z.enum(PACKAGE_TYPES).default("top_level"),
      description: z.string().max(2_000).default(""),
    }),
    response: Package,
    status: 201,
    idempotent: true,
  }),
  packageRead: endpoint({
    method: "GET",
    path: "/packages/{package_id}",
    tag,
    summary: "A package with its releases and their files",
    access: "agent:read",
    params: PackageParams,
    response: PackageWithReleases,
  }),
  packageDelete: endpoint({
    method: "DELETE",
    path: "/packages/{package_id}",
    tag,
    summary: "Delete a package with its releases; refused while an agent is to have one of them",
    access: "package:write",
    params: PackageParams,
    status: 204,
  }),
  packagePlaces: endpoint({
    method: "GET",
    path: "/packages/{package_id}/agents",
    tag,
    summary: "Agents that are to have a package, or say that they have it",
    access: "agent:read",
    params: PackageParams,
    query: ListQuery,
    response: page(PackagePlace),
  }),
  releaseCreate: endpoint({
    method: "POST",
    path: "/packages/{package_id}/releases",
    tag,
    summary: "Create a release, to which files can be added until it is published",
    access: "package:write",
    params: PackageParams,
    body: z.object({
      version: Version,
      channel: z.enum(RELEASE_CHANNELS).default("stable"),
      message: Reason,
    }),
    response: Release,
    status: 201,
    idempotent: true,
  }),
  releaseFilePut: endpoint({
    method: "PUT",
    path: "/packages/{package_id}/releases/{release_id}/files",
    tag,
    summary: `Upload the file for one platform, its bytes as ${PACKAGE_CONTENT_TYPE}; replaces the one there was`,
    access: "package:write",
    params: ReleaseParams,
    query: z.object({ os: PlatformWord.default("any"), arch: PlatformWord.default("any") }),
    response: ReleaseFile,
  }),
  releaseFileSign: endpoint({
    method: "PUT",
    path: "/packages/{package_id}/releases/{release_id}/files/{file_id}/signature",
    tag,
    summary:
      "Give a file its signature, in whatever format its agents check; before the release is published",
    access: "package:write",
    params: FileParams,
    body: z.object({
      signature: z
        .base64()
        .max(Math.ceil(SIGNATURE_BYTES_MAX / 3) * 4)
        .describe("base64"),
    }),
    response: ReleaseFile,
  }),
  releasePublish: endpoint({
    method: "POST",
    path: "/packages/{package_id}/releases/{release_id}/publish",
    tag,
    summary: "Close a release: from now on it never changes, and agents may be given it",
    access: "package:write",
    params: ReleaseParams,
    response: Release,
  }),
  releaseDelete: endpoint({
    method: "DELETE",
    path: "/packages/{package_id}/releases/{release_id}",
    tag,
    summary: "Delete a release and its files; refused while an agent is to have it",
    access: "package:write",
    params: ReleaseParams,
    status: 204,
  }),
  packageSetsPut: endpoint({
    method: "POST",
    path: "/package-sets",
    tag,
    summary: "Say for a list of agents what packages each is to have, all of them",
    access: "agent:write",
    body: PackageSet.extend({ agent_ids: z.array(Id).min(1).max(PACKAGE_SET_AGENTS_MAX) }),
    response: z.object({
      items: z.array(
        z.object({
          agent_id: Id,
          held: z.string().nullable().describe("why this agent is not offered the set now"),
        }),
      ),
    }),
    idempotent: true,
  }),
  agentPackages: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/packages",
    tag,
    summary: "What packages an agent is to have, what it says it has, and what came of earlier offers",
    access: "agent:read",
    params: AgentParams,
    response: AgentPackages,
  }),
  agentPackagesPut: endpoint({
    method: "PUT",
    path: "/agents/{agent_id}/packages",
    tag,
    summary: "Say what packages an agent is to have, all of them",
    access: "agent:write",
    params: AgentParams,
    body: PackageSet,
    response: AgentPackages,
  }),
  agentPackagesRetry: endpoint({
    method: "POST",
    path: "/agents/{agent_id}/packages/retry",
    tag,
    summary: "Offer an agent its set once more, after it failed",
    access: "agent:write",
    params: AgentParams,
    body: z.object({ reason: Reason }),
    response: AgentPackages,
    status: 202,
  }),
  agentPackagesWithdraw: endpoint({
    method: "DELETE",
    path: "/agents/{agent_id}/packages",
    tag,
    summary: "Offer an agent no packages any more; it keeps what it has",
    access: "agent:write",
    params: AgentParams,
    status: 204,
  }),
} as const;
