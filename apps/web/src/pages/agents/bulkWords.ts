/** What bulk actions say and make of agents. */
import type { Agent } from "@flowplane/contract";
import { counted } from "../../lib/units.ts";

/** "340 agents in 3 sites". */
export function whatItTouches(agents: readonly Pick<Agent, "site_id">[]): string {
  return `${counted(agents.length, "agent")} in ${counted(new Set(agents.map(({ site_id }) => site_id)).size, "site")}`;
}

/** What a label action makes of an agent's labels. Without a value the label is taken away. */
export function relabelled(
  labels: Readonly<Record<string, string>>,
  key: string,
  value: string | undefined,
): Record<string, string> {
  const others = Object.fromEntries(Object.entries(labels).filter(([name]) => name !== key));
  return value === undefined ? others : { ...others, [key]: value };
}
