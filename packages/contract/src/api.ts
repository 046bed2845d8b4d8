import { agentViewApi } from "./agent-views.ts";
import { agentApi } from "./agents.ts";
import { auditApi } from "./audit.ts";
import { configurationDraftApi } from "./configuration-drafts.ts";
import { connectionApi } from "./connections.ts";
import { configurationApi } from "./configurations.ts";
import { deliveryApi } from "./delivery.ts";
import { enrolmentApi } from "./enrolment.ts";
import { gatewayApi } from "./gateways.ts";
import { identityApi } from "./identity.ts";
import { incidentApi } from "./incidents.ts";
import { jobApi } from "./jobs.ts";
import { overviewApi } from "./overview.ts";
import { packageApi } from "./packages.ts";
import { policyApi } from "./policies.ts";
import { rolloutApi } from "./rollouts.ts";
import { runApi } from "./runs.ts";
import { secretApi } from "./secrets.ts";
import { variableApi } from "./variables.ts";
import { telemetryApi } from "./telemetry.ts";

/** Every endpoint below `/api/v1` (and `/v1`, its alias). */
export const api = {
  ...overviewApi,
  ...agentApi,
  ...agentViewApi,
  ...connectionApi,
  ...packageApi,
  ...enrolmentApi,
  ...gatewayApi,
  ...jobApi,
  ...runApi,
  ...incidentApi,
  ...policyApi,
  ...configurationApi,
  ...configurationDraftApi,
  ...rolloutApi,
  ...telemetryApi,
  ...deliveryApi,
  ...variableApi,
  ...secretApi,
  ...identityApi,
  ...auditApi,
} as const;

export type Api = typeof api;
