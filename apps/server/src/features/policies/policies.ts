import type { Policy, PolicyDocument, PolicyVersion } from "@flowplane/contract";
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
import { idOfCursor, pageOf, readCursor } from "../../platform/storage/page.ts";
import { isNameTaken } from "../../platform/storage/names.ts";
import { record } from "../audit/audit.ts";
import { hashDocument } from "./hash.ts";
import {
  clearDefault,
  findShownPolicy,
  insertPolicy,
  insertPolicyVersion,
  jobsUsing,
  listPolicies,
  listPolicyVersions,
  lockPolicy,
  findPolicyVersion,
  updatePolicy,
  type PolicyRow,
  type PolicyVersionRow,
  type ShownPolicyRow,
} from "./store.ts";

/** Jobs named in a refusal. */
const JOBS_NAMED_MAX = 5;

interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export async function listPolicyPage(ctx: Ctx, query: PageQuery) {
  const after = idOfCursor(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listPolicies(ctx.db, after, query.limit + 1, ctx.now());
    return pageOf(rows, query.limit, (row) => [row.id], policyOf);
  });
}

export async function readPolicy(ctx: Ctx, id: string): Promise<Policy> {
  return inTransaction(ctx, (ctx) => shownPolicy(ctx, id));
}

export async function createPolicy(
  ctx: Ctx,
  input: { name: string; description: string; document: PolicyDocument },
): Promise<Policy> {
  return inTransaction(ctx, async (ctx) => {
    const [id, now, by] = [newId(), new Date(ctx.now()), JSON.stringify(actorRef(ctx.actor))];
    const isMade = await insertPolicy(
      ctx.db,
      {
        id,
        organization_id: ctx.actor.organization_id,
        name: input.name,
        description: input.description,
        current_version: 1,
        created_by: by,
        created_at: now,
        updated_at: now,
        archived_at: null,
      },
      versionRow(ctx, id, 1, input.document, "First version"),
    );
    if (!isMade) throw nameTaken(input.name);
    record(ctx, {
      action: "policy.create",
      target_type: "policy",
      target_id: id,
      metadata: { name: input.name, mode: input.document.mode, hash: hashDocument(input.document) },
    });
    notify(ctx, { topic: "policy", id });
    return shownPolicy(ctx, id);
  });
}

/** Renames a policy, or makes it the one for all that name no other. */
export async function changePolicy(
  ctx: Ctx,
  id: string,
  change: { name?: string | undefined; description?: string | undefined; is_default?: true | undefined },
): Promise<Policy> {
  return inTransaction(ctx, async (ctx) => {
    const policy = await lockLive(ctx, id);
    const now = new Date(ctx.now());
    if (change.name !== undefined && (await isNameTaken(ctx.db, "policies", change.name, policy.id)))
      throw nameTaken(change.name);
    if (change.is_default === true && !policy.is_default)
      await clearDefault(ctx.db, ctx.actor.organization_id, now);
    await updatePolicy(ctx.db, policy.id, {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.is_default === undefined ? {} : { is_default: true }),
      updated_at: now,
    });
    record(ctx, {
      action: "policy.change",
      target_type: "policy",
      target_id: policy.id,
      metadata: { from: policy.name, ...change },
    });
    notify(ctx, { topic: "policy", id: policy.id });
    return shownPolicy(ctx, policy.id);
  });
}

/** Takes a policy out of use; its versions stay, for the runs that were launched with them. */
export async function archivePolicy(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const policy = await lockLive(ctx, id);
    if (policy.is_default)
      throw new AppError(
        "conflict",
        `${policy.name} is the default policy. Make another one the default first.`,
      );
    const jobs = await jobsUsing(ctx.db, policy.id, JOBS_NAMED_MAX);
    if (jobs.length > 0)
      throw new AppError(
        "conflict",
        `${policy.name} is used by ${jobs.join(", ")}${jobs.length === JOBS_NAMED_MAX ? " and maybe others" : ""}. Give them another policy first.`,
      );
    const now = new Date(ctx.now());
    await updatePolicy(ctx.db, policy.id, { archived_at: now, updated_at: now });
    record(ctx, {
      action: "policy.archive",
      target_type: "policy",
      target_id: policy.id,
      metadata: { name: policy.name },
    });
    notify(ctx, { topic: "policy", id: policy.id });
    return undefined;
  });
}

