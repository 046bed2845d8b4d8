// What of the desired state goes into a message for this agent. An agent that reports the hash of what it
// has is offered until that hash is the desired one; any other is offered a hash once, until it restarts.
//
// A configuration or a set of packages that went out on this very WebSocket is on its way, and is repeated only to an agent that
// says since that it has another than before: its messages cross ours, its full report among them, and
// opampsupervisor answers APPLIED at once, without having tried, to a configuration that it receives a second time. Over HTTP
// nothing crosses, and a reply may be lost.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { toHex } from "../bytes.ts";
import { AGENT_CAPABILITY, SERVER_CAPABILITY, hasCapability } from "../capabilities.ts";
import {
  ConnectionSettingsOffersSchema,
  type AgentRemoteConfig,
  type ConnectionSettingsOffers,
  type OpAMPConnectionSettings,
  type PackagesAvailable,
  type ServerToAgentSchema,
} from "../gen/opamp_pb.ts";
import type { AgentState, Desired, Effect, ServerProfile } from "./types.ts";

export type ServerToAgentInit = Exclude<MessageInitShape<typeof ServerToAgentSchema>, { $typeName: string }>;

/** By kind of offer. */
export type UnderWay = { readonly configuration: boolean; readonly packages: boolean };

/** Adds the outstanding offers to `init` and their refusals to `effects`; gives the new `sent`. */
export function addOffers(
  init: ServerToAgentInit,
  effects: Effect[],
  state: AgentState,
  desired: Desired,
  server: ServerProfile,
  /** What was sent before is on its way: the same WebSocket carried it, and the agent brings no news of what it has. */
  isUnderWay: UnderWay,
): AgentState["sent"] {
  const { remoteConfig, connectionSettings, packages } = desired;
  let sent = state.sent;
  // Once it takes them again, it is told anew.
  if (sent.remoteConfig !== null && !hasCapability(state.capabilities, "AcceptsRemoteConfig"))
    sent = { ...sent, remoteConfig: null };
  if (remoteConfig && offersAre(server, "OffersRemoteConfig")) {
    const due = remoteConfigToSend(state, remoteConfig, desired.retryRemoteConfig);
    const key = isUnderWay.configuration && due === sent.remoteConfig ? null : due;
    const problem = key === null ? null : remoteConfigProblem(remoteConfig);
    if (problem !== null) effects.push({ kind: "offer_refused", offer: "remote_config", reason: problem });
    else if (key !== null) {
      init.remoteConfig = remoteConfig;
      sent = { ...sent, remoteConfig: key };
    }
  }
  if (connectionSettings && offersAre(server, "OffersConnectionSettings")) {
    const offers = connectionSettingsToSend(state, connectionSettings);
    const problem = offers === null ? null : connectionSettingsProblem(offers);
    if (problem !== null)
      effects.push({ kind: "offer_refused", offer: "connection_settings", reason: problem });
    else if (offers !== null) {
      init.connectionSettings = offers;
      sent = { ...sent, connectionSettings: toHex(offers.hash) };
    }
  }
  if (packages && offersAre(server, "OffersPackages")) {
    const due = packagesToSend(state, packages, desired.retryPackages);
    const key = isUnderWay.packages && due === sent.packages ? null : due;
    if (key !== null && packages.allPackagesHash.length === 0) {
      effects.push({ kind: "offer_refused", offer: "packages", reason: "all_packages_hash is empty" });
    } else if (key !== null) {
      init.packagesAvailable = packages;
      sent = { ...sent, packages: key };
    }
  }
  return sent;
}

function offersAre(server: ServerProfile, name: keyof typeof SERVER_CAPABILITY): boolean {
  return (server.capabilities & SERVER_CAPABILITY[name]) !== 0n;
}

// Gives what to remember as sent, or null when there is nothing to send.
function remoteConfigToSend(
  state: AgentState,
  config: AgentRemoteConfig,
  retry: string | undefined,
): string | null {
  if (!hasCapability(state.capabilities, "AcceptsRemoteConfig")) return null;
  const hash = toHex(config.configHash);
  const key = retry === undefined ? hash : `${hash} ${retry}`;
  if (state.sent.remoteConfig === key && !hasCapability(state.capabilities, "ReportsRemoteConfig"))
    return null;
  if (state.failedConfigHashes.includes(hash)) {
    return retry !== undefined && state.sent.remoteConfig !== key ? key : null;
  }
  const has = state.remoteConfigStatus?.hash === hash && state.interruptedConfig !== hash;
  return has && hash !== "" ? null : key;
}

