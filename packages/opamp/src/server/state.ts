// Making, storing and restoring the values the server session works on.

import { ONE_STREAM } from "./streams.ts";
import type { AgentState, Connection, Transport } from "./types.ts";

/** An agent never heard of. */
export function newAgentState(instanceUid: string): AgentState {
  return {
    instanceUid,
    nextUid: null,
    sequenceNum: null,
    messageDigest: null,
    fullStateAsked: null,
    capabilities: 0n,
    digests: { description: null, health: null, effectiveConfig: null, packageStatuses: null },
    remoteConfigStatus: null,
    connectionSettingsStatus: null,
    packagesHash: null,
    customCapabilities: [],
    componentsHash: null,
    componentsAsked: null,
    failedConfigHashes: [],
    interruptedConfig: null,
    sent: NOTHING_SENT,
    streams: ONE_STREAM,
    recent: [],
    present: true,
  };
}

export const NOTHING_SENT: AgentState["sent"] = {
  remoteConfig: null,
  connectionSettings: null,
  packages: null,
  customCapabilities: null,
};

/** `credential` is the identity that authenticated, not the secret it did it with. */
export function newConnection(
  id: string,
  transport: Transport,
  credential: string,
  openedAt: number,
): Connection {
  return { id, transport, credential, openedAt, agents: new Map() };
}

/** The state as JSON; its bigints are decimal strings. */
export type AgentStateJson = Omit<
  AgentState,
  "sequenceNum" | "capabilities" | "fullStateAsked" | "componentsAsked" | "recent"
> & {
  readonly sequenceNum: string | null;
  readonly capabilities: string;
  readonly fullStateAsked: { readonly sequenceNum: string; readonly at: number } | null;
  readonly componentsAsked: { readonly hash: string; readonly sequenceNum: string } | null;
};

export function agentStateToJson(state: AgentState): AgentStateJson {
  const { sequenceNum, capabilities, fullStateAsked, componentsAsked, recent: _recent, ...rest } = state;
  return {
    ...rest,
    sequenceNum: sequenceNum === null ? null : sequenceNum.toString(),
    capabilities: capabilities.toString(),
    fullStateAsked: fullStateAsked && {
      ...fullStateAsked,
      sequenceNum: fullStateAsked.sequenceNum.toString(),
    },
    componentsAsked: componentsAsked && {
      ...componentsAsked,
      sequenceNum: componentsAsked.sequenceNum.toString(),
    },
  };
}

/** Inverse of {@link agentStateToJson}. What an older version did not store yet is as for a new agent. */
export function agentStateFromJson(json: AgentStateJson): AgentState {
  const { sequenceNum, capabilities, fullStateAsked, componentsAsked } = json;
  return {
    ...newAgentState(json.instanceUid),
    ...json,
    sequenceNum: sequenceNum === null ? null : BigInt(sequenceNum),
    capabilities: BigInt(capabilities),
    fullStateAsked: fullStateAsked && { ...fullStateAsked, sequenceNum: BigInt(fullStateAsked.sequenceNum) },
    componentsAsked: componentsAsked && {
      ...componentsAsked,
      sequenceNum: BigInt(componentsAsked.sequenceNum),
    },
  };
}
