import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp } from "./common.ts";
import { Category, PolicyDocument } from "./policy-document.ts";

const tag = "Policies";

export const PolicyVersion = z.object({
  policy_id: Id,
  version: z.number().int(),
  document: PolicyDocument,
  hash: z.string(),
  message: z.string(),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type PolicyVersion = z.output<typeof PolicyVersion>;

export const Policy = z.object({
  id: Id,
  name: z.string(),
  description: z.string(),
  current_version: z.number().int(),
  current: PolicyDocument,
  is_default: z.boolean().describe("used by runs and jobs that name no other"),
  runs_30d: z.number().int(),
  incidents_30d: z.number().int(),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Policy = z.output<typeof Policy>;

/** What one policy would have done to one past run. */
export const ComparedRun = z.object({
  run_id: Id,
  run_name: z.string(),
  state: z.string(),
  ended_at: Timestamp.nullable(),
  category: Category.nullable(),
  /** What each policy would have done first, beyond telling; null: nothing. */
  base_action: z.string().nullable(),
  base_at: Timestamp.nullable(),
  candidate_action: z.string().nullable(),
  candidate_at: Timestamp.nullable(),
  /** Run time that would have been spared, in ms; null when it would not have been stopped, or has no end. */
  saved_ms: z.number().int().nullable(),
  /** It ended well, or somebody said that the incident was wrong: stopping it would have cost this much work, in ms. */
  cost_ms: z.number().int().nullable(),
  verdict: z.enum([
    "same",
    "stopped_earlier",
    "stopped_later",
    "newly_stopped",
    "no_longer_stopped",
    "not_replayable",
  ]),
  detail: z.string().nullable(),
});
export type ComparedRun = z.output<typeof ComparedRun>;

export const PolicyComparison = z.object({
  id: Id,
  policy_id: Id,
  state: z.enum(["waiting", "running", "done", "failed"]),
  progress: z.object({ done: z.number().int(), total: z.number().int() }),
  base: z.object({ policy_id: Id.nullable(), version: z.number().int().nullable(), label: z.string() }),
  candidate: z.object({ policy_id: Id.nullable(), version: z.number().int().nullable(), label: z.string() }),
  since: Timestamp,
  summary: z
    .object({
      runs: z.number().int(),
      not_replayable: z.number().int(),
      base_stops: z.number().int(),
      candidate_stops: z.number().int(),
      wrong_base: z.number().int(),
      wrong_candidate: z.number().int(),
      saved_ms: z.number().int(),
      cost_ms: z.number().int(),
      sentence: z.string(),
    })
    .nullable(),
  runs: z.array(ComparedRun),
  error: z.string().nullable(),
  created_by: ActorRef,
  created_at: Timestamp,
});
export type PolicyComparison = z.output<typeof PolicyComparison>;

/** What feedback asks for: a change of the policy, ready to be saved as a version. */
export const PolicySuggestion = z.object({
  policy_id: Id,
  title: z.string(),
  why: z.string(),
  document: PolicyDocument,
  incident_ids: z.array(Id),
});
export type PolicySuggestion = z.output<typeof PolicySuggestion>;

const PolicyParams = z.object({ policy_id: Id });

export const COMPARED_RUNS_MAX = 500;

export const policyApi = {
  policyList: endpoint({
    method: "GET",
    path: "/policies",
    tag,
    summary: "List detection policies",
    access: "run:read",
    query: ListQuery,
    response: page(Policy),
  }),
  policyCreate: endpoint({
    method: "POST",
    path: "/policies",
    tag,
    summary: "Create a detection policy with its first version",
    access: "policy:write",
    body: z.object({ name: Name, description: z.string().max(2_000).default(""), document: PolicyDocument }),
    response: Policy,
    status: 201,
    idempotent: true,
  }),
  policyRead: endpoint({
    method: "GET",
    path: "/policies/{policy_id}",
    tag,
    summary: "Read one policy",
    access: "run:read",
    params: PolicyParams,
    response: Policy,
  }),
  policyChange: endpoint({
    method: "PATCH",
    path: "/policies/{policy_id}",
    tag,
    summary: "Rename a policy, or make it the default",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({
      name: Name.optional(),
      description: z.string().max(2_000).optional(),
      is_default: z.literal(true).optional(),
    }),
    response: Policy,
  }),
  policyArchive: endpoint({
    method: "DELETE",
    path: "/policies/{policy_id}",
    tag,
    summary: "Archive a policy that no job uses",
    access: "policy:write",
    params: PolicyParams,
    status: 204,
  }),
  policyVersionList: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/versions",
    tag,
    summary: "Versions of a policy, newest first",
    access: "run:read",
    params: PolicyParams,
    query: ListQuery,
    response: page(PolicyVersion),
  }),
  policyVersionCreate: endpoint({
    method: "POST",
    path: "/policies/{policy_id}/versions",
    tag,
    summary: "Save a new version; jobs without a fixed version use it from their next run on",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({ document: PolicyDocument, message: Reason }),
    response: PolicyVersion,
    status: 201,
    idempotent: true,
  }),
  policyCompare: endpoint({
    method: "POST",
    path: "/policies/{policy_id}/comparisons",
    tag,
    summary:
      "Replay past runs under a version or a draft, beside another version: what would have been stopped",
    access: "policy:write",
    params: PolicyParams,
    body: z.object({
      candidate: z.union([
        z.object({ version: z.number().int().min(1) }),
        z.object({ document: PolicyDocument }),
      ]),
      base_version: z.number().int().min(1).optional().describe("default: the current version"),
      days: z.number().int().min(1).max(90).default(14),
      runs_max: z.number().int().min(1).max(COMPARED_RUNS_MAX).default(200),
    }),
    response: PolicyComparison,
    status: 202,
    idempotent: true,
  }),
  policyComparisonRead: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/comparisons/{comparison_id}",
    tag,
    summary: "How far a comparison is, and its result",
    access: "run:read",
    params: PolicyParams.extend({ comparison_id: Id }),
    response: PolicyComparison,
  }),
  policySuggestions: endpoint({
    method: "GET",
    path: "/policies/{policy_id}/suggestions",
    tag,
    summary: "What feedback on incidents asks for",
    access: "run:read",
    params: PolicyParams,
    response: z.object({ items: z.array(PolicySuggestion) }),
  }),
} as const;
