// What the agent says of itself over OpAMP.

import { arch, hostname, release, type as osType, version as osVersion } from "node:os";
import { create } from "@bufbuild/protobuf";
import {
  agentCapabilityBits,
  AgentDescriptionSchema,
  attributesFromJson,
  ComponentHealthSchema,
  EffectiveConfigSchema,
} from "@flowplane/opamp";
import type { AgentDescription, ComponentHealth, EffectiveConfig } from "@flowplane/opamp";
import type { Condition } from "@flowplane/runtime";
import { AGENT_VERSION } from "../version.ts";

/** What this agent really does; a bit is added together with the code behind it. */
export const CAPABILITIES = agentCapabilityBits([
  "ReportsStatus",
  "ReportsHealth",
  "ReportsEffectiveConfig",
  "ReportsHeartbeat",
  // The certificate alone: see renewal.ts. Other settings in an offer are left as they are.
  "AcceptsOpAMPConnectionSettings",
]);

/** OpenTelemetry's names for processors, where Node has others. */
const HOST_ARCH: Record<string, string> = { x64: "amd64", ia32: "x86", arm: "arm32" };

export function describeAgent(instanceUid: string): AgentDescription {
  return create(AgentDescriptionSchema, {
    identifyingAttributes: attributesFromJson({
      "service.name": "flowplane-agent",
      "service.instance.id": instanceUid,
      "service.version": AGENT_VERSION,
    }),
    nonIdentifyingAttributes: attributesFromJson({
      "os.type": osType().toLowerCase(),
      "os.description": `${osType()} ${release()} ${osVersion()}`,
      "host.name": hostname(),
      "host.arch": HOST_ARCH[arch()] ?? arch(),
      "process.pid": process.pid,
      "process.runtime.name": "nodejs",
      "process.runtime.version": process.versions.node,
    }),
  });
}

/** The health tree: one component per condition, and the agent as well as its worst one. */
export function describeHealth(
  conditions: readonly Condition[],
  startedAt: number,
  now: number,
): ComponentHealth {
  const nanoseconds = (ms: number) => BigInt(Math.floor(ms)) * 1_000_000n;
  const bad = conditions.filter((condition) => !condition.healthy);
  return create(ComponentHealthSchema, {
    healthy: bad.length === 0,
    startTimeUnixNano: nanoseconds(startedAt),
    statusTimeUnixNano: nanoseconds(Math.max(startedAt, ...conditions.map((condition) => condition.since))),
    status: bad.length === 0 ? "ok" : "degraded",
    lastError: bad.map((condition) => `${condition.name}: ${condition.status}`).join("; "),
    componentHealthMap: Object.fromEntries(
      conditions.map(({ name, healthy, status, since }) => [
        name,
        {
          healthy,
          startTimeUnixNano: nanoseconds(startedAt),
          statusTimeUnixNano: nanoseconds(Math.min(since, now)),
          status: healthy ? status : "degraded",
          lastError: healthy ? "" : status,
        },
      ]),
    ),
  });
}

/** The policy the agent works by, as JSON; it is read from the agent's options and its own constants. */
export function describePolicy(policy: Record<string, unknown>): EffectiveConfig {
  const body = new TextEncoder().encode(JSON.stringify(policy, null, 2));
  return create(EffectiveConfigSchema, {
    configMap: { configMap: { "policy.json": { body, contentType: "application/json" } } },
  });
}
