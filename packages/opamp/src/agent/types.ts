// Our own agent's side of the link over a WebSocket, as values: `stepAgent(state, event, now, random)` in
// session.ts gives back the next state and what the shell has to do, `nextWakeAt` when to send `tick`.

import type {
  AgentDescription,
  AgentRemoteConfig,
  AgentToServer,
  AvailableComponents,
  ComponentHealth,
  ConnectionSettingsOffers,
  ConnectionSettingsStatus,
  EffectiveConfig,
  PackagesAvailable,
  PackageStatuses,
  RemoteConfigStatus,
  ServerToAgent,
} from "../gen/opamp_pb.ts";

/** What the agent has to say of itself. A full report holds all of it, a later one what changed. */
export type AgentReport = {
  readonly description: AgentDescription;
  readonly health?: ComponentHealth;
  readonly effectiveConfig?: EffectiveConfig;
  readonly remoteConfigStatus?: RemoteConfigStatus;
  readonly connectionSettingsStatus?: ConnectionSettingsStatus;
  readonly packageStatuses?: PackageStatuses;
  readonly availableComponents?: AvailableComponents;
};

export type ReportPart = keyof AgentReport;

export type CustomMessageIn = {
  readonly id: string;
  readonly capability: string;
  readonly type: string;
  readonly data: Uint8Array;
};

export type AgentSession = {
  readonly instanceUid: string;
  readonly capabilities: bigint;
  readonly customCapabilities: readonly string[];
  readonly report: AgentReport;
  /** Parts that differ from what was last sent. */
  readonly unsent: ReadonlySet<ReportPart | "customCapabilities">;
  /** The next message must hold everything: at the start, and when the server asked. */
  readonly sendAll: boolean;
  /** When ReportFullState was last obeyed: a server that sets it in every reply must not make us spin. */
  readonly fullStateSentAt: number | null;
  /** The server asked for the tree behind the components hash. */
  readonly sendComponents: boolean;
  /** Of the next message. Counts over all connections of this process. */
  readonly sequenceNum: bigint;
  readonly heartbeatIntervalMs: number;
  /** Of the last connection settings offer taken up; a repeated one is skipped. Hexadecimal. */
  readonly settingsHash: string | null;
  /** Kept until it was answered, and sent once on each connection until then. `csr` is PEM. */
  readonly certificateRequest: { readonly csr: Uint8Array; readonly isSent: boolean } | null;
  readonly outbox: readonly CustomMessageIn[];
  readonly outboxBytes: number;
  readonly link: Link;
};

export type Link =
  | { readonly kind: "disconnected"; readonly failures: number; readonly retryAt: number }
  | { readonly kind: "connecting"; readonly failures: number; readonly giveUpAt: number }
  | {
      readonly kind: "connected";
      readonly failures: number;
      /** Any message is a heartbeat, so this is the last one sent plus the interval. */
      readonly heartbeatAt: number;
      /** When the server must have answered what we sent; null when nothing is owed. */
      readonly replyBy: number | null;
      /** Null until the first reply on this connection. */
      readonly serverCapabilities: bigint | null;
      readonly serverCustomCapabilities: readonly string[];
    }
  | { readonly kind: "stopped" };

export type AgentEvent =
  /** The time `nextWakeAt` named has come. */
  | { kind: "tick" }
  | { kind: "opened" }
  /** The socket closed, or could not be opened. `retryAfterMs` is from a 429 or 503 of the upgrade. */
  | { kind: "closed"; retryAfterMs?: number }
  | { kind: "received"; message: ServerToAgent }
  /** What the agent reports changed; parts that are not given stay. */
  | { kind: "reported"; parts: Partial<AgentReport> }
  | { kind: "custom_capabilities"; capabilities: readonly string[] }
  | { kind: "send_custom"; message: CustomMessageIn }
  | { kind: "request_certificate"; csr: Uint8Array }
  /** Leave for good: says goodbye when connected. */
  | { kind: "stop" };

export type AgentEffect =
  | { kind: "connect" }
  | { kind: "send"; message: AgentToServer }
  | { kind: "close"; reason: string }
  /** The server has processed something on this connection; `customCapabilities` are what it understands. */
  | { kind: "linked"; capabilities: bigint; customCapabilities: readonly string[] }
  /** Store it before it is used: the server knows us under this uid from now on. */
  | { kind: "adopt_uid"; instanceUid: string }
  | { kind: "remote_config"; config: AgentRemoteConfig }
  /** Report `connectionSettingsStatus` when done. A certificate that was asked for comes in here too. */
  | { kind: "connection_settings"; offers: ConnectionSettingsOffers }
  | { kind: "packages"; packages: PackagesAvailable }
  | { kind: "restart" }
  | { kind: "custom_message"; capability: string; type: string; data: Uint8Array }
  /** Handed to the socket, which is no proof of arrival. */
  | { kind: "custom_sent"; id: string }
  | { kind: "custom_refused"; id: string; reason: "queue_full" | "too_large" | "stopped" }
  | { kind: "certificate_refused"; message: string }
  | { kind: "server_error"; error: "bad_request" | "unavailable" | "unknown"; message: string };

export type AgentStepResult = { readonly state: AgentSession; readonly effects: readonly AgentEffect[] };
