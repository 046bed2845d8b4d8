import { CONFIG_BYTES_MAX } from "./limits.ts";

export type ProfileName =
  | "opampsupervisor"
  | "opamp_extension"
  | "bindplane"
  | "operator_bridge"
  | "sdk"
  | "site_agent"
  | "rest_gateway";

/** What is known of an agent that speaks OpAMP, in the terms of its reports. */
export interface Client {
  readonly kind: "site" | "collector" | "gateway";
  /** Names of the OpAMP capabilities that it has. */
  readonly capabilities: ReadonlySet<string>;
  /** Identifying and other attributes. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly customCapabilities: readonly string[];
  /** Names of the entries of its effective configuration. */
  readonly effectiveNames: readonly string[];
}

/** What a kind of client takes as a configuration, and what keeps it from taking one. */
export interface Profile {
  readonly name: ProfileName;
  /** For people. */
  readonly title: string;
  readonly configurable: boolean;
  /** Why it is not configurable, and what to change; null when it is. */
  readonly whyNot: string | null;
  /** The one entry that it reads a Collector's configuration from. */
  readonly entryName: string;
  /** Of one entry, as it is sent. */
  readonly bodyBytesMax: number;
  /** What else it does not do, with the lines that would change it. */
  readonly notes: readonly string[];
}

/** Lines that make a Collector configurable: it cannot be by its opamp extension alone. */
export const SUPERVISOR_YAML = `server:
  endpoint: wss://HOST:4320/v1/opamp
  headers: {Authorization: "Bearer \${env:OPAMP_TOKEN}"}
capabilities:
  accepts_remote_config: true
  reports_remote_config: true
  reports_effective_config: true
  reports_available_components: true
agent: {executable: /path/to/otelcol}
storage: {directory: /var/lib/otelcol/supervisor}`;

/** Bindplane's distribution reads this name and skips every other. */
const BINDPLANE_ENTRY = "collector.yaml";
const ENTRY = "config.yaml";
/** Bits that a supervisor has and the opamp extension by itself has not. */
const SUPERVISOR_BITS = [
  "ReportsOwnMetrics",
  "ReportsOwnLogs",
  "ReportsOwnTraces",
  "ReportsRemoteConfig",
  "AcceptsOpAMPConnectionSettings",
];
/** A label is no part of it: entries of the operator's bridge are named by whoever wrote its own configuration. */
const BRIDGE = "io.opentelemetry.operator-opamp-bridge";

/** Which client this is, by what it says of itself, and what that client can take. Sources: the clients' own code. */
export function profileOf(client: Client): Profile {
  const shared = { bodyBytesMax: CONFIG_BYTES_MAX, entryName: ENTRY };
  const no = (name: ProfileName, title: string, whyNot: string): Profile => ({
    ...shared,
    name,
    title,
    configurable: false,
    whyNot,
    notes: [],
  });
  if (client.kind === "site")
    return no(
      "site_agent",
      "Flowplane site agent",
      "A site agent runs jobs; it is no Collector and has no pipelines.",
    );
  if (client.kind === "gateway")
    return {
      ...shared,
      name: "rest_gateway",
      title: "REST gateway",
      configurable: true,
      whyNot: null,
      notes: [
        "It fetches its configuration by itself, and has applied it when a heartbeat says so, with the config_hash or config_version it was told.",
      ],
    };
  const name = client.attributes["service.name"];
  const service = typeof name === "string" ? name : "";
  if ("telemetry.sdk.language" in client.attributes || "telemetry.distro.name" in client.attributes)
    return no(
      "sdk",
      "SDK in a program",
      "It is an SDK within a program and takes settings of that SDK; a Collector's configuration means nothing to it.",
    );
  const accepts = client.capabilities.has("AcceptsRemoteConfig");
  const notes = notesOf(client);
  if (/^com\.(?:bindplane|observiq)\./.test(service) || client.customCapabilities.some(isBindplane))
    return accepts
      ? {
          ...shared,
          name: "bindplane",
          title: "Bindplane distribution",
          configurable: true,
          whyNot: null,
          entryName: BINDPLANE_ENTRY,
          notes,
        }
      : no(
          "bindplane",
          "Bindplane distribution",
          "It does not accept a remote configuration. Start it with its manager.yaml, which turns that on.",
        );
  if (service === BRIDGE) {
    const [only, ...others] = client.effectiveNames;
    if (!accepts)
      return no(
        "operator_bridge",
        "OpAMP bridge of the OpenTelemetry operator",
        "The bridge does not accept a remote configuration. Set `capabilities: {AcceptsRemoteConfig: true}` in its configuration.",
      );
    if (only === undefined || others.length > 0)
      return no(
        "operator_bridge",
        "OpAMP bridge of the OpenTelemetry operator",
        only === undefined
          ? "The bridge has not said which Collectors it manages, so there is no name to send a configuration under."
          : `The bridge manages ${client.effectiveNames.length} Collectors, and one configuration would go to one of them. Run a bridge for each.`,
      );
    return {
      ...shared,
      name: "operator_bridge",
      title: "OpAMP bridge of the OpenTelemetry operator",
      configurable: true,
      whyNot: null,
      entryName: only,
      notes,
    };
  }
  if (accepts)
    return {
      ...shared,
      name: "opampsupervisor",
      title: "Collector under opampsupervisor",
      configurable: true,
      whyNot: null,
      notes,
    };
  if (SUPERVISOR_BITS.some((bit) => client.capabilities.has(bit)))
    return no(
      "opampsupervisor",
      "Collector under opampsupervisor",
      "Its supervisor does not accept a remote configuration. Add to supervisor.yaml and restart it:\ncapabilities:\n  accepts_remote_config: true\n  reports_remote_config: true",
    );
  return no(
    "opamp_extension",
    "Collector with the opamp extension",
    `The opamp extension only reports; it cannot change the configuration of its Collector. Run the Collector under opampsupervisor, with this supervisor.yaml:\n${SUPERVISOR_YAML}`,
  );
}

function isBindplane(capability: string): boolean {
  return capability.startsWith("com.bindplane.");
}

function notesOf({ capabilities }: Client): string[] {
  const line = (key: string) => `Add \`capabilities: {${key}: true}\` to supervisor.yaml.`;
  return [
    ...(capabilities.has("ReportsRemoteConfig")
      ? []
      : [`It does not say what became of a configuration. ${line("reports_remote_config")}`]),
    ...(capabilities.has("ReportsEffectiveConfig")
      ? []
      : [`It does not say what it runs, so drift cannot be seen. ${line("reports_effective_config")}`]),
    ...(capabilities.has("ReportsAvailableComponents")
      ? []
      : [
          `It does not say what it is built with, so a missing component shows only when it fails. ${line("reports_available_components")}`,
        ]),
  ];
}
