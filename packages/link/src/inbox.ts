// Agent side of delivery. The agent stores an intent before it acknowledges it, and carries it out from its store.

import type { Intent } from "./messages.ts";

/**
 * What to do with intents that arrived: `store` is new, in order, each once; `ack` is everything, to be sent only after
 * `store` is on disk. `isKnown` asks the store, which remembers ids longer than intents.
 */
export function takeIntents(
  intents: readonly Intent[],
  isKnown: (id: string) => boolean,
): { store: Intent[]; ack: string[] } {
  const seen = new Set<string>();
  const store: Intent[] = [];
  for (const intent of intents) {
    if (seen.has(intent.id)) continue;
    seen.add(intent.id);
    if (!isKnown(intent.id)) store.push(intent);
  }
  return { store, ack: [...seen] };
}
