// The server's side of one agent, as values. `AgentState` outlives sockets, processes and nodes; a
// `Connection` lives as long as its socket (for plain HTTP: one request); an `Ownership` says which
// connection speaks for the agent now. `stepServer` in session.ts takes them and gives back the next ones.

import type {
  AgentRemoteConfig,
  AgentToServer,
  ConnectionSettingsOffers,
  PackagesAvailable,
  ServerToAgent,
} from "../gen/opamp_pb.ts";
import type {
  AvailableComponentsJson,
  ConfigMapJson,
  ConnectionSettingsStatusJson,
  DescriptionJson,
  HealthJson,
  PackageStatusesJson,
  RemoteConfigStatusJson,
} from "../projections.ts";
import type { Ownership } from "./ownership.ts";

export type Transport = "ws" | "http";

/**
 * What the server must remember of an agent. Of large reports it keeps a fingerprint only: the values
 * themselves leave through {@link Changes} to the database. Hashes are lower-case hexadecimal.
 */
export type AgentState = {
  readonly instanceUid: string;
  /** The uid offered at the agent's own request, until the agent uses it. */
  readonly nextUid: string | null;
  /** Of the last message processed; null before the first. */
  readonly sequenceNum: bigint | null;
  /** Fingerprint of that message's bytes. */
  readonly messageDigest: number | null;
  /** Set from the question until a full report came. */
  readonly fullStateAsked: { readonly sequenceNum: bigint; readonly at: number } | null;
  readonly capabilities: bigint;
  readonly digests: {
    readonly description: number | null;
    readonly health: number | null;
    readonly effectiveConfig: number | null;
    readonly packageStatuses: number | null;
  };
  readonly remoteConfigStatus: RemoteConfigStatusJson | null;
  readonly connectionSettingsStatus: ConnectionSettingsStatusJson | null;
  /** `server_provided_all_packages_hash` as last reported. */
  readonly packagesHash: string | null;
  readonly customCapabilities: readonly string[];
  readonly componentsHash: string | null;
  /** The components hash the agent was last asked to explain, and by the reply to which message. */
  readonly componentsAsked: { readonly hash: string; readonly sequenceNum: bigint } | null;
  /** Configurations the agent reported as failed, oldest first; they are not offered again unasked. */
  readonly failedConfigHashes: readonly string[];
  /**
   * The configuration that it was applying when its process ended. opampsupervisor goes on to say so when it starts again with it,
   * and says what came of it only when it is offered the same once more; null when there is none, or that was done.
   */
  readonly interruptedConfig: string | null;
  /** What was last sent, for agents that do not report what they received. */
  readonly sent: {
    readonly remoteConfig: string | null;
    readonly connectionSettings: string | null;
    readonly packages: string | null;
    /** Fingerprint of our own list of custom capabilities. */
    readonly customCapabilities: number | null;
  };
  /** Of an agent that polls: whether two do so under its uid (streams.ts). */
  readonly streams: Streams;
  /** Its last polls, oldest first; kept in memory alone. */
  readonly recent: readonly Recent[];
  /** False from agent_disconnect until the agent is heard again. */
  readonly present: boolean;
};

/** A sequence of numbers under one uid that another one has taken the place of. */
export type Stream = {
  /** Decimal, of its last message. */
  readonly sequenceNum: string;
  /** When its first message came, ms; 0: before anything is remembered. */
  readonly since: number;
  readonly heardAt: number;
  /** How often it and the stream that is heard now went on after each other. */
  readonly swaps: number;
  /** The uid it was told to use. */
  readonly movedTo: string | null;
};

export type Streams = {
  /** When the stream that is heard now began; 0: before anything is remembered. */
  readonly since: number;
  readonly others: readonly Stream[];
};

/** A poll, as far as a duplicate of it is known by. */
export type Recent = { readonly sequenceNum: bigint; readonly digest: number; readonly at: number };

export type Connection = {
  /** Unique over all nodes. For plain HTTP one per request. */
  readonly id: string;
  readonly transport: Transport;
  /** Who authenticated. It must stay the same when a certificate or token is renewed: an identity, not a secret. */
  readonly credential: string;
  /** ms since the epoch. */
  readonly openedAt: number;
  /** By instance_uid: a gateway carries many agents on one socket. */
  readonly agents: ReadonlyMap<string, AgentOnConnection>;
};

export type AgentOnConnection = {
  /** Where a duplicate on this connection was told to move; null when it may stay. */
  readonly movedTo: string | null;
};

