import type { Api, EndpointOutput } from "@flowplane/contract";
import { counted, number } from "../../lib/units.ts";

export type Matches = EndpointOutput<Api["configurationOverlayMatches"]>;

/** "Matches 12 of 340 Collectors." */
export function matchWords(matches: Matches | undefined, name: string): string {
  const count = matches?.overlays.find((overlay) => overlay.name === name)?.agents;
  if (matches === undefined || count === undefined) return "Counting…";
  if (count === null) return "Its condition cannot be read.";
  if (matches.agents === 0) return "No Collector has enrolled yet.";
  if (count === 0) return `Matches none of ${counted(matches.agents, "Collector")}.`;
  return count === matches.agents
    ? `Matches ${count === 1 ? "the one Collector there is" : `all ${number(count)} Collectors`}.`
    : `Matches ${number(count)} of ${counted(matches.agents, "Collector")}.`;
}

/** "the base alone", "berlin", "berlin, then prod": what is laid on. */
export function combinationWords(overlays: readonly string[]): string {
  return overlays.length === 0 ? "the base alone" : overlays.join(", then ");
}
