import { PolicyDocument } from "@flowplane/contract";
import { actorRef, newId, type Tx } from "../../platform/context.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { record } from "../audit/audit.ts";
import { hashDocument } from "./hash.ts";
import { findDefaultPolicy, insertPolicy, type PolicyRow } from "./store.ts";

/**
 * What an organization begins with. It watches and tells, and touches nothing: the ladders are what enforcing it would do.
 * A first stop leaves room for the job's own retries; who goes wrong again in the same way is stopped for good.
 */
export const DEFAULT_DOCUMENT: PolicyDocument = PolicyDocument.parse({
  mode: "shadow",
  actions: {
    loop: [{ do: "stop" }, { do: "stop_for_good" }],
    stall: [{ do: "restart", delay_ms: 10_000 }, { do: "stop_for_good" }],
    retry_storm: [{ do: "restart", delay_ms: 300_000 }, { do: "stop_for_good" }],
    runaway: [{ do: "restart", delay_ms: 60_000 }, { do: "stop_for_good" }],
    agent_loop: [{ do: "freeze" }, { do: "stop_for_good" }],
  },
});

const NAMES = ["Default", "Flowplane's default"];

/**
 * The organization's default policy, made now when there is none. Several may ask at once: one of them makes it. The
 * organization is the actor's.
 */
export async function ensureDefaultPolicy(ctx: Tx): Promise<PolicyRow> {
  const organizationId = ctx.actor.organization_id;
  for (const name of NAMES) {
    const found = await findDefaultPolicy(ctx.db, organizationId);
    if (found !== undefined) return found;
    await seed(ctx, name);
  }
  const found = await findDefaultPolicy(ctx.db, organizationId);
  if (found === undefined) throw new Error(`organization ${organizationId} has no default policy`);
  return found;
}

async function seed(ctx: Tx, name: string): Promise<void> {
  const actor = systemActor(ctx.actor.organization_id);
  const [id, now, by] = [newId(), new Date(ctx.now()), JSON.stringify(actorRef(actor))];
  const isMade = await insertPolicy(
    ctx.db,
    {
      id,
      organization_id: actor.organization_id,
      name,
      description:
        "Tells what it sees, and leaves runs alone. Enforce it, or a version of it, when you trust it.",
      current_version: 1,
      is_default: true,
      created_by: by,
      created_at: now,
      updated_at: now,
      archived_at: null,
    },
    {
      policy_id: id,
      version: 1,
      organization_id: actor.organization_id,
      document: JSON.stringify(DEFAULT_DOCUMENT),
      hash: hashDocument(DEFAULT_DOCUMENT),
      message: "What every organization begins with",
      created_by: by,
      created_at: now,
    },
  );
  if (isMade)
    record(
      { ...ctx, actor },
      { action: "policy.create", target_type: "policy", target_id: id, metadata: { name, version: 1 } },
    );
}
