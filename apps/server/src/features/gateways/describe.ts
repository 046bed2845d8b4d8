import { AGENT_CAPABILITY_NAMES, agentCapabilityBits } from "@flowplane/opamp";
import type { GatewayCounts, GatewayMetadata } from "@flowplane/contract";
import { GatewayCounts as GatewayCountsSchema } from "@flowplane/contract";
import type { ReportColumns } from "../fleet/status.ts";

// What a gateway says of itself, in the words every other agent is shown by.

export interface Described {
  readonly name: string;
  readonly instanceId: string;
  readonly hostname: string | null;
  readonly ipAddress: string | null;
  readonly metadata: GatewayMetadata;
}

/** What has a place of its own: bits of the agent, and counts. */
const NO_ATTRIBUTES = new Set(["capabilities", ...Object.keys(GatewayCountsSchema.shape)]);

/** What the metadata says beside what has a field of its own. */
export function attributesOf({ name, instanceId, hostname, ipAddress, metadata }: Described): ReportColumns {
  const { version, ...said } = metadata;
  const rest = Object.fromEntries(Object.entries(said).filter(([name]) => !NO_ATTRIBUTES.has(name)));
  return {
    identifying_attributes: {
      "service.name": name,
      "service.instance.id": instanceId,
      ...(version === undefined ? {} : { "service.version": version }),
    },
    non_identifying_attributes: {
      ...(hostname === null ? {} : { "host.name": hostname }),
      ...(ipAddress === null ? {} : { "host.ip": ipAddress }),
      ...rest,
    },
  };
}

/** The bits of the capabilities it names; names that nobody defines are left out. It reports that it lives, at least. */
export function capabilityBits(metadata: GatewayMetadata): number {
  const named = new Set(metadata.capabilities ?? []);
  return Number(
    agentCapabilityBits(AGENT_CAPABILITY_NAMES.filter((name) => name === "ReportsStatus" || named.has(name))),
  );
}

/** Counts stand in a field of their own, or in the metadata as older clients send them; null where nothing was counted. */
export function countsOf(
  metadata: GatewayMetadata | undefined,
  metrics: GatewayCounts | undefined,
): GatewayCounts | null {
  const { logs_processed, errors, latency_ms } = metadata ?? {};
  const loose = Object.entries({ logs_processed, errors, latency_ms }).filter(
    ([name, value]) =>
      value !== undefined && GatewayCountsSchema.safeParse({ [name]: value }).success === true,
  );
  const counts = { ...(Object.fromEntries(loose) as GatewayCounts), ...metrics };
  return Object.keys(counts).length === 0 ? null : counts;
}
