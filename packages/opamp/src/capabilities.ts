// The capability bits of both sides, as bigints because the fields are 64 bits wide. An agent's missing
// bit is also the answer to "why can I not do this here?", so the sentences stand beside the bits.

export const AGENT_CAPABILITY = {
  ReportsStatus: 0x1n,
  AcceptsRemoteConfig: 0x2n,
  ReportsEffectiveConfig: 0x4n,
  AcceptsPackages: 0x8n,
  ReportsPackageStatuses: 0x10n,
  ReportsOwnTraces: 0x20n,
  ReportsOwnMetrics: 0x40n,
  ReportsOwnLogs: 0x80n,
  AcceptsOpAMPConnectionSettings: 0x100n,
  AcceptsOtherConnectionSettings: 0x200n,
  AcceptsRestartCommand: 0x400n,
  ReportsHealth: 0x800n,
  ReportsRemoteConfig: 0x1000n,
  ReportsHeartbeat: 0x2000n,
  ReportsAvailableComponents: 0x4000n,
  ReportsConnectionSettingsStatus: 0x8000n,
} as const;

export const SERVER_CAPABILITY = {
  AcceptsStatus: 0x1n,
  OffersRemoteConfig: 0x2n,
  AcceptsEffectiveConfig: 0x4n,
  OffersPackages: 0x8n,
  AcceptsPackagesStatus: 0x10n,
  OffersConnectionSettings: 0x20n,
  AcceptsConnectionSettingsRequest: 0x40n,
} as const;

export type AgentCapabilityName = keyof typeof AGENT_CAPABILITY;
export type ServerCapabilityName = keyof typeof SERVER_CAPABILITY;

/** All bits the specification defines for servers; any other must stay 0. */
export const SERVER_CAPABILITIES_ALL = 0x7fn;

export const AGENT_CAPABILITY_NAMES = Object.keys(AGENT_CAPABILITY) as AgentCapabilityName[]; // keys of the literal above
export const SERVER_CAPABILITY_NAMES = Object.keys(SERVER_CAPABILITY) as ServerCapabilityName[]; // likewise

export function hasCapability(bits: bigint, name: AgentCapabilityName): boolean {
  return (bits & AGENT_CAPABILITY[name]) !== 0n;
}

/** The names of the bits set, in the specification's order. Bits it does not define have no name. */
export function agentCapabilityNames(bits: bigint): AgentCapabilityName[] {
  return AGENT_CAPABILITY_NAMES.filter((name) => hasCapability(bits, name));
}

export function serverCapabilityNames(bits: bigint): ServerCapabilityName[] {
  return SERVER_CAPABILITY_NAMES.filter((name) => (bits & SERVER_CAPABILITY[name]) !== 0n);
}

export function agentCapabilityBits(names: readonly AgentCapabilityName[]): bigint {
  return names.reduce((bits, name) => bits | AGENT_CAPABILITY[name], 0n);
}

export function serverCapabilityBits(names: readonly ServerCapabilityName[]): bigint {
  return names.reduce((bits, name) => bits | SERVER_CAPABILITY[name], 0n);
}

export type WhyNot = {
  capability: AgentCapabilityName;
  /** What cannot be done with this agent. */
  consequence: string;
  /** What its operator can change, in the words of the OpenTelemetry Collector and its supervisor. */
  remedy: string;
};

/** One entry for each defined bit the agent does not set. */
export function missingCapabilities(bits: bigint): WhyNot[] {
  return AGENT_CAPABILITY_NAMES.filter((name) => !hasCapability(bits, name)).map(whyNot);
}

export function whyNot(capability: AgentCapabilityName): WhyNot {
  const [consequence, remedy] = whyNots[capability];
  return { capability, consequence, remedy };
}

const supervisor = (key: string) =>
  `Run it under opampsupervisor with \`capabilities: {${key}: true}\` in supervisor.yaml.`;
const extension = (key: string) =>
  `Set \`capabilities: {${key}: true}\` in its opamp extension, or in supervisor.yaml.`;
const unsupported =
  "Neither the Collector's opamp extension nor opampsupervisor can do this; it needs another agent.";

const whyNots: Record<AgentCapabilityName, readonly [consequence: string, remedy: string]> = {
  ReportsStatus: [
    "It does not announce status reports, which every OpAMP agent must.",
    "Upgrade the agent: its OpAMP client does not follow the specification.",
  ],
  AcceptsRemoteConfig: [
    "Its configuration cannot be changed from here; it only reports.",
    supervisor("accepts_remote_config"),
  ],
  ReportsEffectiveConfig: [
    "The configuration it really runs with is not shown, so drift cannot be seen.",
    extension("reports_effective_config"),
  ],
  AcceptsPackages: ["It cannot be upgraded from here.", unsupported],
  ReportsPackageStatuses: ["The versions of its packages are not shown.", unsupported],
  ReportsOwnTraces: ["It cannot be told where to send its own traces.", supervisor("reports_own_traces")],
  ReportsOwnMetrics: ["It cannot be told where to send its own metrics.", supervisor("reports_own_metrics")],
  ReportsOwnLogs: ["It cannot be told where to send its own logs.", supervisor("reports_own_logs")],
  AcceptsOpAMPConnectionSettings: [
    "Its address, credentials and heartbeat interval cannot be changed from here.",
    supervisor("accepts_opamp_connection_settings"),
  ],
  AcceptsOtherConnectionSettings: [
    "It cannot be given credentials for other destinations.",
    supervisor("accepts_other_connection_settings"),
  ],
  AcceptsRestartCommand: ["It cannot be restarted from here.", extension("accepts_restart_command")],
  ReportsHealth: ["Its health is unknown as long as it is connected.", extension("reports_health")],
  ReportsRemoteConfig: [
    "Whether it applied an offered configuration is unknown.",
    supervisor("reports_remote_config"),
  ],
  ReportsHeartbeat: [
    "Over a WebSocket, its silence is not noticed before the socket closes.",
    extension("reports_heartbeat"),
  ],
  ReportsAvailableComponents: [
    "A configuration cannot be checked against the components it has before it is sent.",
    extension("reports_available_components"),
  ],
  ReportsConnectionSettingsStatus: [
    "Whether it accepted new connection settings shows only when it reconnects.",
    unsupported,
  ],
};
