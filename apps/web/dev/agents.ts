import type { AgentDetail, AgentState, Health } from "@flowplane/contract";
import { idAt, iso, pick, seeded } from "./random.ts";

const SITES = [
  { id: "site-berlin", name: "Berlin" },
  { id: "site-lyon", name: "Lyon" },
  { id: "site-oslo", name: "Oslo" },
] as const;
export { SITES };

const SYSTEMS = ["Debian 13", "Ubuntu 26.04", "Alpine 3.24", "Windows Server 2025", "macOS 27"] as const;
const ROLES = ["web", "db", "build", "edge", "etl", "cache"] as const;
const HOUR = 3_600_000;

/** A fleet of any size; the first few are chosen so that each state has one. */
export function makeAgents(count: number, now: number): AgentDetail[] {
  const random = seeded(7);
  return Array.from({ length: count }, (_, index) => makeAgent(index, now, random));
}

export function makeAgent(index: number, now: number, random: () => number): AgentDetail {
  const kind = index % 5 === 1 ? "collector" : index % 37 === 5 ? "gateway" : "site";
  const state = stateOf(index, random);
  const role = pick(random, ROLES);
  const site = pick(random, SITES);
  const hostname = `${role}-${String(index + 1).padStart(index > 98 ? 5 : 2, "0")}.${site.name.toLowerCase()}.example`;
  const createdAt = now - (index + 1) * 7_000_000 * (0.5 + random());
  const isThere = state === "connected" || state === "stale";
  const seen = isThere ? now - random() * (state === "stale" ? 200_000 : 25_000) : now - random() * 90 * HOUR;
  const healthy = state === "connected" ? index !== 1 && random() > 0.02 : null;
  const came = state !== "expected";
  const version =
    kind === "collector"
      ? pick(random, ["0.158.0", "0.159.0", "0.161.1"])
      : pick(random, ["0.1.0", "0.1.0", "0.0.9"]);
  const hasCertificate = kind === "site" && came && state !== "pending";
  const os = pick(random, SYSTEMS);
  const agent: AgentDetail = {
    id: idAt(createdAt, index),
    site_id: site.id,
    kind,
    name: kind === "collector" ? `otel-${hostname.split(".")[0] ?? ""}` : (hostname.split(".")[0] ?? ""),
    instance_uid: came ? idAt(createdAt + 5, index + 1_000_000) : null,
    state,
    state_since: iso(seen - HOUR),
    waiting:
      state === "pending"
        ? { for: "somebody to approve it", since: iso(seen - HOUR / 4), deadline: null }
        : null,
    healthy,
    health_status: healthy === null ? null : healthy ? "StatusOK" : "StatusRecoverableError",
    version: came ? version : null,
    os: came ? os : null,
    hostname: came ? hostname : null,
    labels: {
      env: pick(random, ["prod", "prod", "staging"]),
      role,
      ...(index % 3 === 0 ? { rack: `r${index % 12}` } : {}),
    },
    transport: came ? (index % 11 === 1 ? "http" : "websocket") : null,
    last_seen_at: came ? iso(seen) : null,
    certificate_expires_at: hasCertificate ? iso(now + (index === 4 ? 1.5 : 7 + random() * 16) * HOUR) : null,
    created_at: iso(createdAt),
    sentence: "",
    connection_change: state === "connected" && kind === "collector" ? changeAt(index, seen) : null,
    identifying_attributes: came
      ? {
          "service.name": kind === "collector" ? "otelcol-contrib" : "flowplane-agent",
          "service.version": version,
        }
      : {},
    non_identifying_attributes: came
      ? { "os.description": os, "host.name": hostname, "host.arch": "amd64" }
      : {},
    health: healthy === null ? null : makeHealth(kind, healthy, now),
    capabilities: makeCapabilities(kind),
    custom_capabilities: kind === "site" && came ? ["com.flowplane.link/1"] : [],
    effective_config:
      came && kind !== "gateway"
        ? [{ name: "", content_type: "text/yaml", body: kind === "collector" ? COLLECTOR_YAML : POLICY_YAML }]
        : [],
    effective_config_at: came ? iso(seen - HOUR) : null,
    remote_config_status: null,
    certificates: hasCertificate ? makeCertificates(index, now, state === "revoked") : [],
    credential: came ? (hasCertificate ? "certificate" : kind === "collector" ? "token" : "bearer") : null,
    remote_address: came ? `10.${index % 200}.4.${(index * 7) % 250}` : null,
    connected_at: isThere ? iso(seen - 5 * HOUR) : null,
    enrolment_token_id: came ? "tok-0" : null,
    revoked_reason: state === "revoked" ? "The machine was sold." : null,
  };
  return { ...agent, sentence: sentenceOf(agent) };
}

/** Some collectors are between two connections. */
function changeAt(index: number, seen: number): AgentDetail["connection_change"] {
  if (index % 25 === 1)
    return {
      state: "kept_old",
      since: iso(seen - HOUR),
      sentence: "It kept its old connection: x509: certificate signed by unknown authority.",
    };
  if (index % 25 !== 11) return null;
  return {
    state: "reconnecting",
    since: iso(seen - HOUR / 60),
    sentence:
      "New connection settings wait since 1 min for the agent to come with them; the old credential stays valid. It has another 59 min.",
  };
}

