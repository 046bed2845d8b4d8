import type { Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { findWhoShallHave } from "./set-store.ts";

/** Agents named in a refusal. */
const NAMED_MAX = 3;

/** Throws `conflict` while an agent is to have a release of a package, or this one. */
export async function refuseInUse(
  ctx: Tx,
  what: { packageId: string; releaseId?: string },
  shown: string,
): Promise<void> {
  const { total, names } = await findWhoShallHave(ctx.db, what, NAMED_MAX);
  if (total === 0) return;
  const more = total > names.length ? ` and ${total - names.length} more` : "";
  throw new AppError(
    "conflict",
    `${shown} cannot be deleted: ${names.join(", ")}${more} ${total === 1 ? "is" : "are"} to have it. Give ${total === 1 ? "it" : "them"} another set of packages first.`,
  );
}