function remoteConfigProblem(config: AgentRemoteConfig): string | null {
  if (config.configHash.length === 0) return "config_hash is empty";
  for (const [name, { body }] of Object.entries(config.config?.configMap ?? {})) {
    // A supervisor given an empty body crashes in a loop. An empty map is legal: it stops the collector.
    if (body.length === 0) return `the body of "${name}" is empty`;
  }
  return null;
}

// Only the classes the agent accepts; null when none is left or the agent has them.
function connectionSettingsToSend(
  state: AgentState,
  offers: ConnectionSettingsOffers,
): ConnectionSettingsOffers | null {
  const { capabilities } = state;
  const hash = toHex(offers.hash);
  const has = hasCapability(capabilities, "ReportsConnectionSettingsStatus")
    ? state.connectionSettingsStatus?.hash
    : state.sent.connectionSettings;
  if (has === hash && hash !== "") return null;
  const others = hasCapability(capabilities, "AcceptsOtherConnectionSettings") ? offers.otherConnections : {};
  const accepted = create(ConnectionSettingsOffersSchema, { hash: offers.hash, otherConnections: others });
  if ((capabilities & AGENT_CAPABILITY.AcceptsOpAMPConnectionSettings) !== 0n) accepted.opamp = offers.opamp;
  if ((capabilities & AGENT_CAPABILITY.ReportsOwnMetrics) !== 0n) accepted.ownMetrics = offers.ownMetrics;
  if ((capabilities & AGENT_CAPABILITY.ReportsOwnTraces) !== 0n) accepted.ownTraces = offers.ownTraces;
  if ((capabilities & AGENT_CAPABILITY.ReportsOwnLogs) !== 0n) accepted.ownLogs = offers.ownLogs;
  const { opamp, ownMetrics, ownTraces, ownLogs } = accepted;
  if (!opamp && !ownMetrics && !ownTraces && !ownLogs && Object.keys(others).length === 0) return null;
  return accepted;
}

function connectionSettingsProblem(offers: ConnectionSettingsOffers): string | null {
  if (offers.hash.length === 0) return "hash is empty";
  return offers.opamp ? (opampOfferProblems(offers.opamp)[0] ?? null) : null;
}

/**
 * Why these settings must not be offered; empty when they may. Clients build their next connection from
 * the offer alone: without an endpoint it is invalid, without headers they lose their token, without
 * certificate or tls they stop verifying, with a heartbeat of 0 they fall silent for good.
 */
export function opampOfferProblems(settings: OpAMPConnectionSettings): string[] {
  const problems: string[] = [];
  const { destinationEndpoint, headers, certificate, tls, heartbeatIntervalSeconds } = settings;
  if (!/^(?:wss?|https?):\/\/[^\s/]+/.test(destinationEndpoint)) {
    problems.push("destination_endpoint is not a ws, wss, http or https URL");
  }
  if (!headers) problems.push("headers are missing; offer an empty list if the agent needs none");
  if (/^(?:wss|https):/.test(destinationEndpoint) && !certificate && !tls) {
    problems.push("certificate and tls are missing, so the agent would not verify the server");
  }
  if (heartbeatIntervalSeconds === 0n) problems.push("heartbeat_interval_seconds is 0");
  return problems;
}

// Gives what to remember as sent, or null when there is nothing to send. An agent whose installation failed has the hash of what
// it was offered: it is offered the same once more for each time that somebody asks.
function packagesToSend(
  state: AgentState,
  packages: PackagesAvailable,
  retry: string | undefined,
): string | null {
  if (!hasCapability(state.capabilities, "AcceptsPackages")) return null;
  const hash = toHex(packages.allPackagesHash);
  const key = retry === undefined ? hash : `${hash} ${retry}`;
  const has = hasCapability(state.capabilities, "ReportsPackageStatuses")
    ? state.packagesHash
    : (state.sent.packages?.split(" ", 1)[0] ?? null);
  if (has !== hash || hash === "") return key;
  return retry !== undefined && state.sent.packages !== key ? key : null;
}
