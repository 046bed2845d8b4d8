import type { ConnectionChange } from "@flowplane/contract";
import { timestamp } from "../../platform/context.ts";
import type { Db } from "../../platform/storage/database.ts";
import { isUnknownSinceOffer, type HealthColumns } from "../health/levels.ts";
import { offerSentence, standing, type Told } from "./sentence.ts";
import { findNewestOf } from "./store.ts";

type AgentColumns = Pick<HealthColumns, "healthy" | "health_at" | "settings_offered_at">;

/** What the newest offer of each of these agents means for it now; those for which all is as it should be are left out. */
export async function readConnectionChanges(
  db: Db,
  agents: readonly (AgentColumns & { readonly id: string })[],
  now: number,
): Promise<Map<string, ConnectionChange>> {
  if (agents.length === 0) return new Map();
  const offers = await findNewestOf(
    db,
    agents.map(({ id }) => id),
  );
  const byAgent = new Map(offers.map((offer) => [offer.agent_id, offer]));
  return new Map(
    agents.flatMap((agent) => {
      const change = connectionChange(agent, byAgent.get(agent.id), now);
      return change === null ? [] : [[agent.id, change] as const];
    }),
  );
}

/** An offer that is under way or failed counts before what it did to the agent's health. */
export function connectionChange(
  agent: AgentColumns,
  offer: Told | undefined,
  now: number,
): ConnectionChange | null {
  if (offer !== undefined) {
    const { state, since, isLate } = standing(offer, now);
    if (state === "offered" || state === "applying")
      return { state: "reconnecting", since: timestamp(since), sentence: offerSentence(offer, now) };
    if (state === "failed") {
      const why = isLate
        ? "it did not come with the new settings in time"
        : offer.detail || "it refused the new settings and did not say why";
      const sentence = `It kept its old connection: ${why.replace(/\.$/, "")}.`;
      return { state: "kept_old", since: timestamp(since), sentence };
    }
  }
  if (agent.settings_offered_at === null || !isUnknownSinceOffer(agent, now)) return null;
  return {
    state: "unknown_since_offer",
    since: timestamp(agent.settings_offered_at),
    sentence: "It has not said how it is since connection settings were offered to it.",
  };
}
