import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { createComparison, readComparison, type EnqueueComparison } from "./comparisons.ts";
import { readSuggestions } from "./suggestions.ts";
import {
  archivePolicy,
  changePolicy,
  createPolicy,
  createVersion,
  listPolicyPage,
  listVersions,
  readPolicy,
} from "./policies.ts";

export function policyRoutes(http: Http, enqueue: EnqueueComparison): void {
  route(http, api.policyList, (ctx, { query }) => listPolicyPage(ctx, query));
  route(http, api.policyCreate, (ctx, { body }) => createPolicy(ctx, body));
  route(http, api.policyRead, (ctx, { params }) => readPolicy(ctx, params.policy_id));
  route(http, api.policyChange, (ctx, { params, body }) => changePolicy(ctx, params.policy_id, body));
  route(http, api.policyArchive, (ctx, { params }) => archivePolicy(ctx, params.policy_id));
  route(http, api.policyVersionList, (ctx, { params, query }) => listVersions(ctx, params.policy_id, query));
  route(http, api.policyVersionCreate, (ctx, { params, body }) => createVersion(ctx, params.policy_id, body));
  route(http, api.policyCompare, (ctx, { params, body }) =>
    createComparison(ctx, params.policy_id, body, enqueue),
  );
  route(http, api.policyComparisonRead, (ctx, { params }) =>
    readComparison(ctx, params.policy_id, params.comparison_id),
  );
  route(http, api.policySuggestions, (ctx, { params }) => readSuggestions(ctx, params.policy_id));
}
