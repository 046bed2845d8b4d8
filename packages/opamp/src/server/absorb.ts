// What a message says about the agent, taken into its state. Absent sub-messages are unchanged; a present
// one replaces what was known whole. What is equal to the known value is no change and is not written.

import { digestJson } from "../digest.ts";
import type { AgentToServer } from "../gen/opamp_pb.ts";
import {
  availableComponentsToJson,
  connectionSettingsStatusToJson,
  descriptionToJson,
  effectiveConfigToJson,
  healthToJson,
  packageStatusesToJson,
  remoteConfigStatusToJson,
  type RemoteConfigStatusJson,
} from "../projections.ts";
import type { AgentState, Changes, ServerProfile } from "./types.ts";

/** How many failed configurations are remembered for each agent. */
export const FAILED_CONFIGS_MAX = 16;

export function absorb(
  state: AgentState,
  message: AgentToServer,
  server: ServerProfile,
): { state: AgentState; changes: Changes } {
  const changes: Changes = {};
  const next: { -readonly [Key in keyof AgentState]: AgentState[Key] } = { ...state };

  // Every agent has the bit ReportsStatus, so 0 can only mean that the field was left out.
  if (message.capabilities !== 0n && message.capabilities !== state.capabilities) {
    next.capabilities = changes.capabilities = message.capabilities;
  }
  absorbReports(state, message, next, changes);
  absorbStatuses(state, message, next, changes);

  if (message.customCapabilities) {
    const listed = message.customCapabilities.capabilities;
    if (listed.join("\n") !== state.customCapabilities.join("\n")) {
      next.customCapabilities = changes.customCapabilities = listed;
    }
  }
  if (message.availableComponents) {
    const available = availableComponentsToJson(message.availableComponents);
    const isNews = available.components !== null && !server.isKnownComponents(available.hash);
    if (available.hash !== state.componentsHash || isNews) changes.availableComponents = available;
    next.componentsHash = available.hash;
  }
  const present = message.agentDisconnect === undefined;
  if (present !== state.present) next.present = changes.present = present;
  return { state: next, changes };
}

type Draft = { -readonly [Key in keyof AgentState]: AgentState[Key] };

// The large ones: the state keeps a fingerprint, the value goes to the database.
function absorbReports(state: AgentState, message: AgentToServer, next: Draft, changes: Changes): void {
  const { agentDescription, health, effectiveConfig, packageStatuses } = message;
  if (!agentDescription && !health && !effectiveConfig && !packageStatuses) return;
  const digests = { ...state.digests };
  if (agentDescription) {
    const description = descriptionToJson(agentDescription);
    digests.description = digestJson(description);
    if (digests.description !== state.digests.description) changes.description = description;
  }
  if (health) {
    const tree = healthToJson(health);
    digests.health = digestJson(tree);
    if (digests.health !== state.digests.health) changes.health = tree;
  }
  if (effectiveConfig) {
    const config = effectiveConfigToJson(effectiveConfig);
    digests.effectiveConfig = digestJson(config);
    if (digests.effectiveConfig !== state.digests.effectiveConfig) changes.effectiveConfig = config;
  }
  if (packageStatuses) {
    const statuses = packageStatusesToJson(packageStatuses);
    digests.packageStatuses = digestJson(statuses);
    if (digests.packageStatuses !== state.digests.packageStatuses) changes.packageStatuses = statuses;
    next.packagesHash = statuses.server_provided_all_packages_hash;
  }
  next.digests = digests;
}

function absorbStatuses(state: AgentState, message: AgentToServer, next: Draft, changes: Changes): void {
  if (message.remoteConfigStatus) {
    const status = remoteConfigStatusToJson(message.remoteConfigStatus);
    if (!equalStatus(status, state.remoteConfigStatus)) {
      next.remoteConfigStatus = changes.remoteConfigStatus = status;
      next.failedConfigHashes = withVerdict(state.failedConfigHashes, status);
    }
  }
  if (message.connectionSettingsStatus) {
    const status = connectionSettingsStatusToJson(message.connectionSettingsStatus);
    if (!equalStatus(status, state.connectionSettingsStatus)) {
      next.connectionSettingsStatus = changes.connectionSettingsStatus = status;
    }
  }
}

// An agent that rolled back by itself reports APPLIED for the configuration before: the failed one stays on
// the list and is not offered again. One that got it to work after all takes it off.
function withVerdict(failed: readonly string[], status: RemoteConfigStatusJson): readonly string[] {
  if (status.hash === "") return failed;
  const others = failed.filter((hash) => hash !== status.hash);
  if (status.status === "failed") return [...others, status.hash].slice(-FAILED_CONFIGS_MAX);
  return status.status === "applied" ? others : failed;
}

function equalStatus(left: RemoteConfigStatusJson, right: RemoteConfigStatusJson | null): boolean {
  return (
    right !== null &&
    left.hash === right.hash &&
    left.status === right.status &&
    left.error_message === right.error_message
  );
}
