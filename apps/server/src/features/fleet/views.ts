import { AGENT_VIEWS_MAX, type AgentView, type AgentViewSearch } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import {
  countViews,
  deleteView,
  findView,
  findViewByName,
  listViews,
  putView,
  type ViewRow,
} from "./view-store.ts";

// Nothing here is written to the audit log: a view changes what one person sees first, and nothing else.

/** The actor's own views by name; an API token has none. */
export async function listAgentViews(ctx: Ctx): Promise<{ items: AgentView[] }> {
  return inTransaction(ctx, async (ctx) => ({
    items:
      ctx.actor.type === "user" ? (await listViews(ctx.db, ctx.actor.id, AGENT_VIEWS_MAX)).map(viewOf) : [],
  }));
}

/** Saves a view of the actor's under an id they chose: a new one, another name, or another filter. */
export async function putAgentView(
  ctx: Ctx,
  id: string,
  { name, search }: { name: string; search: AgentViewSearch },
): Promise<AgentView> {
  return inTransaction(ctx, async (ctx) => {
    const userId = requirePerson(ctx, id);
    if (!isUuid(id))
      throw new AppError("invalid_input", "The id of a view is a UUID of your choice.", {
        fields: [{ pointer: "path/view_id", message: "is no UUID" }],
      });
    const before = await findView(ctx.db, userId, id);
    const named = await findViewByName(ctx.db, userId, name);
    if (named !== undefined && named.id !== id)
      throw new AppError(
        "conflict",
        `You have a view called ${name} already. Choose another name, or forget that one first.`,
        {
          fields: [{ pointer: "/name", message: "is the name of another view" }],
        },
      );
    // Two that are begun in the same moment may pass it by one; it is there against piling up.
    if (before === undefined && (await countViews(ctx.db, userId)) >= AGENT_VIEWS_MAX)
      throw new AppError(
        "conflict",
        `You have ${AGENT_VIEWS_MAX} views, which is the most there can be. Forget one first.`,
      );
    const row = await putView(ctx.db, {
      id,
      organization_id: ctx.actor.organization_id,
      user_id: userId,
      name,
      search: JSON.stringify(search),
      updated_at: new Date(ctx.now()),
    });
    return viewOf(row);
  });
}

export async function deleteAgentView(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const isThere = isUuid(id) && ctx.actor.type === "user" && (await deleteView(ctx.db, ctx.actor.id, id));
    if (!isThere) throw notFound("view", id);
    return undefined;
  });
}

function requirePerson({ actor }: Tx, id: string): string {
  if (actor.type === "user") return actor.id;
  throw new AppError(
    "not_found",
    `There is no view ${id} for you: views are kept for people, and an API token is none. Sign in to save one.`,
  );
}

function viewOf({ id, name, search, updated_at }: ViewRow): AgentView {
  return { id, name, search, updated_at: timestamp(updated_at) };
}