function stateOf(index: number, random: () => number): AgentState {
  const fixed = [
    "connected",
    "connected",
    "pending",
    "offline",
    "connected",
    "connected",
    "expected",
    "revoked",
    "stale",
  ] as const;
  if (index < fixed.length) return fixed[index] ?? "connected";
  const roll = random();
  return roll < 0.93
    ? "connected"
    : roll < 0.945
      ? "stale"
      : roll < 0.985
        ? "offline"
        : roll < 0.99
          ? "revoked"
          : roll < 0.996
            ? "expected"
            : "pending";
}

export function sentenceOf(agent: AgentDetail): string {
  switch (agent.state) {
    case "connected":
      return agent.healthy === false
        ? "Connected, but one of its components is unhealthy"
        : "Healthy and connected";
    case "stale":
      return "Connected, but quiet for longer than it should be";
    case "offline":
      return "Offline: its connection ended without a goodbye";
    case "pending":
      return "It showed a valid token that wants a person's approval";
    case "expected":
      return "A credential for it exists; nobody has come with it yet";
    case "revoked":
      return "Revoked: it is refused until it enrols anew";
  }
}

function makeHealth(kind: string, healthy: boolean, now: number): Health {
  const leaf = (ok: boolean, status: string, error = ""): Health => ({
    healthy: ok,
    status,
    last_error: error,
    start_time: iso(now - 5 * HOUR),
    status_time: iso(now - 60_000),
    components: {},
  });
  if (kind !== "collector") {
    return {
      ...leaf(healthy, healthy ? "running" : "degraded"),
      components: {
        link: leaf(true, "connected"),
        spool: leaf(
          healthy,
          healthy ? "12 MB of 500 MB" : "full",
          healthy ? "" : "No space left for new output: 498 MB of 500 MB used.",
        ),
        supervisor: leaf(true, "3 runs"),
      },
    };
  }
  return {
    ...leaf(healthy, healthy ? "StatusOK" : "StatusRecoverableError"),
    components: {
      "pipeline:logs": {
        ...leaf(healthy, healthy ? "StatusOK" : "StatusRecoverableError"),
        components: {
          "receiver:otlp": leaf(true, "StatusOK"),
          "processor:batch": leaf(true, "StatusOK"),
          "exporter:otlphttp/backend": leaf(
            healthy,
            healthy ? "StatusOK" : "StatusRecoverableError",
            healthy ? "" : "rpc error: connection refused (10.0.0.12:4318), 14 retries",
          ),
        },
      },
      "pipeline:metrics": {
        ...leaf(true, "StatusOK"),
        components: {
          "receiver:hostmetrics": leaf(true, "StatusOK"),
          "exporter:otlphttp/backend": leaf(true, "StatusOK"),
        },
      },
      extensions: { ...leaf(true, "StatusOK"), components: { "extension:opamp": leaf(true, "StatusOK") } },
    },
  };
}

function makeCapabilities(kind: string): AgentDetail["capabilities"] {
  const has = (name: string, present: boolean, whyNot: string) => ({
    name,
    present,
    why_not: present ? null : whyNot,
  });
  return [
    has("ReportsStatus", true, ""),
    has("ReportsEffectiveConfig", kind !== "gateway", "it has no configuration of its own"),
    has("ReportsHealth", kind !== "gateway", "set capabilities.reports_health in its opamp extension"),
    has(
      "AcceptsRemoteConfig",
      kind === "site",
      "the opamp extension alone cannot; run the collector under the OpAMP supervisor",
    ),
    has(
      "AcceptsRestartCommand",
      kind === "site",
      "the opamp extension alone cannot restart its collector; run it under the OpAMP supervisor",
    ),
    has("AcceptsPackages", false, "it does not update itself; use your package manager"),
    has("ReportsHeartbeat", true, ""),
  ];
}

function makeCertificates(index: number, now: number, revoked: boolean): AgentDetail["certificates"] {
  return Array.from({ length: 4 }, (_, back) => {
    const from = now - (back * 16 + 6) * HOUR;
    return {
      serial: `${(index * 7919 + back).toString(16).padStart(16, "0")}ab34`,
      fingerprint: (index * 104_729 + back).toString(16).padStart(12, "0").repeat(5).slice(0, 64),
      not_before: iso(from),
      not_after: iso(from + 24 * HOUR),
      revoked_at: revoked && back === 0 ? iso(now - HOUR) : null,
      revoked_reason: revoked && back === 0 ? "The machine was sold." : null,
    };
  });
}

const COLLECTOR_YAML = `receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4317
  hostmetrics:
    collection_interval: 30s
    scrapers: { cpu: {}, memory: {}, disk: {} }
processors:
  # Small batches: the backend answers 413 above 4 MB.
  batch:
    send_batch_size: 2048
exporters:
  otlphttp/backend:
    endpoint: https://telemetry.example:4318
    headers:
      authorization: "[redacted]"
service:
  extensions: [opamp]
  pipelines:
    logs: { receivers: [otlp], processors: [batch], exporters: [otlphttp/backend] }
    metrics: { receivers: [otlp, hostmetrics], processors: [batch], exporters: [otlphttp/backend] }
`;
const POLICY_YAML = `runs:
  concurrent_max: 64
  allow: ["*"]
  environment: [PATH, HOME, LANG]
spool:
  bytes_max: 500000000
heartbeat_seconds: 30
`;
