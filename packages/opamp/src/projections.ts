// What an agent reports, as plain JSON for storing (snake_case, no bigint, no bytes). Each projection is a
// total function of one sub-message: absent fields come out as null or empty, never missing.

import { setOwn, attributesToJson, integerToJson, storableText, type Attributes } from "./attributes.ts";
import { toBase64, toHex } from "./bytes.ts";
import {
  ConnectionSettingsStatuses,
  PackageStatusEnum,
  RemoteConfigStatuses,
  type AgentConfigMap,
  type AgentDescription,
  type AvailableComponents,
  type ComponentDetails,
  type ComponentHealth,
  type ConnectionSettingsStatus,
  type EffectiveConfig,
  type PackageStatus,
  type PackageStatuses,
  type RemoteConfigStatus,
} from "./gen/opamp_pb.ts";
import { ERROR_MESSAGE_CHARS_MAX } from "./limits.ts";

export type DescriptionJson = { identifying: Attributes; non_identifying: Attributes };

export function descriptionToJson(description: AgentDescription): DescriptionJson {
  return {
    identifying: attributesToJson(description.identifyingAttributes),
    non_identifying: attributesToJson(description.nonIdentifyingAttributes),
  };
}

export type HealthJson = {
  healthy: boolean;
  status: string;
  last_error: string;
  /** ISO 8601 with milliseconds; null when the agent gave no time. */
  started_at: string | null;
  status_at: string | null;
  attributes: Attributes;
  components: { [name: string]: HealthJson };
};

export function healthToJson(health: ComponentHealth): HealthJson {
  return {
    healthy: health.healthy,
    status: storableText(health.status),
    last_error: errorText(health.lastError),
    started_at: nanosToIso(health.startTimeUnixNano),
    status_at: nanosToIso(health.statusTimeUnixNano),
    attributes: attributesToJson(health.attributes),
    components: mapValues(health.componentHealthMap, healthToJson),
  };
}

/** `encoding` says how `body` is to be read: text as it is, or base64 of bytes that are no UTF-8 text. */
export type ConfigEntryJson = {
  content_type: string;
  role: string;
  encoding: "utf8" | "base64";
  body: string;
};

export type ConfigMapJson = { [name: string]: ConfigEntryJson };

export function configMapToJson(map: AgentConfigMap | undefined): ConfigMapJson {
  return mapValues(map?.configMap ?? {}, ({ body, contentType, role }) => ({
    content_type: storableText(contentType),
    role: storableText(role),
    ...bytesToText(body),
  }));
}

export function effectiveConfigToJson(config: EffectiveConfig): ConfigMapJson {
  return configMapToJson(config.configMap);
}

/** `unknown` is a value of a later specification. */
export type ApplyStatus = "unset" | "applied" | "applying" | "failed" | "unknown";

export type RemoteConfigStatusJson = { hash: string; status: ApplyStatus; error_message: string };

export function remoteConfigStatusToJson(status: RemoteConfigStatus): RemoteConfigStatusJson {
  return {
    hash: toHex(status.lastRemoteConfigHash),
    status: applyStatus(status.status),
    error_message: errorText(status.errorMessage),
  };
}

export type ConnectionSettingsStatusJson = { hash: string; status: ApplyStatus; error_message: string };

export function connectionSettingsStatusToJson(
  status: ConnectionSettingsStatus,
): ConnectionSettingsStatusJson {
  return {
    hash: toHex(status.lastConnectionSettingsHash),
    status: applyStatus(status.status),
    error_message: errorText(status.errorMessage),
  };
}

export type PackageStatusJson = {
  agent_has_version: string;
  agent_has_hash: string;
  server_offered_version: string;
  server_offered_hash: string;
  status: "installed" | "install_pending" | "installing" | "install_failed" | "downloading" | "unknown";
  error_message: string;
  download: { percent: number; bytes_per_second: number } | null;
};

export type PackageStatusesJson = {
  packages: { [name: string]: PackageStatusJson };
  server_provided_all_packages_hash: string;
  error_message: string;
};

