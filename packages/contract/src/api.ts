import { agentApi } from "./agents.ts";
import { auditApi } from "./audit.ts";
import { enrolmentApi } from "./enrolment.ts";
import { identityApi } from "./identity.ts";
import { overviewApi } from "./overview.ts";
import { runApi } from "./runs.ts";

/** Every endpoint below `/api/v1` (and `/v1`, its alias). */
export const api = {
  ...overviewApi,
  ...agentApi,
  ...enrolmentApi,
  ...runApi,
  ...identityApi,
  ...auditApi,
} as const;

export type Api = typeof api;
export const API_PREFIX = "/api/v1";