/** What the server wants of the agent now. An absent member wants nothing. */
export type Desired = {
  readonly remoteConfig?: AgentRemoteConfig;
  /** Somebody asked to try a failed `remoteConfig` once more: an id of that request. */
  readonly retryRemoteConfig?: string;
  /** Complete settings: see `opampOfferProblems`. */
  readonly connectionSettings?: ConnectionSettingsOffers;
  /** The complete set: agents remove what is not in it. */
  readonly packages?: PackagesAvailable;
  /** Somebody asked to try a set once more that the agent has been offered: an id of that request. */
  readonly retryPackages?: string;
  /** Sent once; drop it from the desired state on `restart_sent` or `restart_refused`. */
  readonly restart?: { readonly id: string };
  /** In order; drop each on `custom_message_sent` or `custom_message_refused`. */
  readonly customMessages?: readonly CustomMessageOut[];
};

export type CustomMessageOut = {
  readonly id: string;
  readonly capability: string;
  readonly type: string;
  readonly data: Uint8Array;
};

/** What this server is, the same for every agent. */
export type ServerProfile = {
  /** Only what is really honoured; undefined bits are cut off. */
  readonly capabilities: bigint;
  readonly customCapabilities: readonly string[];
  /** True when the tree behind an available-components hash is stored already, from whichever agent. */
  readonly isKnownComponents: (hash: string) => boolean;
};

export type StepContext = {
  readonly now: number;
  readonly random: () => number;
  readonly connection: Connection;
  /** As the last step for this agent left it; null when nobody owns the agent. */
  readonly ownership: Ownership | null;
  readonly desired: Desired;
  readonly server: ServerProfile;
};

/** The sub-messages that differ from what was known, with their new values. An absent member is unchanged. */
export type Changes = {
  description?: DescriptionJson;
  capabilities?: bigint;
  health?: HealthJson;
  effectiveConfig?: ConfigMapJson;
  remoteConfigStatus?: RemoteConfigStatusJson;
  connectionSettingsStatus?: ConnectionSettingsStatusJson;
  packageStatuses?: PackageStatusesJson;
  customCapabilities?: readonly string[];
  /** Carries the tree when the agent sent it: store it by its hash, for the whole fleet. */
  availableComponents?: AvailableComponentsJson;
  present?: boolean;
};

export type Effect =
  /** The agent wants a certificate; `repeated` when this very request was handed out before. Answer it with `answerCertificateRequest`. */
  | { kind: "sign_certificate"; csr: Uint8Array; repeated: boolean }
  /** A message of a capability of ours. `data` is a view into the received bytes. */
  | { kind: "custom_message"; capability: string; type: string; data: Uint8Array }
  | { kind: "custom_message_sent"; id: string }
  | { kind: "custom_message_refused"; id: string; reason: string }
  | { kind: "restart_sent"; id: string }
  | { kind: "restart_refused"; id: string; reason: string }
  /** An offer that would do harm was held back. */
  | { kind: "offer_refused"; offer: "remote_config" | "connection_settings" | "packages"; reason: string }
  /** For metrics and the wire recorder. */
  | {
      kind: "full_state_asked";
      reason: "unknown_agent" | "sequence_gap" | "not_answered" | "verdict_missing";
    }
  /** The agent left on purpose: show it as disconnected at once. */
  | { kind: "agent_disconnected" }
  /** The agent asked for another uid and now uses it: its record moves to `to`. */
  | { kind: "agent_rekeyed"; from: string; to: string }
  /** Two live agents share `uid`; the one on `connectionId` becomes a new agent `newUid`. Send it `identificationFor` when `connectionId` is another connection than the context's. */
  | { kind: "duplicate_uid"; uid: string; newUid: string; connectionId: string };

/** A message that was decoded and says who sent it. */
export type Incoming = {
  readonly uid: string;
  readonly message: AgentToServer;
  /** Fingerprint of the received bytes. */
  readonly digest: number;
};

export type StepResult = {
  readonly state: AgentState;
  readonly connection: Connection;
  readonly ownership: Ownership | null;
  readonly reply: ServerToAgent;
  readonly changes: Changes;
  readonly effects: readonly Effect[];
};

export type PushResult = {
  readonly state: AgentState;
  /** In this order; empty when nothing is outstanding. */
  readonly messages: readonly ServerToAgent[];
  readonly effects: readonly Effect[];
};
