import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Id, ListQuery, Name, page, Timestamp } from "./common.ts";
import { TOKEN_LIFETIME_SECONDS_MAX } from "./enrolment.ts";

// The gateway API: agents that are a script and an HTTP client. Field names are those of the older gateway documents,
// whose clients work here unchanged; what they name is ours: a gateway is an agent, a registration token an enrolment
// token, an OpAMP token a bearer.

const tag = "Gateways";
const DAY_SECONDS = 86_400;
const DAYS_MAX = TOKEN_LIFETIME_SECONDS_MAX / DAY_SECONDS;
export const GATEWAY_METADATA_BYTES_MAX = 16_384;
const TEXT_MAX = 255;

/** What a gateway calls itself. It stands in paths and logs, so its letters are few. */
export const InstanceId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
    "an instance_id has up to 100 letters, digits, dots, _ and -, and begins with a letter or digit",
  );

export const GatewayMetadata = z
  .looseObject({
    version: z.string().max(TEXT_MAX).optional(),
    otel_version: z.string().max(TEXT_MAX).optional(),
    capabilities: z.array(z.string().max(64)).max(64).optional(),
  })
  .refine(
    (metadata) => JSON.stringify(metadata).length <= GATEWAY_METADATA_BYTES_MAX,
    `at most ${GATEWAY_METADATA_BYTES_MAX} bytes as JSON`,
  );
export type GatewayMetadata = z.output<typeof GatewayMetadata>;

const Count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** What a gateway counts since it started; each only where it told it. */
export const GatewayCounts = z
  .object({
    logs_processed: Count,
    errors: Count,
    latency_ms: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
  })
  .partial();
export type GatewayCounts = z.output<typeof GatewayCounts>;

/** Of what a gateway says of its health; the rest is cut off. */
export const GATEWAY_STATUS_CHARS_MAX = 1_000;

export const RegistrationToken = z.object({
  id: Id,
  org_id: Id,
  name: z.string(),
  token: z.string().describe("shown this once"),
  expires_at: Timestamp,
  is_active: z.boolean(),
  created_by: z.string(),
  created_at: Timestamp,
});

/** `registered`: not heard from yet. `inactive`: it left or was revoked. `error`: it says that it is not well. */
export const GATEWAY_STATUSES = ["registered", "active", "inactive", "error"] as const;
const GatewayStatus = z.enum(GATEWAY_STATUSES);

export const GatewayHealth = z.object({
  status: z.enum(["healthy", "warning", "unhealthy", "offline"]),
  last_seen: Timestamp.nullable(),
  seconds_since_last_seen: z.number().int().nullable(),
  uptime_seconds: z.number().int().nullable().describe("since it was first heard without a gap"),
  health_score: z.number().int().describe("100 healthy, 50 warning, 20 unhealthy, 0 offline"),
});

export const GatewayVersion = z.object({
  agent_version: z.string().nullable(),
  otel_version: z.string().nullable(),
  capabilities: z.array(z.string()),
});

export const GatewayConfig = z.object({
  config_yaml: z.string(),
  config_version: z
    .number()
    .int()
    .describe("version of the assigned configuration; 0: the base configuration"),
  config_hash: z
    .string()
    .nullable()
    .describe("names the content; say it in heartbeats once it runs. null: nothing is assigned"),
  deployment_id: Id.nullable().describe("the rollout that brought it"),
  last_updated: Timestamp.nullable(),
});
export type GatewayConfig = z.output<typeof GatewayConfig>;

export const GatewayMetrics = z.object({
  logs_processed: Count.nullable(),
  errors: Count.nullable(),
  latency_ms: z.number().nullable(),
  last_updated: Timestamp.nullable(),
});

export const GatewayDetail = z.object({
  gateway_id: Id,
  instance_id: z.string().nullable(),
  name: z.string(),
  status: GatewayStatus,
  health: GatewayHealth,
  version: GatewayVersion,
  config: GatewayConfig.nullable().describe("null: what is assigned is held; …/config says why"),
  metrics: GatewayMetrics,
});

export const Gateway = z.object({
  id: Id,
  name: z.string(),
  instance_id: z.string().nullable(),
  org_id: Id,
  status: GatewayStatus,
  hostname: z.string().nullable(),
  ip_address: z.string().nullable(),
  last_seen: Timestamp.nullable(),
  health_status: GatewayHealth.shape.status,
  health_score: GatewayHealth.shape.health_score,
  current_config_version: z.number().int().nullable().describe("the version it last said to run"),
  metadata: z.record(z.string(), z.unknown()),
  created_at: Timestamp,
});
export type Gateway = z.output<typeof Gateway>;

