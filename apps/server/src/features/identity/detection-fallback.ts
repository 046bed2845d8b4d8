import type { Tx } from "../../platform/context.ts";

/** How a site stands with the guard: until when every policy there acts as in shadow, since when, and why. */
export interface SiteFallback {
  readonly name: string;
  readonly detection_fallback_until: Date | null;
  readonly detection_fallback_since: Date | null;
}

/** The site, locked, so that two agents' interventions are counted one after the other. Rows that name it may still be added. */
export async function lockSiteFallback(ctx: Tx, siteId: string): Promise<SiteFallback | undefined> {
  return ctx.db
    .selectFrom("sites")
    .select(["name", "detection_fallback_until", "detection_fallback_since"])
    .where("id", "=", siteId)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

export async function setSiteFallback(
  ctx: Tx,
  siteId: string,
  fallback: { readonly until: Date; readonly since: Date; readonly reason: string },
): Promise<void> {
  await ctx.db
    .updateTable("sites")
    .set({
      detection_fallback_until: fallback.until,
      detection_fallback_since: fallback.since,
      detection_fallback_reason: fallback.reason,
    })
    .where("id", "=", siteId)
    .execute();
}
