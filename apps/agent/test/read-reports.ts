import type { ComponentHealth } from "@flowplane/opamp";

/** Components of a health tree by name, in order. */
export function healthToJson(health: ComponentHealth | undefined): Record<string, boolean> {
  const entries = Object.entries(health?.componentHealthMap ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, { healthy }]) => [name, healthy]));
}
