import type { Health } from "@flowplane/contract";
import {
  redactText,
  type AgentState,
  type Changes,
  type ConfigMapJson,
  type DescriptionJson,
  type HealthJson,
} from "@flowplane/opamp";
import type { AgentColumns, ReportColumns } from "../fleet/status.ts";

const TEXT_CHARS_MAX = 255;
/** Of one agent's effective configuration, all entries together; the rest is cut, and said so. */
export const CONFIG_CHARS_MAX = 1024 * 1024;

/** What a session's changes mean for the columns people read. */
export function columnsOf(
  changes: Changes,
  before: AgentState,
  after: AgentState,
  now: number,
): AgentColumns {
  const { description, health, capabilities } = changes;
  const offered = after.sent.connectionSettings;
  return {
    ...(description === undefined ? {} : describedColumns(description)),
    ...(health === undefined
      ? {}
      : {
          healthy: health.healthy,
          health_status: shown(health.last_error || health.status),
          health_at: new Date(now).toISOString(),
        }),
    ...(offered === null || offered === before.sent.connectionSettings
      ? {}
      : { settings_offered_at: new Date(now).toISOString() }),
    // Bits beyond a double's precision are none that anybody defines.
    ...(capabilities === undefined ? {} : { capabilities: Number(BigInt.asUintN(53, capabilities)) }),
    ...(after.instanceUid === before.instanceUid ? {} : { instance_uid: after.instanceUid }),
    ...(after.nextUid === before.nextUid ? {} : { next_instance_uid: after.nextUid }),
  };
}

export function reportOf(changes: Changes, now: number): ReportColumns {
  const { description, health, effectiveConfig, remoteConfigStatus, packageStatuses } = changes;
  const { connectionSettingsStatus, customCapabilities, availableComponents } = changes;
  return {
    ...(description === undefined
      ? {}
      : {
          identifying_attributes: description.identifying,
          non_identifying_attributes: description.non_identifying,
        }),
    ...(health === undefined ? {} : { health: healthOf(health) }),
    ...(effectiveConfig === undefined
      ? {}
      : { effective_config: entriesOf(effectiveConfig), effective_config_at: new Date(now).toISOString() }),
    ...(remoteConfigStatus === undefined ? {} : { remote_config_status: remoteConfigStatus }),
    ...(packageStatuses === undefined ? {} : { package_statuses: packageStatuses }),
    ...(connectionSettingsStatus === undefined
      ? {}
      : { connection_settings_status: connectionSettingsStatus }),
    ...(customCapabilities === undefined ? {} : { custom_capabilities: customCapabilities }),
    ...(availableComponents === undefined ? {} : { available_components_hash: availableComponents.hash }),
  };
}

/** Whether anything but the message counters of a session changed, so that it has to be stored. */
export function isSessionChanged(before: AgentState, after: AgentState): boolean {
  if (before === after) return false;
  for (const key of Object.keys(after) as (keyof AgentState)[]) {
    if (key === "sequenceNum" || key === "messageDigest" || key === "recent") continue;
    if (!isSame(before[key], after[key])) return true;
  }
  return false;
}

/** A step makes new objects of what it looked at, often with the old values in them; none is deeper than one level. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  const [one, other] = [Object.entries(left), right as Record<string, unknown>];
  return one.length === Object.keys(right).length && one.every(([key, value]) => other[key] === value);
}

function describedColumns({ identifying, non_identifying }: DescriptionJson): AgentColumns {
  const text = (key: string) => {
    const value: unknown = identifying[key] ?? non_identifying[key] ?? "";
    return shown(typeof value === "string" ? value : JSON.stringify(value));
  };
  const service = text("service.name");
  const host = text("host.name");
  const name = [service, host].filter((part) => part !== null).join("@");
  return {
    version: text("service.version"),
    os: text("os.type"),
    hostname: host,
    ...(name === "" ? {} : { described_name: name.slice(0, 200) }),
  };
}

function healthOf(health: HealthJson): Health {
  return {
    healthy: health.healthy,
    status: health.status,
    last_error: health.last_error,
    start_time: health.started_at,
    status_time: health.status_at,
    components: Object.fromEntries(
      Object.entries(health.components).map(([name, component]) => [name, healthOf(component)]),
    ),
  };
}

/** Agents should have redacted their configuration; it is done again here, because some do not. */
function entriesOf(map: ConfigMapJson) {
  let left = CONFIG_CHARS_MAX;
  return Object.entries(map).map(([name, entry]) => {
    const kept = entry.body.slice(0, Math.max(0, left));
    left -= kept.length;
    const cut = entry.body.length - kept.length;
    const body = entry.encoding === "utf8" ? redactText(kept) : kept;
    return {
      name,
      content_type: entry.content_type,
      body: cut === 0 ? body : `${body}\n[${cut} more characters are not kept]`,
    };
  });
}

function shown(text: string): string | null {
  return text === "" ? null : text.slice(0, TEXT_CHARS_MAX);
}
