import type { PolicySuggestion } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { keepEvidence } from "../incidents/evidence.ts";
import { listFeedback } from "./comparison-store.ts";
import { FEEDBACK_DAYS, SUGGESTED_BY_MAX } from "./limits.ts";
import { findShownPolicy } from "./store.ts";
import { suggestions } from "./suggest.ts";

const DAY_MS = 24 * 3_600_000;

/** What people's feedback on the incidents of a policy asks for. */
export async function readSuggestions(ctx: Ctx, policyId: string): Promise<{ items: PolicySuggestion[] }> {
  return inTransaction(ctx, async (ctx) => {
    const policy = isUuid(policyId) ? await findShownPolicy(ctx.db, policyId, ctx.now()) : undefined;
    if (policy === undefined) throw notFound("policy", policyId);
    const rows = await listFeedback(ctx.db, policy.id, new Date(ctx.now() - FEEDBACK_DAYS * DAY_MS));
    const said = rows.map(({ id, category, verdict, evidence }) => ({
      id,
      category,
      verdict,
      text: keepEvidence(evidence).signature?.last_text ?? null,
    }));
    const items = suggestions(policy.id, policy.document, said);
    return {
      items: items.map((each) => ({ ...each, incident_ids: each.incident_ids.slice(0, SUGGESTED_BY_MAX) })),
    };
  });
}
