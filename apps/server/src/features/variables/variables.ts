import type { Variable } from "@flowplane/contract";
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
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import {
  deleteVariableRow,
  findVariable,
  listVariableRows,
  putVariableRow,
  siteExists,
  type VariableRow,
} from "./store.ts";

export async function listVariables(
  ctx: Ctx,
  query: { cursor?: string | undefined; limit: number; site_id?: string | undefined },
) {
  const after = readAfter(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    // It narrows the list, as filters do: of a site that is not there, there is nothing.
    if (query.site_id !== undefined && !isUuid(query.site_id))
      return { items: [], next_cursor: null, total: null };
    const rows = await listVariableRows(ctx.db, { after, site: query.site_id, limit: query.limit + 1 });
    return pageOf(rows, query.limit, (row) => [row.name, row.id], variableOf);
  });
}

/** Sets a variable of a site, or of the organization. What agents run is not touched: a rollout brings the value. */
export async function putVariable(
  ctx: Ctx,
  name: string,
  input: { value: string; site_id: string | null },
): Promise<Variable> {
  if (!input.value.isWellFormed() || input.value.includes("\0"))
    throw new AppError(
      "invalid_input",
      "A variable's value holds a NUL or half a character. Send it as UTF-8.",
      {
        fields: [{ pointer: "/value", message: "must be text" }],
      },
    );
  return inTransaction(ctx, async (ctx) => {
    if (input.site_id !== null) await requireSite(ctx, input.site_id);
    const before = await findVariable(ctx.db, name, input.site_id);
    const row = await putVariableRow(ctx.db, {
      id: newId(),
      organization_id: ctx.actor.organization_id,
      site_id: input.site_id,
      name,
      value: input.value,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      updated_at: new Date(ctx.now()),
    });
    record(ctx, {
      action: before === undefined ? "variable.create" : "variable.change",
      target_type: "variable",
      target_id: name,
      metadata: { site_id: input.site_id, from: before?.value ?? null, to: input.value },
    });
    notify(ctx, { topic: "configuration", id: row.id });
    return variableOf(row);
  });
}

export async function deleteVariable(ctx: Ctx, name: string, siteId: string | undefined): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    if (siteId !== undefined) await requireSite(ctx, siteId);
    const row = await findVariable(ctx.db, name, siteId ?? null);
    if (row === undefined) throw notFound("variable", name);
    await deleteVariableRow(ctx.db, row.id);
    record(ctx, {
      action: "variable.delete",
      target_type: "variable",
      target_id: name,
      metadata: { site_id: row.site_id, from: row.value },
    });
    notify(ctx, { topic: "configuration", id: row.id });
    return undefined;
  });
}

async function requireSite(ctx: Tx, id: string): Promise<void> {
  if (!isUuid(id) || !(await siteExists(ctx.db, id))) throw notFound("site", id);
}

function variableOf(row: VariableRow): Variable {
  return {
    name: row.name,
    site_id: row.site_id,
    value: row.value,
    created_by: row.created_by,
    updated_at: timestamp(row.updated_at),
  };
}

function readAfter(cursor: string | undefined): readonly [string, string] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [name, id] = values;
  if (typeof name === "string" && typeof id === "string" && isUuid(id)) return [name, id];
  throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
}
