import type { Base } from "../../platform/context.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A token that opens nothing any more stays in the list this long, for whoever looks what it was. */
export const RETIRED_TOKEN_DAYS = 90;

/** Removes what has ended: sessions, sign-in links, device codes, and API tokens long revoked or expired. */
export async function cleanIdentity(base: Base): Promise<void> {
  const db = base.storage.system;
  const now = new Date(base.now());
  const retired = new Date(base.now() - RETIRED_TOKEN_DAYS * DAY_MS);
  await db.deleteFrom("auth_sessions").where("expires_at", "<", now).execute();
  await db.deleteFrom("auth_verifications").where("expires_at", "<", now).execute();
  await db.deleteFrom("auth_device_codes").where("expires_at", "<", now).execute();
  await db
    .deleteFrom("api_tokens")
    .where((where) => where.or([where("revoked_at", "<", retired), where("expires_at", "<", retired)]))
    .execute();
}
