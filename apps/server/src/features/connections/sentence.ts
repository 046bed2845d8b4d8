import { duration } from "../../platform/words.ts";

/** An offer as far as it can be told in a sentence. */
export interface Told {
  readonly state: "offered" | "applying" | "applied" | "failed" | "withdrawn";
  readonly state_at: Date;
  readonly deadline_at: Date;
  readonly retire_old: boolean;
  readonly detail: string;
}

/** Judged when it is read: an offer that nobody came with in time has failed, and since when. */
export function standing(offer: Pick<Told, "state" | "state_at" | "deadline_at">, now: number) {
  const isOpen = offer.state === "offered" || offer.state === "applying";
  return isOpen && offer.deadline_at.getTime() <= now
    ? ({ state: "failed", since: offer.deadline_at, isLate: true } as const)
    : { state: offer.state, since: offer.state_at, isLate: false };
}

/** Where an offer of connection settings stands, and what that means for the credential the agent had before. */
export function offerSentence(offer: Told, now: number): string {
  const { state, since, isLate } = standing(offer, now);
  const ago = duration(Math.max(0, now - since.getTime()));
  const left = duration(offer.deadline_at.getTime() - now);
  switch (state) {
    case "offered":
      return `New connection settings wait since ${ago} for the agent to come with them; the old credential stays valid. It has another ${left}.`;
    case "applying":
      return `The agent tries new connection settings since ${ago}; the old credential stays valid. It has another ${left}.`;
    case "applied":
      return `The agent came with its new credential ${ago} ago; ${offer.retire_old ? "the old ones have ended" : "the old ones are still valid"}.`;
    case "failed":
      return isLate
        ? `The agent did not come with its new connection settings in time, ${ago} ago; the old credential stays valid, and the new one too, should it still come.`
        : `The agent refused its new connection settings ${ago} ago${offer.detail === "" ? "" : `: ${offer.detail}`}; the old credential stays valid.`;
    case "withdrawn":
      return `New connection settings were withdrawn ${ago} ago; the old credential stays valid.`;
  }
}
