import { LaunchPolicy, type Me, type Site } from "@flowplane/contract";
import type { Auth } from "../../platform/auth/auth.ts";
import { actorRef, inTransaction, newId, notify, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { VERSION } from "../../platform/version.ts";
import { record } from "../audit/audit.ts";
import { tellFallbackEnded } from "../incidents/guard.ts";
import {
  countAgentsOfSite,
  insertSite,
  isSiteNameTaken,
  listSites,
  lockSite,
  membershipsOf,
  organizationName,
  updateSite,
  usersById,
  type SiteRow,
} from "./store.ts";

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
    return pageOf(
      rows,
      query.limit,
      (row) => [row.id],
      (row) => siteOf(row, ctx.now()),
    );
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
    return siteOf({ ...row, agents: 0 }, ctx.now());
  });
}

export interface SiteChange {
  readonly name?: string | undefined;
  readonly environment?: string | undefined;
  readonly launch_policy?: LaunchPolicy | undefined;
  /** Null ends the guard's fall back to shadow now. */
  readonly detection_fallback?: null | undefined;
}

/** Changes what is given and keeps the rest. A launch policy holds for what is launched from now on. */
export async function changeSite(ctx: Ctx, id: string, change: SiteChange): Promise<Site> {
  return inTransaction(ctx, async (ctx) => {
    const before = isUuid(id) ? await lockSite(ctx.db, id) : undefined;
    if (before === undefined) throw notFound("site", id);
    if (change.name !== undefined && (await isSiteNameTaken(ctx.db, change.name, id)))
      throw new AppError("conflict", `There is a site named ${change.name} already.`);
    if (change.launch_policy !== undefined) checkLaunchPolicy(change.launch_policy);
    const fallback = {
      detection_fallback_until: null,
      detection_fallback_since: null,
      detection_fallback_reason: null,
    };
    const patch = {
      name: change.name ?? before.name,
      environment: change.environment ?? before.environment,
      ...(change.detection_fallback === null ? fallback : {}),
    };
    await updateSite(ctx.db, id, {
      ...patch,
      ...(change.launch_policy === undefined ? {} : { launch_policy: JSON.stringify(change.launch_policy) }),
    });
    record(ctx, {
      action: "site.change",
      target_type: "site",
      target_id: id,
      metadata: {
        name: patch.name,
        ...(change.environment === undefined ? {} : { environment: patch.environment }),
        ...(change.launch_policy === undefined
          ? {}
          : { launch_policy: { from: LaunchPolicy.parse(before.launch_policy), to: change.launch_policy } }),
        ...(change.detection_fallback === null ? { detection_fallback: "ended" } : {}),
      },
    });
    if (change.detection_fallback === null && before.detection_fallback_until !== null)
      await tellFallbackEnded(ctx, id, `${ctx.actor.name} ended it`);
    notify(ctx, { topic: "site", id });
    if (change.detection_fallback === null && before.detection_fallback_until !== null)
      await tellFallbackEnded(ctx, id, `${ctx.actor.name} ended it`);
    if (change.launch_policy !== undefined) ctx.afterCommit(() => ctx.bus.publish(subjects.runsWaiting, {}));
    return siteOf(
      {
        ...before,
        ...patch,
        launch_policy: change.launch_policy ?? before.launch_policy,
        agents: await countAgentsOfSite(ctx.db, id),
      },
      ctx.now(),
    );
  });
}

/** A default that the policy itself forbids would refuse every run that asks for nothing. */
function checkLaunchPolicy(policy: LaunchPolicy): void {
  const mode = policy.isolation_default.mode;
  if (policy.isolation.includes(mode)) return;
  const message = `the default mode ${mode} is not among the modes a run may have (${policy.isolation.join(", ")})`;
  throw new AppError(
    "invalid_input",
    `The body is not valid: /launch_policy/isolation_default: ${message}.`,
    {
      fields: [{ pointer: "/launch_policy/isolation_default", message }],
    },
  );
}

/** A fall back ends by its time, whether or not anybody wrote that down. */
function siteOf(row: SiteRow, now: number): Site {
  return {
    id: row.id,
    name: row.name,
    environment: row.environment,
    agents: row.agents,
    created_at: timestamp(row.created_at),
    launch_policy: LaunchPolicy.parse(row.launch_policy),
    detection_fallback:
      row.detection_fallback_until === null || row.detection_fallback_until.getTime() <= now
        ? null
        : { until: timestamp(row.detection_fallback_until), reason: row.detection_fallback_reason ?? "" },
  };
}
