import { Retention } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";

/** What an organization says about keeping, with the defaults for what it left open. */
export function retentionOf(organization: { readonly retention: Partial<Retention> }): Retention {
  return Retention.parse(organization.retention);
}

export async function readRetention(ctx: Ctx): Promise<Retention> {
  return inTransaction(ctx, async (ctx) =>
    retentionOf(
      await ctx.db
        .selectFrom("organizations")
        .select("retention")
        .where("id", "=", ctx.actor.organization_id)
        .executeTakeFirstOrThrow(),
    ),
  );
}

/** Holds from the next night on; what was deleted stays deleted. */
export async function changeRetention(ctx: Ctx, retention: Retention): Promise<Retention> {
  const before = await readRetention(ctx);
  return inTransaction(ctx, async (ctx) => {
    await ctx.db
      .updateTable("organizations")
      .set({ retention: JSON.stringify(retention) })
      .where("id", "=", ctx.actor.organization_id)
      .execute();
    record(ctx, {
      action: "retention.change",
      target_type: "organization",
      target_id: ctx.actor.organization_id,
      metadata: { from: before, to: retention },
    });
    return retention;
  });
}