const OrganizationQuery = z.object({
  org_id: Id.optional().describe("must be the credential's own organization, which is the default"),
});
const GatewayParams = z.object({ gateway_id: Id });
const InstanceParams = z.object({ instance_id: InstanceId });

const read = {
  method: "GET",
  tag,
  access: "agent:read",
  params: GatewayParams,
  query: OrganizationQuery,
} as const;

export const gatewayApi = {
  registrationTokenCreate: endpoint({
    method: "POST",
    path: "/registration-tokens",
    tag,
    summary: "Create a registration token: an enrolment token good for one gateway, shown this once",
    access: "token:write",
    query: OrganizationQuery,
    body: z.object({
      name: Name.default("gateway"),
      expires_in_days: z.number().int().min(1).max(DAYS_MAX).default(30),
    }),
    response: RegistrationToken,
    status: 201,
    idempotent: true,
  }),
  gatewayRegister: endpoint({
    method: "POST",
    path: "/gateways",
    tag,
    summary: "Register a gateway by a registration token; answers its OpAMP token, this once",
    access: "agent",
    body: z.object({
      name: Name,
      instance_id: InstanceId,
      hostname: z.string().max(TEXT_MAX).nullish(),
      ip_address: z.string().max(64).nullish(),
      metadata: GatewayMetadata.default({}),
    }),
    response: z.object({
      id: Id,
      name: z.string(),
      instance_id: z.string(),
      org_id: Id,
      status: GatewayStatus,
      opamp_token: z.string(),
      opamp_endpoint: z.string(),
      created_at: Timestamp,
    }),
    status: 201,
    idempotent: true,
  }),
  gatewayHeartbeat: endpoint({
    method: "POST",
    path: "/opamp/heartbeat/{instance_id}",
    tag,
    summary: "Say that a gateway is alive and, if it likes, what it has done",
    access: "agent",
    params: InstanceParams,
    body: z
      .object({
        metadata: GatewayMetadata.optional().describe("replaces what was said before"),
        metrics: GatewayCounts.optional(),
        config_version: z
          .number()
          .int()
          .min(0)
          .max(2_147_483_647)
          .optional()
          .describe(
            "the version it runs; counts as applied when it fetched that one and said another before",
          ),
        config_hash: z
          .string()
          .max(128)
          .optional()
          .describe("the config_hash of what it runs; beats the version"),
        status: z
          .enum(["active", "error"])
          .optional()
          .describe(
            "whether it is well with what it runs; what was said last counts until it says otherwise",
          ),
        status_message: z
          .string()
          .max(8 * GATEWAY_STATUS_CHARS_MAX)
          .optional()
          .describe(
            `why, beside a status; the first ${GATEWAY_STATUS_CHARS_MAX} characters are kept and shown`,
          ),
      })
      .default({}),
    response: z.object({ status: z.literal("ok"), gateway_id: Id }),
  }),
  gatewayOwnConfig: endpoint({
    method: "GET",
    path: "/opamp/config/{instance_id}",
    tag,
    summary:
      "The configuration a gateway shall run: JSON, or with `Accept: application/yaml` its text alone; ETag and If-None-Match",
    access: "agent",
    params: InstanceParams,
    response: GatewayConfig,
  }),
  gatewayList: endpoint({
    method: "GET",
    path: "/gateways",
    tag,
    summary: "List gateways, newest first",
    access: "agent:read",
    query: ListQuery.extend(OrganizationQuery.shape),
    response: page(Gateway),
  }),
  gatewayStatus: endpoint({
    ...read,
    path: "/gateways/{gateway_id}/status",
    summary: "Health, version, configuration and metrics of a gateway in one answer",
    response: GatewayDetail,
  }),
  gatewayHealth: endpoint({
    ...read,
    path: "/gateways/{gateway_id}/health",
    summary: "How long ago a gateway was heard, and its score",
    response: GatewayHealth,
  }),
  gatewayVersion: endpoint({
    ...read,
    path: "/gateways/{gateway_id}/version",
    summary: "What a gateway said of its program",
    response: GatewayVersion,
  }),
  gatewayConfig: endpoint({
    ...read,
    path: "/gateways/{gateway_id}/config",
    summary: "The configuration a gateway shall run, secrets left as references",
    response: GatewayConfig,
  }),
  gatewayMetrics: endpoint({
    ...read,
    path: "/gateways/{gateway_id}/metrics",
    summary: "What a gateway last counted",
    response: GatewayMetrics,
  }),
} as const;
