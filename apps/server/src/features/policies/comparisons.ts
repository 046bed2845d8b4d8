import { z } from "zod";
import { PolicyDocument, type PolicyComparison } from "@flowplane/contract";
import {
  actorRef,
  inTransaction,
  newId,
  notify,
  timestamp,
  type Ctx,
  type Tx,
} from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import {
  countOpenComparisons,
  findComparison,
  insertComparison,
  type ComparisonRow,
} from "./comparison-store.ts";
import { COMPARISONS_OPEN_MAX } from "./limits.ts";
import { findPolicy, type PolicyRow } from "./store.ts";

/** What is compared with what, as the row keeps it. */
const Request = z.object({
  candidate: z.union([z.object({ version: z.number() }), z.object({ document: z.custom<PolicyDocument>() })]),
  base_version: z.number().nullable().default(null),
  days: z.number(),
  runs_max: z.number(),
});
export type ComparisonRequest = z.output<typeof Request>;

const DAY_MS = 24 * 3_600_000;

/** Puts a comparison's work into the queue, in the transaction that made it. */
export type EnqueueComparison = (ctx: Tx, comparisonId: string) => Promise<void>;

export async function createComparison(
  ctx: Ctx,
  policyId: string,
  input: {
    candidate: { version: number } | { document: PolicyDocument };
    base_version?: number | undefined;
    days: number;
    runs_max: number;
  },
  enqueue: EnqueueComparison,
): Promise<PolicyComparison> {
  return inTransaction(ctx, async (ctx) => {
    const policy = isUuid(policyId) ? await findPolicy(ctx.db, policyId) : undefined;
    if (policy === undefined || policy.archived_at !== null) throw notFound("policy", policyId);
    const base_version = input.base_version ?? policy.current_version;
    checkVersion(policy, base_version, "/base_version");
    if ("version" in input.candidate) checkVersion(policy, input.candidate.version, "/candidate/version");
    if ((await countOpenComparisons(ctx.db)) >= COMPARISONS_OPEN_MAX)
      throw new AppError(
        "conflict",
        `${COMPARISONS_OPEN_MAX} comparisons are at work or waiting. Wait for one of them.`,
      );
    const row = {
      id: newId(),
      organization_id: ctx.actor.organization_id,
      policy_id: policy.id,
      request: JSON.stringify({ ...input, base_version }),
      state: "waiting" as const,
      result: null,
      error: null,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: new Date(ctx.now()),
      finished_at: null,
    };
    await insertComparison(ctx.db, row);
    await enqueue(ctx, row.id);
    record(ctx, {
      action: "policy.compare",
      target_type: "policy",
      target_id: policy.id,
      metadata: { name: policy.name, comparison_id: row.id, base_version },
    });
    notify(ctx, { topic: "policy_comparison", id: row.id, parent_id: policy.id });
    const made = await findComparison(ctx.db, row.id);
    if (made === undefined) throw new Error(`comparison ${row.id} is not there right after it was inserted`);
    return comparisonOf(made, policy);
  });
}

function checkVersion(policy: PolicyRow, version: number, pointer: string): void {
  if (version <= policy.current_version) return;
  const message = `the policy ${policy.name} has no version ${version}; its newest is ${policy.current_version}`;
  throw new AppError("invalid_input", `The body is not valid: ${pointer}: ${message}.`, {
    fields: [{ pointer, message }],
  });
}

export async function readComparison(ctx: Ctx, policyId: string, id: string): Promise<PolicyComparison> {
  return inTransaction(ctx, async (ctx) => {
    const row = isUuid(id) ? await findComparison(ctx.db, id) : undefined;
    const policy =
      row?.policy_id === policyId.toLowerCase() ? await findPolicy(ctx.db, row.policy_id) : undefined;
    if (row === undefined || policy === undefined) throw notFound("comparison", id);
    return comparisonOf(row, policy);
  });
}

export function requestOf(row: ComparisonRow): ComparisonRequest {
  return Request.parse(row.request);
}

/** Runs made before it are not looked at. */
export function sinceOf(row: ComparisonRow): Date {
  return new Date(row.created_at.getTime() - requestOf(row).days * DAY_MS);
}

function comparisonOf(row: ComparisonRow, policy: PolicyRow): PolicyComparison {
  const { candidate, base_version } = requestOf(row);
  const version = "version" in candidate ? candidate.version : null;
  return {
    id: row.id,
    policy_id: row.policy_id,
    state: row.state,
    progress: { done: row.done, total: row.total },
    base: { policy_id: policy.id, version: base_version, label: labelOf(policy, base_version) },
    candidate: { policy_id: policy.id, version, label: labelOf(policy, version) },
    since: timestamp(sinceOf(row)),
    summary: row.result?.summary ?? null,
    runs: row.result?.runs ?? [],
    error: row.error,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}

function labelOf(policy: PolicyRow, version: number | null): string {
  return version === null ? `A draft of ${policy.name}` : `${policy.name} version ${version}`;
}
