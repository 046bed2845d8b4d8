import type { PolicyDocument } from "@flowplane/contract";
import type { Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { ensureDefaultPolicy } from "./default.ts";
import { findPolicy, findPolicyVersion } from "./store.ts";

/** A policy as a run takes it along: what a launch puts into `spec.detection`. */
export interface ResolvedPolicy {
  readonly policy_id: string;
  readonly policy_name: string;
  readonly version: number;
  readonly document: PolicyDocument;
}

/**
 * The version of a policy that a launch uses now: the one named, else the policy's current one; without a reference the
 * organization's default. Throws `not_found` for a policy of nobody or of others, `conflict` for an archived one,
 * `invalid_input` for a version it never had.
 */
export async function resolvePolicy(
  ctx: Tx,
  ref?: { readonly policy_id: string; readonly version?: number | undefined },
): Promise<ResolvedPolicy> {
  const policy =
    ref === undefined
      ? await ensureDefaultPolicy(ctx)
      : isUuid(ref.policy_id)
        ? await findPolicy(ctx.db, ref.policy_id)
        : undefined;
  if (policy === undefined) throw notFound("policy", ref?.policy_id ?? "");
  if (policy.archived_at !== null)
    throw new AppError("conflict", `The policy ${policy.name} is archived. Name another one.`);
  const number = ref?.version ?? policy.current_version;
  const version =
    number > policy.current_version ? undefined : await findPolicyVersion(ctx.db, policy.id, number);
  if (version === undefined)
    throw new AppError(
      "invalid_input",
      `The policy ${policy.name} has no version ${number}; its newest is ${policy.current_version}.`,
      { fields: [{ pointer: "/policy/version", message: "no such version" }] },
    );
  return {
    policy_id: policy.id,
    policy_name: policy.name,
    version: version.version,
    document: version.document,
  };
}

/** The policy a run was launched with: one of its own, or a version of ours, archived or not; undefined when there was none. */
export async function documentOf(
  ctx: Tx,
  run: {
    readonly policy_id: string | null;
    readonly policy_version: number | null;
    readonly policy_document: PolicyDocument | null;
  },
): Promise<PolicyDocument | undefined> {
  if (run.policy_document !== null) return run.policy_document;
  if (run.policy_id === null || run.policy_version === null) return undefined;
  return (await findPolicyVersion(ctx.db, run.policy_id, run.policy_version))?.document;
}
