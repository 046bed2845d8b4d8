import type { Tx } from "../../platform/context.ts";
import { notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { findPackage, lockPackage, type PackageRow, type ShownPackageRow } from "./store.ts";

/** Throws `not_found`. */
export async function requirePackage(ctx: Tx, id: string): Promise<ShownPackageRow> {
  const row = isUuid(id) ? await findPackage(ctx.db, id) : undefined;
  if (row === undefined) throw notFound("package", id);
  return row;
}

/** As `requirePackage`, and locked until the transaction ends. */
export async function lockThePackage(ctx: Tx, id: string): Promise<PackageRow> {
  const row = isUuid(id) ? await lockPackage(ctx.db, id) : undefined;
  if (row === undefined) throw notFound("package", id);
  return row;
}