export function packageStatusesToJson(statuses: PackageStatuses): PackageStatusesJson {
  return {
    packages: mapValues(statuses.packages, packageStatusToJson),
    server_provided_all_packages_hash: toHex(statuses.serverProvidedAllPackagesHash),
    error_message: errorText(statuses.errorMessage),
  };
}

export type ComponentJson = { metadata: Attributes; components: { [name: string]: ComponentJson } };

/** `components` is null when the agent sent only the hash. */
export type AvailableComponentsJson = { hash: string; components: { [name: string]: ComponentJson } | null };

export function availableComponentsToJson(available: AvailableComponents): AvailableComponentsJson {
  const named = Object.keys(available.components).length > 0;
  return {
    hash: toHex(available.hash),
    components: named ? mapValues(available.components, componentToJson) : null,
  };
}

function componentToJson(details: ComponentDetails): ComponentJson {
  return {
    metadata: attributesToJson(details.metadata),
    components: mapValues(details.subComponentMap, componentToJson),
  };
}

function packageStatusToJson(status: PackageStatus): PackageStatusJson {
  const download = status.downloadDetails;
  return {
    agent_has_version: storableText(status.agentHasVersion),
    agent_has_hash: toHex(status.agentHasHash),
    server_offered_version: storableText(status.serverOfferedVersion),
    server_offered_hash: toHex(status.serverOfferedHash),
    status: packageStatusNames[status.status] ?? "unknown",
    error_message: errorText(status.errorMessage),
    download: download
      ? {
          percent: finite(download.downloadPercent),
          bytes_per_second: finite(download.downloadBytesPerSecond),
        }
      : null,
  };
}

const packageStatusNames: { readonly [value: number]: PackageStatusJson["status"] } = {
  [PackageStatusEnum.PackageStatusEnum_Installed]: "installed",
  [PackageStatusEnum.PackageStatusEnum_InstallPending]: "install_pending",
  [PackageStatusEnum.PackageStatusEnum_Installing]: "installing",
  [PackageStatusEnum.PackageStatusEnum_InstallFailed]: "install_failed",
  [PackageStatusEnum.PackageStatusEnum_Downloading]: "downloading",
};

// Both enums have the same numbers; a test holds that.
const applyStatusNames: { readonly [value: number]: ApplyStatus } = {
  [RemoteConfigStatuses.RemoteConfigStatuses_UNSET]: "unset",
  [RemoteConfigStatuses.RemoteConfigStatuses_APPLIED]: "applied",
  [RemoteConfigStatuses.RemoteConfigStatuses_APPLYING]: "applying",
  [RemoteConfigStatuses.RemoteConfigStatuses_FAILED]: "failed",
};

function applyStatus(value: RemoteConfigStatuses | ConnectionSettingsStatuses): ApplyStatus {
  return applyStatusNames[value] ?? "unknown";
}

function mapValues<T, U>(map: { [name: string]: T }, project: (value: T) => U): { [name: string]: U } {
  const projected: { [name: string]: U } = {};
  for (const [name, value] of Object.entries(map)) setOwn(projected, storableText(name), project(value));
  return projected;
}

const DATE_MS_MAX = 8.64e15; // the last moment a Date can hold

function nanosToIso(nanos: bigint): string | null {
  if (nanos === 0n) return null;
  const ms = Number(nanos / 1_000_000n);
  return ms <= DATE_MS_MAX ? new Date(ms).toISOString() : String(integerToJson(nanos));
}

function errorText(text: string): string {
  const cut = text.length > ERROR_MESSAGE_CHARS_MAX ? `${text.slice(0, ERROR_MESSAGE_CHARS_MAX)}…` : text;
  return storableText(cut.isWellFormed() ? cut : cut.toWellFormed());
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text when the bytes are valid UTF-8 that can be stored, base64 otherwise. */
export function bytesToText(bytes: Uint8Array): { encoding: "utf8" | "base64"; body: string } {
  if (!bytes.includes(0)) {
    try {
      return { encoding: "utf8", body: utf8.decode(bytes) };
    } catch (error) {
      // Not UTF-8 is an answer here, not a failure; anything else is.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return { encoding: "base64", body: toBase64(bytes) };
}
