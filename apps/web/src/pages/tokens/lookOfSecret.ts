import type { Tone } from "../../api/states.ts";

/** Whether a bearer or API token still opens anything. */
export function lookOfSecret(
  secret: { revoked_at: string | null; expires_at: string | null },
  now = Date.now(),
): { tone: Tone; word: string } {
  if (secret.revoked_at !== null) return { tone: "off", word: "Revoked" };
  if (secret.expires_at !== null && Date.parse(secret.expires_at) <= now)
    return { tone: "off", word: "Expired" };
  return { tone: "ok", word: "Usable" };
}