export async function listVersions(ctx: Ctx, policyId: string, query: PageQuery) {
  const below = readCursor(query.cursor, 1)?.[0];
  if (below !== undefined && !(Number.isSafeInteger(below) && Math.abs(Number(below)) <= VERSION_MAX))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return inTransaction(ctx, async (ctx) => {
    await shownPolicy(ctx, policyId);
    const rows = await listPolicyVersions(
      ctx.db,
      policyId,
      below === undefined ? undefined : Number(below),
      query.limit + 1,
    );
    return pageOf(rows, query.limit, (row) => [row.version], versionOf);
  });
}

/** Versions never change, so what is saved becomes the next one. */
export async function createVersion(
  ctx: Ctx,
  policyId: string,
  input: { document: PolicyDocument; message: string },
): Promise<PolicyVersion> {
  return inTransaction(ctx, async (ctx) => {
    const policy = await lockLive(ctx, policyId);
    const current = await findPolicyVersion(ctx.db, policy.id, policy.current_version);
    const hash = hashDocument(input.document);
    if (current?.hash === hash)
      throw new AppError("conflict", `That is what version ${policy.current_version} says already.`);
    const version = policy.current_version + 1;
    await insertPolicyVersion(ctx.db, versionRow(ctx, policy.id, version, input.document, input.message));
    await updatePolicy(ctx.db, policy.id, { current_version: version, updated_at: new Date(ctx.now()) });
    record(ctx, {
      action: "policy.version",
      target_type: "policy",
      target_id: policy.id,
      reason: input.message,
      metadata: { name: policy.name, version, mode: input.document.mode, hash },
    });
    notify(ctx, { topic: "policy", id: policy.id });
    const row = await findPolicyVersion(ctx.db, policy.id, version);
    if (row === undefined) throw new Error(`version ${version} is not there right after it was inserted`);
    return versionOf(row);
  });
}

const VERSION_MAX = 2 ** 31 - 1;

async function lockLive(ctx: Tx, id: string): Promise<PolicyRow> {
  const policy = isUuid(id) ? await lockPolicy(ctx.db, id) : undefined;
  if (policy === undefined || policy.archived_at !== null) throw notFound("policy", id);
  return policy;
}

async function shownPolicy(ctx: Tx, id: string): Promise<Policy> {
  const row = isUuid(id) ? await findShownPolicy(ctx.db, id, ctx.now()) : undefined;
  if (row === undefined) throw notFound("policy", id);
  return policyOf(row);
}

function versionRow(ctx: Tx, policyId: string, version: number, document: PolicyDocument, message: string) {
  return {
    policy_id: policyId,
    version,
    organization_id: ctx.actor.organization_id,
    document: JSON.stringify(document),
    hash: hashDocument(document),
    message,
    created_by: JSON.stringify(actorRef(ctx.actor)),
    created_at: new Date(ctx.now()),
  };
}

function policyOf(row: ShownPolicyRow): Policy {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    current_version: row.current_version,
    current: row.document,
    is_default: row.is_default,
    runs_30d: row.runs_30d,
    incidents_30d: row.incidents_30d,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
  };
}

function versionOf(row: PolicyVersionRow): PolicyVersion {
  return {
    policy_id: row.policy_id,
    version: row.version,
    document: row.document,
    hash: row.hash,
    message: row.message,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
  };
}

function nameTaken(name: string): AppError {
  return new AppError("conflict", `There is a policy named ${name} already.`, {
    fields: [{ pointer: "/name", message: "is taken" }],
  });
}
