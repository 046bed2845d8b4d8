import { LaunchPolicy, type Me, type Site } from "@flowplane/contract";
import type { Auth } from "../../platform/auth/auth.ts";
import { actorRef, inTransaction, newId, notify, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { VERSION } from "../../platform/version.ts";
import { record } from "../audit/audit.ts";
import { insertSite, listSites, membershipsOf, organizationName, usersById, type SiteRow } from "./store.ts";

/** The one who asks, as the dashboard and the CLI greet them. */
export async function whoAmI(ctx: Ctx, auth: Auth): Promise<Me> {
  const { actor } = ctx;
  const name = await inTransaction(ctx, (ctx) => organizationName(ctx.db, actor.organization_id));
  const organization = { id: actor.organization_id, name, role: actor.role };
  const isPerson = actor.type === "user";
  const user = isPerson ? (await usersById(ctx.storage.system, [actor.id])).get(actor.id) : undefined;
  return {
    actor: actorRef(actor),
    email: user?.email ?? null,
    organization,
    organizations: isPerson ? await membershipsOf(ctx.storage.system, actor.id) : [organization],
    permissions: [...actor.permissions],
    server: {
      version: VERSION,
      agents_url: ctx.config.agentsUrl,
      public_url: ctx.config.publicUrl,
      smtp: auth.mails,
    },
  };
}

export async function listAllSites(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const after = idOfCursor(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listSites(ctx.db, after, query.limit + 1);
    return pageOf(rows, query.limit, (row) => [row.id], siteOf);
  });
}

export async function createSite(ctx: Ctx, input: { name: string; environment: string }): Promise<Site> {
  return inTransaction(ctx, async (ctx) => {
    const row = await insertSite(ctx.db, {
      id: newId(),
      organization_id: ctx.actor.organization_id,
      ...input,
    });
    if (row === undefined) throw new AppError("conflict", `There is a site named ${input.name} already.`);
    record(ctx, { action: "site.create", target_type: "site", target_id: row.id, metadata: input });
    notify(ctx, { topic: "site", id: row.id });
    return siteOf({ ...row, agents: 0 });
  });
}

function siteOf(row: SiteRow): Site {
  return {
    id: row.id,
    name: row.name,
    environment: row.environment,
    agents: row.agents,
    created_at: timestamp(row.created_at),
    launch_policy: LaunchPolicy.parse(row.launch_policy),
    detection_fallback:
      row.detection_fallback_until === null
        ? null
        : { until: timestamp(row.detection_fallback_until), reason: row.detection_fallback_reason ?? "" },
  };
}
