/** What overlays come to in the mock. Of selectors it reads comparisons with a text, and several of them joined by &&. */
import { composeText, originsOf, readConfig } from "@flowplane/collector-config";
import {
  COMBINATION_EXAMPLES_MAX,
  type AgentDetail,
  type Api,
  type ConfigurationOverlay,
  type EndpointOutput,
} from "@flowplane/contract";
import { SITES } from "./agents.ts";

const COMPARISON = /^\s*(site|os|name|labels\.([\w-]+)) == "([^"]*)"\s*$/;

export function isReadable(selector: string): boolean {
  return selector.split("&&").every((part) => COMPARISON.test(part));
}

function matches(agent: AgentDetail, selector: string): boolean {
  return selector.split("&&").every((part) => {
    const [, field, label, value] = COMPARISON.exec(part) ?? [];
    if (label !== undefined) return (agent.labels[label] ?? "") === value;
    if (field === "site") return SITES.find(({ id }) => id === agent.site_id)?.name === value;
    return (field === "os" ? agent.os : agent.name) === value;
  });
}

export function previewOf(
  agent: AgentDetail,
  { body, overlays }: { body: string; overlays: readonly ConfigurationOverlay[] },
) {
  const { read } = readConfig(body);
  if (read === null) return undefined;
  const matching: { name: string; value: typeof read.value }[] = [];
  for (const { name, selector, body: text } of overlays) {
    const part = readConfig(text);
    if (part.read === null || !isReadable(selector)) return undefined;
    if (matches(agent, selector)) matching.push({ name, value: part.read.value });
  }
  const composed = composeText({ text: body, value: read.value }, matching);
  return {
    composed,
    overlays: matching.map(({ name }) => name),
    origins: originsOf(composed, read.value, matching).map(({ fromLine, toLine, overlay }) => ({
      from_line: fromLine,
      to_line: toLine,
      overlay,
    })),
  };
}

export function matchesOf(
  agents: readonly AgentDetail[],
  overlays: readonly { name: string; selector: string }[],
): EndpointOutput<Api["configurationOverlayMatches"]> {
  const groups = Map.groupBy(agents, (agent) =>
    overlays
      .filter(({ selector }) => isReadable(selector) && matches(agent, selector))
      .map(({ name }) => name)
      .join("\n"),
  );
  const combinations = [...groups].map(([names, group]) => ({
    overlays: names === "" ? [] : names.split("\n"),
    agents: group.length,
    examples: group.slice(0, COMBINATION_EXAMPLES_MAX).map(({ id, name }) => ({ id, name })),
  }));
  return {
    agents: agents.length,
    overlays: overlays.map(({ name, selector }) => ({
      name,
      agents: isReadable(selector)
        ? combinations
            .filter((combination) => combination.overlays.includes(name))
            .reduce((sum, combination) => sum + combination.agents, 0)
        : null,
    })),
    combinations: combinations.toSorted((one, other) => other.agents - one.agents),
  };
}
